"""The space of a KerasTuner hypermodel, found by builds that leave the caller's Keras alone."""

import contextlib
import gc
import io
import random
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from search.errors import SearchError, UsageError
from search.kerastuner.discovery import Asked, Discovery, discover
from search.kerastuner.fit import Probe
from search.kerastuner.hyperparameters import Names, asked, given
from search.runtime.clock import Clock
from search.space.parameters import Params, Scalar

# Seconds after which a user is told what takes so long, and between two such lines.
_QUIET_SECONDS = 2.0
# A build that takes longer has made a large model, which only a collection removes.
_LARGE_SECONDS = 0.3
# What Keras keeps for a session, beside its configuration (keras 3.15, common/global_state.py).
_OF_SESSION = ("object_name_uids", "global_seed_generator")


@dataclass(frozen=True, slots=True)
class Found:
    """What the builds of a hypermodel showed: its parameters and their space, and what to say."""

    names: Names
    discovery: Discovery
    remarks: tuple[str, ...]


def find(
    hypermodel: Any, probe: Probe | None, *, levels: int, most_builds: int, clock: Clock
) -> Found:
    """Find the space of a hypermodel; `probe` tries its own `fit`.

    Raises: UsageError where the first build fails or asks for nothing, or where names depend on
    numbers.
    """
    scaled: set[str] = set()
    with _callers_keras_kept():
        while True:
            names = Names(levels, scaled)
            builds = _Builds(hypermodel, names, probe, clock)
            try:
                discovery = discover(builds, most_builds)
                break
            except _DependsError:
                scaled |= names.depending
    said = [*discovery.remarks, *names.remarks()]
    return Found(names, discovery, (*said, *(probe.facts.remarks if probe is not None else ())))


class _DependsError(Exception):
    """A range depends on another hyperparameter: the space is found again, knowing that."""


class _Builds:
    """Builds the hypermodel with some values, for its space to be found."""

    def __init__(self, hypermodel: Any, names: Names, probe: Probe | None, clock: Clock) -> None:
        self._hypermodel = hypermodel
        self._names = names
        self._probe = probe
        self._clock = clock
        self._count = 0
        self._told = clock.seconds()

    def __call__(self, values: Params) -> Asked:
        """Build once; what was asked for."""
        started = self._clock.seconds()
        self._count += 1
        if started - self._told > _QUIET_SECONDS:
            self._told = started
            _say(f"finding the search space: build {self._count} ...")
        hp, whole = given(self._names, values), True
        try:
            with _quiet(), _fresh_session():
                _built(self._hypermodel, hp, self._probe)
        except SearchError:
            raise
        except Exception as error:
            if not values:  # the first one, at the hypermodel's own defaults
                raise UsageError(_build_error(error)) from error
            whole = False
        if self._names.depending:
            raise _DependsError
        if self._clock.seconds() - started > _LARGE_SECONDS:
            gc.collect()
        return asked(self._names, hp, whole=whole)


def _built(hypermodel: Any, hp: Any, probe: Probe | None) -> None:
    hypermodel.declare_hyperparameters(hp)
    model = hypermodel.build(hp)
    if probe is not None:
        probe(hp, model)


def baseline(hypermodel: Any, names: Names, plain: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The parameters for a baseline by KerasTuner's names.

    Where a name has several ranges, a build with these values shows which of them is asked for.

    Raises: UsageError for a value that is not in the range that is asked for, or a failing build.
    """
    if not names.ambiguous(plain):
        return names.params(plain)
    hyper = names.hyper_names()
    words = {word: value for word, value in plain.items() if word not in hyper.values()}
    outside: dict[str, Scalar] = {}
    hp = given(names, words, outside.__setitem__)
    hp.values.update({name: value for name, value in plain.items() if name not in words})
    try:
        with _callers_keras_kept(), _quiet(), _fresh_session():
            _built(hypermodel, hp, None)
    except Exception as error:
        raise UsageError(f"baseline: {_build_error(error, 'with these values')}") from error
    for name, nearest in outside.items():
        if name in plain:
            raise UsageError(
                f"baseline: {name}={plain[name]!r} is not a value that build accepts together with "
                f"the other values. Write {nearest!r}, or change the other values."
            )
    found = asked(names, hp, whole=True).values
    return {word: value for word, value in found.items() if word in plain or hyper[word] in plain}


def _build_error(error: Exception, when: str = "with its default values") -> str:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    remedy = "Correct build."
    if "fetch failure" in reason or "URL" in type(error).__name__:
        remedy = (
            "It downloads weights, and the download failed. Put the file into Keras's cache "
            "(~/.keras/models), or build the model without pretrained weights."
        )
    return f"The hypermodel cannot be built {when}: {reason}. {remedy}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - a sign of life before any study


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # what a build prints or warns of is for its trial, not for each of these
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _callers_keras_kept() -> Iterator[None]:
    """Put back what builds use up of the caller's: random numbers, names of layers, settings."""
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator

    numbers = random.getstate(), np.random.get_state()
    generator = seed_generator.python_random
    drawn = generator.getstate()
    session = global_state.GLOBAL_STATE_TRACKER
    try:
        yield
    finally:
        global_state.GLOBAL_STATE_TRACKER = session
        generator.setstate(drawn)
        random.setstate(numbers[0])
        np.random.set_state(numbers[1])


@contextlib.contextmanager
def _fresh_session() -> Iterator[None]:
    """Within, Keras has the caller's configuration and none of its names, as after a clear."""
    from keras.src.backend.common import global_state

    before = global_state.GLOBAL_STATE_TRACKER
    fresh = threading.local()
    for name, value in vars(before).items():
        if name not in _OF_SESSION:
            setattr(fresh, name, value)
    global_state.GLOBAL_STATE_TRACKER = fresh
    try:
        yield
    finally:
        global_state.GLOBAL_STATE_TRACKER = before
