"""The events a study is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from search.problem.objective import Metrics, Objective
from search.study.trial import Answer, Decision, EpochReport, Outcome

# 2: a report is an array, and fields that have their default are left out. 3: each line has a
# number and a checksum (see `search.study.journal_lines`). 1 and 2 are read and continued.
FORMAT = 3


@dataclass(frozen=True, slots=True)
class StudyStarted:
    """The header: the definition of the study, and the digests that a resume compares.

    `config`: the settings as JSON data. `space`: `Space.describe()` of the space as searched.
    `digests`: "problem", "data" and "settings". `versions`: of Python and the libraries, and
    "threads". `created_ms`: milliseconds since 1970, UTC. `rules`: see `search.study.rules`.
    """

    study: str
    problem: str
    backend: str
    seed: int
    objective: Objective
    config: Mapping[str, Any]
    space: list[dict[str, Any]]
    digests: Mapping[str, str]
    versions: Mapping[str, str]
    created_ms: int
    format: int = FORMAT
    rules: int = 1

    @property
    def identity(self) -> str:
        """What tells this study from any other, an earlier one of the same name included."""
        return f"{self.study}@{self.created_ms}"


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """The caps from here on: trials in all, and active seconds in all (None: no cap)."""

    trials: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an ask was answered; `by_study` marks the baseline, which no backend proposes."""

    answer: Answer
    by_study: bool = False


@dataclass(frozen=True, slots=True)
class EpochRecorded:
    """One epoch of one trial, and what the backend decided."""

    report: EpochReport
    decision: Decision


@dataclass(frozen=True, slots=True)
class Told:
    """The outcome of a trial's last proposal."""

    trial: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Adopted:
    """From here on a new backend proposes; it knows what was recorded, and replays what follows.

    `rules`: the rules that the study follows from here on (see `search.study.rules`), where those
    of its header were not known; None where it keeps them.
    """

    versions: Mapping[str, str]
    rules: int | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The study stopped: "exhausted", "time", "interrupted" or "failed"; a resume may follow."""

    reason: str


@dataclass(frozen=True, slots=True)
class WinnerEvaluated:
    """The winner was evaluated on the test set: its metrics (empty without one), and its export.

    `export` is empty if none could be written. `verified`: whether the exported model, loaded in a
    new process, gave the recorded scores on the validation data; None if that was not checked.
    `reason`: why not, or which metric was compared instead of the objective.
    """

    trial: str
    test: Metrics
    export: str
    verified: bool | None = None
    reason: str = ""


Event: TypeAlias = (
    StudyStarted
    | LimitsChanged
    | Asked
    | EpochRecorded
    | Told
    | Adopted
    | Stopped
    | WinnerEvaluated
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and when it happened, in active seconds since the study's first start."""

    seconds: float
    event: Event
