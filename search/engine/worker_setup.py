"""Inputs and factory of a trainer, small enough to send to worker processes and comparable."""

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
from search.problem.unseeded_generators import is_unseeded
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
_CHEAP_SECONDS = 0.3  # a load that takes less is repeated to check that it is deterministic
_DISTRIBUTION = "keras-hyperparameter-search"


@dataclass(frozen=True, slots=True)
class WorkerInputs:
    """Description of the problem and data that a process loads before it can train.

    `sources`: names and contents of the files of a `.py` problem, the main file first, for workers
    without the study's disk; otherwise empty. `pickled`: the problem, if it was given from Python.
    `found`: results of the search for hyperparameters, for the import of the problem file.
    """

    config: StudyConfig
    data_dir: Path | None
    versions: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, bytes], ...] = ()
    pickled: PickledProblem | None = None
    found: bytes | None = None

    def known(self) -> "WorkerInputs":
        """Return a copy without the pickled content, for processes that have already loaded it.

        The content may be large. A restarted worker first gets the complete inputs again.
        """
        if self.pickled is None:
            return self
        return replace(self, pickled=self.pickled.without_content())

    def __call__(self, place: WorkerContext) -> "Loaded":
        """Import TensorFlow and load problem and data, once per process.

        Raises: SearchError for other versions than the study's, or data that cannot be loaded.
        """
        self._refuse_other_versions()
        return _loaded(self, place.scratch)

    def unpacked(self, scratch: Path) -> StudyConfig:
        """Return the settings for this machine. Write `sources` to a folder in `scratch`."""
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
                f"versions differ from those of the study: {', '.join(others)}. Install the "
                "versions of the study (with the same constraints.txt)."
            )


@dataclass(frozen=True, slots=True)
class Loaded:
    """Problem and data of a study, loaded in this process, with their digests."""

    setup: ResolvedStudy
    data: Data
    source_digest: str
    data_digest: str
    keras: KerasConfiguration | None


@dataclass(frozen=True, slots=True)
class TrainerFactory:
    """Creates the trainer of a study in a worker. It contains settings, but no data and no code.

    `source_digest`, `data_digest`: of the study. `checkpoints`: folder of checkpoints; None when
    they are sent to the coordinator. `study`: identity of the study, which is stored in its
    checkpoints. `rules`: see `search.study.rules`.
    """

    worker_inputs: WorkerInputs
    source_digest: str
    data_digest: str
    checkpoints: Path | None
    study: str
    rules: int

    def __call__(self, place: WorkerContext) -> KerasTrainer:
        """Load the data and create the trainer.

        Raises: SearchError when problem or data differ from those of the study.
        """
        loaded = self.worker_inputs(place)
        if not loaded.setup.loaded.has_digest(self.source_digest):
            raise UsageError(
                f"problem {self.worker_inputs.config.problem!r} differs from the study's. Install "
                "the same files here as where the study runs."
            )
        if loaded.data_digest != self.data_digest:
            raise DataError(
                f"the data (digest {loaded.data_digest[:12]}) differ from the study's (digest "
                f"{self.data_digest[:12]}). Use the same files here, and load them in the same way "
                f"each time. {datasets.RANDOM}"
            )
        checkpoints: Checkpoints
        if self.checkpoints is None:
            assert place.transport is not None  # set for workers without the study's disk
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
    """Create the trainer of a study. TensorFlow is imported on first use.

    `folder`: its subfolder "trials" has a folder per trial for the files of callbacks. `keras`:
    Keras's configuration after loading problem and data; by default that of this thread.
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
    """Load and validate the problem's data. Set TensorFlow's threads first.

    A loader may import Keras, which must find the threads set.

    Raises: DataError for data that cannot be loaded or are invalid; UsageError for too few examples
    for the folds.
    """
    tensorflow_setup.settle(THREADS)
    data = _data(setup, data_dir)
    folding = folding_of(setup.config)
    if folding is not None:
        folding.check(data)
    return data


def load_twice(
    setup: ResolvedStudy, data_dir: Path | None, clock: Clock, *, alone: bool = False
) -> Data:
    """Load the problem's data as `load`, and check that a second load returns the same data.

    A slow load is repeated only if it drew from the global generators of Python or NumPy, or with
    `alone` (no other process loads the data and compares them) if its code has unseeded generators.

    Raises: DataError for data that differ, and as `load`.
    """
    started, drawn = clock.seconds(), _generators()
    data = load(setup, data_dir)
    slow = clock.seconds() - started > _CHEAP_SECONDS
    if slow and drawn == _generators() and not (alone and is_unseeded(setup.problem.load)):
        return data
    if not datasets.same(data, _data(setup, data_dir)):
        raise DataError(
            f"Problem {setup.problem.name}: a second call of load returned other data, so a study "
            f"could not be resumed. {datasets.RANDOM}"
        )
    return data


def _generators() -> str:
    """Return the state of the global generators of Python and NumPy."""
    import numpy as np

    return repr((random.getstate(), np.random.get_state()))


def _data(setup: ResolvedStudy, data_dir: Path | None) -> Data:
    # another thread may be importing TensorFlow
    tensorflow_random: Any = getattr(sys.modules.get("tensorflow"), "random", None)
    if hasattr(tensorflow_random, "set_seed"):
        # A global seed would make a random `map` repeat its draws, and hide that it is random.
        tensorflow_random.set_seed(None)
    try:
        data = setup.problem.load(data_dir)
    except SearchError:
        raise
    except Exception as error:  # the loader is user code and may raise anything
        raise DataError(
            f"Cannot load the data of problem {setup.problem.name}: "
            f"{type(error).__name__}: {error}. Check that its files are here, or correct load."
        ) from error
    check_data(data)
    return data


def folding_of(config: StudyConfig) -> CrossValidation | None:
    """Return the folds of a study; None without cross-validation."""
    return None if config.cv is None else CrossValidation(config.cv, seed_for(config.seed, "folds"))


def versions_here() -> tuple[tuple[str, str], ...]:
    """Return the versions that must be equal in all processes of a study."""
    names = (_DISTRIBUTION, "keras", "tensorflow", "numpy")
    python = ".".join(platform.python_version_tuple()[:2])
    return (("python", python), *((name, importlib.metadata.version(name)) for name in names))


@functools.lru_cache(maxsize=1)
def _loaded(worker_inputs: WorkerInputs, scratch: Path) -> Loaded:
    tensorflow_setup.prepare(THREADS)
    data_dir = worker_inputs.data_dir
    if data_dir is not None and not data_dir.is_dir():
        raise DataError(f"--data-dir {data_dir} is not a folder here. Copy the data to it.")
    config, found = worker_inputs.unpacked(scratch), worker_inputs.found
    setup = resolve(config, worker_inputs.pickled, data_dir=data_dir, found=found)
    data = load(setup, data_dir)
    digest = datasets.digest(data)
    # Keras's configuration is per thread, and another thread may train
    return Loaded(setup, data, setup.loaded.source_digest, digest, KerasConfiguration.noted())
