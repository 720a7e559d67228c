"""Workers of a study: this process, local processes, or a Dask cluster."""

import contextlib
import importlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from search.backends.base import slow_library
from search.data.parts import Data
from search.engine.resolve import ResolvedStudy
from search.engine.worker_setup import (
    THREADS,
    TrainerFactory,
    WorkerInputs,
    load_twice,
    trainer,
    versions_here,
)
from search.executors import dask
from search.executors._hardware import environments, memory_bytes, physical_cores
from search.executors._processes_pool import WorkerPool, local
from search.executors.base import Executor
from search.executors.fresh_process import FreshProcess
from search.executors.inline import InlineExecutor
from search.executors.processes import ProcessExecutor
from search.export.model_check import ModelCheck
from search.runtime import tensorflow_setup
from search.runtime.clock import Clock, SystemClock
from search.runtime.process_exit import IMPORTS
from search.study.events import StudyStarted
from search.training.checkpoint import CheckpointFolder
from search.training.trainer import KerasTrainer


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """Where a study trains: in this process, in local processes, or on a Dask cluster.

    `workers`: number of local processes; 0 trains in this process; None lets `sized` choose.
    `cluster`: address of a Dask scheduler, whose workers train instead. `gpus`: GPUs that local
    workers share. `trial_seconds`: time limit for one attempt of a trial; None for no limit.
    """

    workers: int | None = 1
    cluster: str | None = None
    gpus: tuple[str, ...] = ()
    trial_seconds: float | None = None

    @property
    def size(self) -> str:
        """Number of workers in a study's header, or "cluster".

        This process and one worker give equal results, and can continue each other's studies.
        """
        return "cluster" if self.cluster is not None else str(self.workers or 1)

    def sized(self, recorded: str | None = None) -> "WorkerSpec":
        """Choose the number of workers: the user's, the recorded one, or one per GPU or core.

        The recorded number keeps the results of a study with one worker reproducible. Without a
        recorded number, there is one worker per GPU, or per physical core without GPUs.
        """
        if self.cluster is not None or self.workers is not None:
            return self
        if recorded is not None and recorded.isdigit():
            return replace(self, workers=int(recorded))
        return replace(self, workers=len(self.gpus) or physical_cores())

    @contextlib.contextmanager
    def start_workers(
        self, setup: ResolvedStudy, data_dir: Path | None, clock: Clock
    ) -> Iterator["StartedWorkers"]:
        """Start the workers of a study: they import TensorFlow and load the data.

        In the background, this process imports TensorFlow and the backend's library too, because it
        evaluates the winner at the end.

        Raises: UsageError for a cluster that does not answer.
        """
        count = self.sized().workers
        fresh = FreshProcess(forks=not self.gpus)
        if self.cluster is None and count == 0:
            yield StartedWorkers(setup, data_dir, clock, self.trial_seconds, fresh)
            return
        word = setup.loaded.word
        sources = setup.loaded.sources if self.cluster and word.endswith(".py") else ()
        from search.kerastuner.hypermodel import (
            found_of,  # imports NumPy, which `--help` does without
        )

        found = None if setup.pickled is not None else found_of(setup.problem)
        worker_inputs = WorkerInputs(
            setup.config, data_dir, versions_here(), sources, setup.pickled, found
        )
        workers: dask.DaskWorkers | WorkerPool
        if self.cluster is not None:
            workers = dask.connected(self.cluster, worker_inputs, clock)
        else:
            places = environments(count or 1, self.gpus)
            workers = local(places, worker_inputs, memory_bytes=memory_bytes())
        library = slow_library(setup.config.backend)
        threading.Thread(target=_fetched, args=(library,), name=IMPORTS, daemon=True).start()
        try:
            yield StartedWorkers(
                setup, data_dir, clock, self.trial_seconds, fresh, worker_inputs, workers
            )
        finally:
            workers.close()


ALONE = WorkerSpec(0)


@dataclass(frozen=True, slots=True)
class StartedWorkers:
    """Started workers of one study. `workers`: None when this process trains.

    `fresh`: a process that has not trained, to check the exported model.
    """

    setup: ResolvedStudy
    data_dir: Path | None
    clock: Clock
    trial_seconds: float | None
    fresh: FreshProcess
    worker_inputs: WorkerInputs | None = None
    workers: dask.DaskWorkers | WorkerPool | None = None

    def load(self) -> Data:
        """Load the study's data in this process, and TensorFlow if this process trains.

        Raises: DataError for data that cannot be loaded, or differ between two loads.
        """
        if self.workers is None:
            tensorflow_setup.prepare(THREADS)
        # other processes compare the data that they load with this process's
        alone = self.workers is None
        return load_twice(self.setup, self.data_dir, SystemClock(), alone=alone)

    def model_check(self, header: StudyStarted) -> ModelCheck:
        """Return the check of this study's exported models."""
        return ModelCheck(self.fresh, header, self.setup.pickled, self.data_dir)

    def trainer(self, data: Data, header: StudyStarted, checkpoints: Path) -> KerasTrainer:
        """Create a trainer in this process."""
        saved = CheckpointFolder(checkpoints, header.identity)
        return trainer(self.setup, data, saved, header.rules, checkpoints)

    def executor(
        self, own: KerasTrainer, header: StudyStarted, checkpoints: Path, *, waits: bool
    ) -> Executor:
        """Create the executor of the study. `own`: the trainer of this process."""
        if self.workers is None or self.worker_inputs is None:
            return InlineExecutor(own)
        shared = isinstance(self.workers, WorkerPool)
        trainer_factory = TrainerFactory(
            self.worker_inputs.known(),
            header.digests["problem"],
            header.digests["data"],
            checkpoints.absolute() if shared else None,
            header.identity,
            header.rules,
        )
        if isinstance(self.workers, WorkerPool):
            return ProcessExecutor(
                self.workers, trainer_factory, self.clock, waits=waits, timeout=self.trial_seconds
            )
        return dask.DaskExecutor(
            self.workers,
            trainer_factory,
            CheckpointFolder(checkpoints, header.identity),
            self.clock,
            waits=waits,
            timeout=self.trial_seconds,
        )


def _fetched(library: str | None) -> None:
    # errors are ignored here: the code that needs the module imports it again and reports them
    with contextlib.suppress(Exception):
        tensorflow_setup.prepare(THREADS)
        if library is not None:
            importlib.import_module(library)
