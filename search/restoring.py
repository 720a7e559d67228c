"""From an export back to a model: as Keras reads it, else built anew by the problem."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search import export
from search import problem as problems
from search.carried import Carried
from search.datasets import base as datasets
from search.errors import SearchError, StudyChangedError
from search.events import StudyStarted
from search.problem import LoadedProblem, Part, Problem

if TYPE_CHECKING:
    import keras

# what Keras raises for a class that it does not know, or code that it must not run
_UNKNOWN = (ValueError, TypeError, KeyError, ImportError, AttributeError, NotImplementedError)


def restored(
    directory: Path, header: StudyStarted, problem: Problem | None, carried: Carried | None
) -> "keras.Model":
    """The model in an export folder, in this process; it predicts as the exported one.

    Keras reads it, with safe mode on: no code comes out of a file. Where it is made of classes or
    functions that are not registered with Keras here, the study's problem builds it anew and the
    file gives the weights only: the given problem, else the one that the study's word names. A loss
    or metric that is not known leaves the model uncompiled; it predicts all the same.

    Raises: SearchError where there is no such problem; StudyChangedError where it, or the data its
    statistics come from, are no longer the study's.
    """
    import keras

    path = directory / export.MODEL
    for compiled in (True, False):
        try:
            return keras.saving.load_model(path, compile=compiled, safe_mode=True)
        except _UNKNOWN as error:
            reason = error
    try:
        found = _problem(header, problem, carried)
    except StudyChangedError:
        raise
    except SearchError as error:
        first = next(iter(str(reason).splitlines()), "")
        raise SearchError(
            f"the model of study {header.study} must be made of what Keras knows here, got "
            f"{type(reason).__name__}: {first}; register its classes with "
            "@keras.saving.register_keras_serializable() and import them, or give the problem "
            f"with search.load({header.study!r}, problem=...) ({error})"
        ) from reason
    return _rebuilt(found.problem, header, path, json.loads((directory / export.ABOUT).read_text()))


def _problem(header: StudyStarted, given: Problem | None, carried: Carried | None) -> LoadedProblem:
    if given is not None and carried is not None:
        found = LoadedProblem(carried.word, given, carried.digest, ())
    else:
        found = problems.load(header.config["problem"])
    if found.source_digest != header.digests["problem"]:
        raise _changed(header, "its problem")
    return found


def _rebuilt(
    problem: Problem, header: StudyStarted, path: Path, facts: dict[str, Any]
) -> "keras.Model":
    """The model as `build` makes it, with the weights of the file."""
    import numpy as np

    train = Part((), ())
    if problem.statistics is not None:
        data = problem.load(None)
        if datasets.digest(data) != header.digests["data"]:
            raise _changed(header, "the data its statistics come from")
        train = data.train
    model = problem.builder(train)(facts["params"])
    if not model.built:
        model(_example(facts["input"], lambda one: np.zeros((1, *one["shape"]), one["dtype"])))
    model.load_weights(path)
    return model


def _example(described: Any, made: Any) -> Any:
    """One input of zeros, in the structure of arrays that the export describes."""
    if isinstance(described, dict) and set(described) == {"shape", "dtype"}:
        return made(described)
    if isinstance(described, dict):
        return {name: _example(part, made) for name, part in described.items()}
    return [_example(part, made) for part in described]


def _changed(header: StudyStarted, what: str) -> StudyChangedError:
    return StudyChangedError(
        f"a model of study {header.study} can only be built as it was, but {what} changed since; "
        "undo the change"
    )
