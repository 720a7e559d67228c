"""How a trainer is made, in whatever process it trains: small enough to send, equal when equal."""

import functools
import importlib.metadata
import platform
import random
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search.data.parts import Data
from search.datasets import base as datasets
from search.engine.resolve import ResolvedStudy, resolve
from search.errors import DataError, SearchError, UsageError
from search.problem import loading as problems
from search.problem._data_checks import check_data
from search.problem.pickling import PickledProblem
from search.runtime import tensorflow_setup
from search.runtime.clock import Clock, SystemClock
from search.runtime.keras_configuration import KerasConfiguration
from search.seeds import seed_for
from search.study.config import StudyConfig
from search.study.rules import training_rules
from search.training.base import WorkerContext
from search.training.checkpoint import CheckpointFolder, Checkpoints, TravellingCheckpoints
from search.training.cross_validation import CrossValidation
from search.training.trainer import KerasTrainer

THREADS = 1
_CHEAP_SECONDS = 0.3  # of a first load, after which a second one is hardly felt
_DISTRIBUTION = "keras-hyperparameter-search"


@dataclass(frozen=True, slots=True)
class WorkerInputs:
    """What a process loads before it can train: a study's problem and its data; no data itself.

    `sources`: names and contents of the problem's files, its own first, where they travel: those
    of a `.py` file to workers that share no disk. Empty where the problem is found by its word.
    `pickled`: the problem itself, where it was given from Python. `found`: what need not be found
    again when the problem's file is imported.
    """

    config: StudyConfig
    data_dir: Path | None
    versions: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, bytes], ...] = ()
    pickled: PickledProblem | None = None
    found: bytes | None = None

    def known(self) -> "WorkerInputs":
        """The same for processes that have loaded it: a problem that travels weighs what it holds.

        A worker that is started again loads the whole material first, like every other.
        """
        if self.pickled is None:
            return self
        return replace(self, pickled=self.pickled.without_content())

    def __call__(self, place: WorkerContext) -> "Loaded":
        """Import TensorFlow and load problem and data, once in a process.

        Raises: SearchError for other versions than the study's, or data that cannot be had.
        """
        self._refuse_other_versions()
        return _loaded(self, place.scratch)

    def unpacked(self, scratch: Path) -> StudyConfig:
        """The settings as they are here: files that have travelled lie under `scratch`."""
        if not self.sources:
            return self.config
        folder = scratch / problems.digest(self.sources)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.sources:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return replace(self.config, problem=str(folder / self.sources[0][0]))

    def _refuse_other_versions(self) -> None:
        here = dict(versions_here())
        others = [f"{n} {here[n]} instead of {v}" for n, v in self.versions if here[n] != v]
        if others:
            raise UsageError(
                f"must have the versions of the study, got {', '.join(others)}; install those "
                "(the same constraints.txt gives the same versions)"
            )


@dataclass(frozen=True, slots=True)
class Loaded:
    """A study's problem and data in this process, with their digests."""

    setup: ResolvedStudy
    data: Data
    source_digest: str
    data_digest: str
    keras: KerasConfiguration | None


@dataclass(frozen=True, slots=True)
class TrainerFactory:
    """What a worker needs to make a study's trainer: settings and places, no data and no code.

    `source_digest` and `data_digest` are those of the study. `checkpoints`: their folder; None
    where they travel. `study`: the identity of the study, to which its checkpoints belong.
    `rules`: see `search.study.rules`.
    """

    worker_inputs: WorkerInputs
    source_digest: str
    data_digest: str
    checkpoints: Path | None
    study: str
    rules: int

    def __call__(self, place: WorkerContext) -> KerasTrainer:
        """The trainer, with the data loaded.

        Raises: SearchError when problem or data are others than the study's.
        """
        loaded = self.worker_inputs(place)
        if not loaded.setup.loaded.has_digest(self.source_digest):
            raise UsageError(
                f"problem {self.worker_inputs.config.problem!r} must be the study's, got other "
                "files; install the same ones here as where the study runs"
            )
        if loaded.data_digest != self.data_digest:
            raise DataError(
                f"the data must be the study's (digest {self.data_digest[:12]}), got others "
                f"({loaded.data_digest[:12]}); put the same files here, and load them the same way "
                f"each time. {datasets.RANDOM}"
            )
        checkpoints: Checkpoints
        if self.checkpoints is None:
            assert place.transport is not None  # where checkpoints travel there is one
            checkpoints, folder = TravellingCheckpoints(place.transport, self.study), place.scratch
        else:
            checkpoints, folder = CheckpointFolder(self.checkpoints, self.study), self.checkpoints
        return trainer(
            loaded.setup, loaded.data, checkpoints, self.rules, folder, keras=loaded.keras
        )


def trainer(
    setup: ResolvedStudy,
    data: Data,
    checkpoints: Checkpoints,
    rules: int,
    folder: Path,
    *,
    keras: KerasConfiguration | None = None,
) -> KerasTrainer:
    """The trainer of a study; TensorFlow is imported when it is first needed.

    `folder`: in its "trials" each trial has a folder for what its callbacks write. `keras`: Keras's
    configuration once problem and data are loaded, by default what this thread has.
    """
    return KerasTrainer(
        setup.problem,
        data,
        checkpoints,
        SystemClock(),
        patience=setup.patience,
        most_epochs=setup.settings.max_epochs,
        folding=folding_of(setup.config),
        rules=training_rules(rules),
        keras=keras,
        files=folder / "trials",
    )


def load(setup: ResolvedStudy, data_dir: Path | None) -> Data:
    """The problem's data; a loader may import Keras, which finds its threads set.

    Raises: DataError when they cannot be had, or cannot be trained on; UsageError when they make
    too few folds.
    """
    tensorflow_setup.settle(THREADS)
    data = _data(setup, data_dir)
    folding = folding_of(setup.config)
    if folding is not None:
        folding.check(data)
    return data


def load_twice(setup: ResolvedStudy, data_dir: Path | None, clock: Clock) -> Data:
    """Return the problem's data as `load`, and refuse those that a second load gives otherwise.

    The second load is left out where the first took long, unless it drew from the generators of
    Python or NumPy that a seed of its own would not touch.

    Raises: DataError for data that are drawn at random, and as `load`.
    """
    started, drawn = clock.seconds(), _generators()
    data = load(setup, data_dir)
    if clock.seconds() - started > _CHEAP_SECONDS and drawn == _generators():
        return data
    if not datasets.same(data, _data(setup, data_dir)):
        raise DataError(
            f"problem {setup.problem.name}: load must give the same data each time, got others at "
            f"a second call, so that no study on them could be resumed. {datasets.RANDOM}"
        )
    return data


def _generators() -> str:
    """The state of the generators that code without a generator of its own draws from."""
    import numpy as np

    return repr((random.getstate(), np.random.get_state()))


def _data(setup: ResolvedStudy, data_dir: Path | None) -> Data:
    # another thread may be importing it
    tensorflow_random: Any = getattr(sys.modules.get("tensorflow"), "random", None)
    if hasattr(tensorflow_random, "set_seed"):
        # a seed of this process would make a random map draw alike in each pass, and so hide it
        tensorflow_random.set_seed(None)
    try:
        data = setup.problem.load(data_dir)
    except SearchError:
        raise
    except Exception as error:  # the loader is the user's code: anything may come
        raise DataError(
            f"the data of problem {setup.problem.name} must load, got "
            f"{type(error).__name__}: {error}; see that its files are here, or correct load"
        ) from error
    check_data(data)
    return data


def folding_of(config: StudyConfig) -> CrossValidation | None:
    """Return the folds of a study; None without cross-validation."""
    return None if config.cv is None else CrossValidation(config.cv, seed_for(config.seed, "folds"))


def versions_here() -> tuple[tuple[str, str], ...]:
    """The versions that all processes of a study must share."""
    names = (_DISTRIBUTION, "keras", "tensorflow", "numpy")
    python = ".".join(platform.python_version_tuple()[:2])
    return (("python", python), *((name, importlib.metadata.version(name)) for name in names))


@functools.lru_cache(maxsize=1)
def _loaded(worker_inputs: WorkerInputs, scratch: Path) -> Loaded:
    tensorflow_setup.prepare(THREADS)
    data_dir = worker_inputs.data_dir
    if data_dir is not None and not data_dir.is_dir():
        raise DataError(f"--data-dir must be a folder here too, got {data_dir}; put the data there")
    config, found = worker_inputs.unpacked(scratch), worker_inputs.found
    setup = resolve(config, worker_inputs.pickled, data_dir=data_dir, found=found)
    data = load(setup, data_dir)
    digest = datasets.digest(data)
    # each thread has its own: the one that trains may be another
    return Loaded(setup, data, setup.loaded.source_digest, digest, KerasConfiguration.noted())
