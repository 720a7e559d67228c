"""A trainer that trains nothing: what it does stands in the params of its task."""

import os
import signal
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from search.study import outcomes
from search.study.trial import Decision, EpochReport, Task
from search.training.base import Training, WorkerContext
from search.training.checkpoint import Checkpoint, TravellingCheckpoints
from tests.support import OBJECTIVE


@dataclass(frozen=True)
class FakeTrainer:
    """Calls itself to be its own recipe. `scratch` is where a trial notes that it has died once."""

    scratch: Path

    def __call__(self, place: WorkerContext) -> "FakeTrainer":
        return self

    def train(self, task: Task) -> Training:
        params, trial = task.proposal.params, task.proposal.trial
        curve = list(task.recorded)
        while len(curve) < task.proposal.budget.stop:
            epoch = len(curve) + 1
            if epoch == params.get("fails_at"):
                raise ValueError("no such layer")
            if epoch == params.get("dies_at"):
                self._die(trial, always=bool(params.get("always")))
            if epoch == params.get("hangs_at"):
                threading.Event().wait()
            if epoch == params.get("eats_at"):
                self._eat()
            if "gate" in params:
                self._wait_for(params["gate"])
            curve.append(EpochReport(trial, epoch, {"val_accuracy": epoch / 10}, 0.0))
            decision = yield curve[-1]
            if decision is Decision.STOP:
                return outcomes.pruned(OBJECTIVE, curve, 0)
        return outcomes.completed(OBJECTIVE, curve, 0, stopped_early=False)

    def _eat(self) -> None:
        """Use more and more memory, up to 3 GB, at a rate that a nanny can watch."""
        eaten = []
        for _ in range(150):
            eaten.append(b"x" * 20_000_000)
            threading.Event().wait(0.02)
        raise AssertionError("nobody minded")

    def _wait_for(self, name: str) -> None:
        while not (self.scratch / name).exists():
            threading.Event().wait(0.01)

    def _die(self, trial: str, *, always: bool) -> None:
        mark = self.scratch / trial
        if always or not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class TravellingTrainer:
    """Keeps its epochs in checkpoints that travel, and reports how many each start began with.

    Where the param "dies_at" is reached for the first time in `scratch`, its worker dies.
    """

    scratch: Path
    checkpoints: TravellingCheckpoints | None = None

    def __call__(self, place: WorkerContext) -> "TravellingTrainer":
        return replace(self, checkpoints=TravellingCheckpoints(place.transport, OWNER))

    def train(self, task: Task) -> Training:
        assert self.checkpoints is not None
        trial = task.proposal.trial
        saved = self.checkpoints.load(trial)
        curve = [] if saved is None else list(saved.curve)
        begun = float(len(curve))
        while len(curve) < task.proposal.budget.stop:
            if len(curve) + 1 == task.proposal.params.get("dies_at"):
                FakeTrainer(self.scratch)._die(trial, always=False)
            metrics = {"val_accuracy": (len(curve) + 1) / 10, "begun": begun}
            curve.append(EpochReport(trial, len(curve) + 1, metrics, 0.0))
            state = [np.full(1000, len(curve))]
            self.checkpoints.save(trial, Checkpoint(tuple(curve), state, state, len(curve)))
            yield curve[-1]
        return outcomes.completed(OBJECTIVE, curve, 0, stopped_early=False)


OWNER = "a-study"
