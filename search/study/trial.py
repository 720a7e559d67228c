"""Data types shared by all packages: budgets, proposals, epoch reports, outcomes and tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from search.errors import UsageError, plain_text
from search.problem.objective import Metrics
from search.space.parameters import Params
from search.study.architecture import Network

BASELINE_TRIAL = "0"


@dataclass(frozen=True, slots=True)
class Budget:
    """Epochs of one training run of a trial: start + 1, ..., stop, counted from 1.

    Attributes:
        start: Epochs completed before. Above 0, training continues from the trial's last state.
        stop: Epochs completed at the end.

    Raises:
        UsageError: 0 <= start < stop does not hold.
    """

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise UsageError(
                f"A budget requires 0 <= start < stop (start={self.start}, stop={self.stop}). "
                "Correct them."
            )


@dataclass(frozen=True, slots=True)
class Proposal:
    """Proposal of a backend: train one configuration for one budget.

    A later proposal for the same trial (a promotion) has the same params, and a budget that starts
    at the stop of the previous one.

    Attributes:
        trial: Name of the trial in the study.
        params: Values of the active parameters.
        budget: Epochs to train.
        labels: Facts about the trial for trackers and figures, such as its bracket and rung. The
            label "role" marks the baseline. No backend reads labels.
        may_continue: Whether the backend may promote the trial later.
    """

    trial: str
    params: Params
    budget: Budget
    labels: Mapping[str, str | int] = field(default_factory=dict)
    may_continue: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Answer of a backend that needs an outcome before its next proposal."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Answer of a backend without further proposals under the current limit."""


Answer: TypeAlias = Proposal | Wait | Exhausted


class Decision(Enum):
    """Decision after an epoch report: continue or stop the trial."""

    CONTINUE = "continue"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class EpochReport:
    """Report of one completed epoch of a trial.

    Attributes:
        trial: Name of the trial.
        epoch: Number of the epoch, counted from 1 over all budgets of the trial.
        metrics: All metrics of the epoch; every value is finite.
        seconds: Duration of the epoch.
    """

    trial: str
    epoch: int
    metrics: Metrics
    seconds: float


@dataclass(frozen=True, slots=True)
class Completed:
    """Outcome of a trial that trained its whole budget, or stopped early.

    Attributes:
        score: Value of the objective at `best_epoch`.
        best_epoch: Epoch that gives the score, counted from 1.
        epochs: Completed epochs.
        seconds: Duration of the training.
        parameter_count: Number of weights of the model.
        stopped_early: Whether early stopping ended the trial.
        way: Training loop of its epochs: "fit", "graph" or "compiled"; empty if not reported.
        network: Architecture of the model; None if it is unknown, or in the record already.
    """

    score: float
    best_epoch: int
    epochs: int
    seconds: float
    parameter_count: int
    stopped_early: bool = False
    way: str = ""
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """Outcome of a trial that the backend stopped.

    Attributes:
        score: Value of the objective at `best_epoch`.
        best_epoch: Epoch that gives the score, counted from 1.
        at_epoch: Completed epochs.
        seconds: Duration of the training.
        parameter_count: Number of weights of the model.
        way: As for `Completed`.
        network: As for `Completed`.
    """

    score: float
    best_epoch: int
    at_epoch: int
    seconds: float
    parameter_count: int
    way: str = ""
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """Outcome of a trial that failed.

    Attributes:
        kind: "nan" for a loss that is not finite, "objective" for an objective that is not finite,
            "lost" for a worker that died; otherwise the name of the exception's class.
        message: Message of the error.
        traceback: Traceback of the error; empty if there is none.
        at_epoch: Completed epochs.
        seconds: Duration of the training.
    """

    kind: str
    message: str
    traceback: str
    at_epoch: int
    seconds: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", plain_text(self.message))
        object.__setattr__(self, "traceback", plain_text(self.traceback))


Outcome: TypeAlias = Completed | Pruned | Failed


@dataclass(frozen=True, slots=True)
class Task:
    """Task of a worker: train one proposal.

    Attributes:
        proposal: The proposal.
        seed: Seed of the trial.
        recorded: Reports of epochs in the journal, from earlier budgets, and from this one after a
            crash. Without a checkpoint they are trained again, but not reported again.
        attempt: Number of the attempt, counted from 1.
        stopped: Whether the backend decided STOP after the last recorded epoch.
    """

    proposal: Proposal
    seed: int
    recorded: tuple[EpochReport, ...] = ()
    attempt: int = 1
    stopped: bool = False
