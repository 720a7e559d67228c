"""A trainer that trains nothing: what it does stands in the params of its task."""

import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

from search import outcomes
from search.executors.base import Workplace
from search.training.base import Training
from search.trial import Decision, EpochReport, Task
from tests.support import OBJECTIVE


@dataclass(frozen=True)
class FakeTrainer:
    """Calls itself to be its own recipe. `scratch` is where a trial notes that it has died once."""

    scratch: Path

    def __call__(self, place: Workplace) -> "FakeTrainer":
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
            curve.append(EpochReport(trial, epoch, {"val_accuracy": epoch / 10}, 0.0))
            decision = yield curve[-1]
            if decision is Decision.STOP:
                return outcomes.pruned(OBJECTIVE, curve, 0)
        return outcomes.completed(OBJECTIVE, curve, 0, stopped_early=False)

    def _die(self, trial: str, *, always: bool) -> None:
        mark = self.scratch / trial
        if always or not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
