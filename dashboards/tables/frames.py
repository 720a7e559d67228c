"""Convert the record and journal of a study to tidy pandas data frames."""

import math
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from search.study.events import Asked, Entry, EpochRecorded, Told
from search.study.study_record import StudyRecord, StudyState
from search.study.trial import Completed, Failed, Outcome, Proposal, Pruned

if TYPE_CHECKING:
    import pandas as pd

FACTS = ("trial", "state", "score", "epochs", "best_epoch", "seconds")
CURVES = ("trial", "epoch", "metric", "value")
BUDGETS = (
    *("trial", "start", "stop", "asked", "ended", "lane", "outcome", "score", "epochs"),
    *("seconds", "trained"),
)
FAILURES = ("trial", "kind", "message", "at_epoch")


def trials_frame(record: StudyRecord, state: StudyState | None = None) -> "pd.DataFrame":
    """Return one row per trial, in the order of the proposals.

    Args:
        record: Record of the study.
        state: State of the study; by default the state in the journal, which is "running" also
            after the process was killed.

    Returns:
        The columns FACTS, then one column `labels.<name>` per label, then `params.<name>` per
        parameter. Values that a trial does not have are missing (NaN or None). Without trials,
        a frame without rows and with the columns FACTS.
    """
    import pandas as pd

    study = state or record.state
    rows: list[dict[str, Any]] = []
    for trial in record.trials.values():
        facts = (
            trial.trial,
            trial.state(study),
            trial.score,
            len(trial.curve),
            trial.best_epoch,
            trial.seconds,
        )
        row: dict[str, Any] = dict(zip(FACTS, facts, strict=True))
        row |= {f"labels.{name}": value for name, value in trial.proposals[-1].labels.items()}
        row |= {f"params.{name}": value for name, value in trial.params.items()}
        rows.append(row)
    frame = pd.DataFrame(rows, columns=_columns(rows, FACTS))
    return frame.astype({"score": "float64", "best_epoch": "Int64", "seconds": "float64"})


def curves_frame(record: StudyRecord) -> "pd.DataFrame":
    """Return one row per trial, epoch and metric, ordered by epoch within a trial.

    Args:
        record: Record of the study.

    Returns:
        The columns CURVES: trial, epoch (1-based), metric and value.
    """
    import pandas as pd

    rows = [
        (trial.trial, report.epoch, metric, value)
        for trial in record.trials.values()
        for report in trial.curve
        for metric, value in report.metrics.items()
    ]
    frame = pd.DataFrame(rows, columns=list(CURVES))
    return frame.astype({"epoch": "int64", "value": "float64"})


def budgets_frame(entries: Iterable[Entry]) -> "pd.DataFrame":
    """Return one row per proposal, in the order of the proposals.

    Args:
        entries: All entries of a journal, including its header.

    Returns:
        The columns BUDGETS, then one column `labels.<name>` per label. `start`, `stop`: range of
        epochs, half-open. `asked`, `ended`: active seconds of the study; `ended` is NaN without an
        outcome. `lane`: slot of the worker, from 0; proposals that run at the same time have
        different lanes. `outcome`: "completed", "pruned", "failed" or "running". `epochs`,
        `seconds`: number of recorded epochs of this budget, and their training time. `trained`:
        epochs that all trials together had trained when the budget ended, or until now.
    """
    budgets = Budgets()
    for entry in entries:
        budgets.apply(entry)
    return budgets.frame()


def failures_frame(record: StudyRecord) -> "pd.DataFrame":
    """Return one row per failed trial, in the order of the trials.

    Args:
        record: Record of the study.

    Returns:
        The columns FAILURES: trial, kind, message and at_epoch.
    """
    import pandas as pd

    rows = [
        (trial.trial, outcome.kind, outcome.message, outcome.at_epoch)
        for trial in record.trials.values()
        if isinstance(outcome := trial.outcome, Failed) and not trial.pending
    ]
    return pd.DataFrame(rows, columns=list(FAILURES)).astype({"at_epoch": "int64"})


class Budgets:
    """Build the rows of `budgets_frame` entry by entry, while a journal is read or followed."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._open: dict[str, dict[str, Any]] = {}
        self._free: list[int] = []
        self._lanes = 0
        self._trained = 0

    def apply(self, entry: Entry) -> None:
        """Add the next entry of the journal. The first entry is the header."""
        event = entry.event
        if isinstance(event, EpochRecorded):
            self._trained += 1
            row = self._open.get(event.report.trial)
            if row is not None:
                row["epochs"] += 1
                row["seconds"] += event.report.seconds
        elif isinstance(event, Asked):
            if isinstance(event.answer, Proposal):
                self._asked(event.answer, entry.seconds)
        elif isinstance(event, Told):
            row = self._open.pop(event.trial, None)
            if row is not None:
                heappush(self._free, row["lane"])
                row |= {
                    "ended": entry.seconds,
                    "outcome": _word(event.outcome),
                    "trained": self._trained,
                }
                if not isinstance(event.outcome, Failed):
                    row["score"] = event.outcome.score

    def frame(self) -> "pd.DataFrame":
        """Return the frame of all applied entries; without proposals, one without rows."""
        import pandas as pd

        for row in self._open.values():
            row["trained"] = self._trained
        frame = pd.DataFrame(self._rows, columns=_columns(self._rows, BUDGETS))
        whole = dict.fromkeys(("start", "stop", "lane", "epochs", "trained"), "int64")
        return frame.astype(
            whole | dict.fromkeys(("asked", "ended", "score", "seconds"), "float64")
        )

    def _asked(self, proposal: Proposal, seconds: float) -> None:
        if self._free:
            lane = heappop(self._free)
        else:
            lane = self._lanes
            self._lanes += 1
        values = (
            *(proposal.trial, proposal.budget.start, proposal.budget.stop, seconds, math.nan),
            *(lane, "running", math.nan, 0, 0.0, 0),
        )
        row: dict[str, Any] = dict(zip(BUDGETS, values, strict=True))
        row |= {f"labels.{name}": value for name, value in proposal.labels.items()}
        self._rows.append(row)
        self._open[proposal.trial] = row


def _word(outcome: Outcome) -> str:
    words = {Completed: "completed", Pruned: "pruned", Failed: "failed"}
    return words[type(outcome)]


def _columns(rows: list[dict[str, Any]], first: tuple[str, ...]) -> list[str]:
    others = dict.fromkeys(name for row in rows for name in row if name not in first)
    return [*first, *sorted(others, key=lambda name: name.partition(".")[0])]
