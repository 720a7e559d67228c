"""A study's record and journal as tidy pandas data frames."""

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
    """One row per trial, in the order they were proposed: FACTS, then labels, then parameters.

    A parameter's column is named `params.<name>`, a label's `labels.<name>`; what a trial does not
    have is missing (NaN or None). `state`: the study's, where it is known better than by the
    journal alone. Without trials: no rows, the columns FACTS.
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
    """One row per trial, epoch and metric: the columns CURVES, in the order of epochs per trial."""
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
    """One row per proposal, in the order they were asked for: BUDGETS, then `labels.<name>`.

    `start`, `stop`: its epochs, half-open. `asked`, `ended`: active seconds of the study (`ended`
    is NaN while it has no outcome). `lane`: from 0; proposals under way at the same time never
    share one, so that lanes are the workers' slots. `outcome`: "completed", "pruned", "failed" or
    "running". `epochs`, `seconds`: how many epochs of this budget are recorded, and the seconds of
    work that they took. `trained`: epochs that all trials together had trained when it ended, or by
    now.
    """
    budgets = Budgets()
    for entry in entries:
        budgets.apply(entry)
    return budgets.frame()


def failures_frame(record: StudyRecord) -> "pd.DataFrame":
    """One row per failed trial, in the order of the trials: the columns FAILURES."""
    import pandas as pd

    rows = [
        (trial.trial, outcome.kind, outcome.message, outcome.at_epoch)
        for trial in record.trials.values()
        if isinstance(outcome := trial.outcome, Failed) and not trial.pending
    ]
    return pd.DataFrame(rows, columns=list(FAILURES)).astype({"at_epoch": "int64"})


class Budgets:
    """The rows of `budgets_frame`, grown entry by entry as a journal is read or followed."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._open: dict[str, dict[str, Any]] = {}
        self._free: list[int] = []
        self._lanes = 0
        self._trained = 0

    def apply(self, entry: Entry) -> None:
        """Take the next entry of the journal, its header included."""
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
        """What has been applied so far; without proposals no rows, the columns BUDGETS."""
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
