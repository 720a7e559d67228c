"""The plain data that crosses layers: budgets, proposals, reports, outcomes and tasks."""

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
    """The epochs [start, stop), cumulative: start > 0 continues the trial's own last state."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise UsageError(
                f"budget: 0 <= start < stop is needed, got [{self.start}, {self.stop})"
            )


@dataclass(frozen=True, slots=True)
class Proposal:
    """One configuration to be trained for one budget.

    `trial` names it within the study; a later proposal for the same trial (a promotion) has the
    same params and a budget that starts where the last one stopped. `labels` say what the
    backend means by the trial (its bracket or rung, say): trackers and figures show them, and the
    baseline is known by its "role". No backend reads them back. `may_continue` says that the
    backend might promote the trial later.
    """

    trial: str
    params: Params
    budget: Budget
    labels: Mapping[str, str | int] = field(default_factory=dict)
    may_continue: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """There is nothing to propose until an outcome has been told."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """There is nothing left to propose under the present limit."""


Answer: TypeAlias = Proposal | Wait | Exhausted


class Decision(Enum):
    """What a backend says to an epoch's report."""

    CONTINUE = "continue"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What one epoch of one trial gave: all metrics, finite, and the seconds it took.

    `epoch` is the completed epoch, 1-based and cumulative over budgets.
    """

    trial: str
    epoch: int
    metrics: Metrics
    seconds: float


@dataclass(frozen=True, slots=True)
class Completed:
    """The trial trained its budget, or stopped early of its own (`stopped_early`).

    `way`: how its epochs were trained, "fit", "graph" or "compiled"; empty where none says.
    `network`: the model's architecture, where it is known and the record does not have it yet.
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
    """The backend stopped the trial after epoch `at_epoch`; `score` is what it had reached."""

    score: float
    best_epoch: int
    at_epoch: int
    seconds: float
    parameter_count: int
    way: str = ""
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The trial went wrong after `at_epoch` completed epochs.

    `kind`: "nan" for a loss that is not finite, "objective" for such an objective, "lost" for a
    worker that died, else the name of the exception's class.
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
    """What a worker needs, besides the problem, to train one proposal.

    `recorded` are the epochs already in the journal (of earlier budgets, and of this one after a
    crash): trained again where no checkpoint covers them, never reported again. `stopped` says that
    the backend answered STOP to the last of them.
    """

    proposal: Proposal
    seed: int
    recorded: tuple[EpochReport, ...] = ()
    attempt: int = 1
    stopped: bool = False
