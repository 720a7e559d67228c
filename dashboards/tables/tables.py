"""Read the journal of a study into the data frames that its figures need."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.tables.frames import Budgets, curves_frame, failures_frame, trials_frame
from search.problem.objective import Objective
from search.study import journal as journals
from search.study.events import Entry
from search.study.progress import final_state
from search.study.store import Store
from search.study.study_record import StudyRecord, StudyState, fold

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """One study as tidy data frames (see `dashboards.tables.frames`) and a few facts.

    Attributes:
        study: Name of the study.
        problem: Name of the problem.
        backend: Name of the backend.
        state: "running", "finished", "interrupted" or "failed".
        objective: Objective of the study.
        space: `Space.describe()` of the searched space.
        seconds: Active seconds so far.
        trials: Frame of `trials_frame`.
        curves: Frame of `curves_frame`.
        budgets: Frame of `budgets_frame`.
        failures: Frame of `failures_frame`.
        best: Trial of the winner; None when no trial has a score.
        baseline: Trial "0"; None for a study without a baseline.
        test: Metrics of the winner on the test set; empty before the final evaluation.
        record: The record that the frames were made from.
    """

    study: str
    problem: str
    backend: str
    state: StudyState
    objective: Objective
    space: list[dict[str, Any]]
    seconds: float
    trials: "pd.DataFrame"
    curves: "pd.DataFrame"
    budgets: "pd.DataFrame"
    failures: "pd.DataFrame"
    best: str | None
    baseline: str | None
    test: Mapping[str, float]
    record: StudyRecord


def load(store: Store, name: str) -> Tables:
    """Read the tables of a study, which may be running.

    Args:
        store: Store with the study.
        name: Name of the study.

    Returns:
        The tables at the time of the call.

    Raises:
        SearchError: The study does not exist, or its journal is damaged.

    Example:
        tables = load(Store(Path("mlruns")), "digits-hyperband-1")
        tables.trials.sort_values("score")
    """
    path = store.existing(name)
    entries = journals.read(path)
    alive = journals.writer(path) is not None
    return tables(entries, alive=alive)


def tables(entries: Iterable[Entry], *, alive: bool = True) -> Tables:
    """Build the tables of a study from the entries of its journal.

    Args:
        entries: All entries of the journal, including its header.
        alive: Whether a process writes the journal. Without one, a study in the state "running"
            is "interrupted".

    Returns:
        The tables.

    Raises:
        JournalError: The entries are not a valid journal.
    """
    budgets = Budgets()

    def applied() -> Iterable[Entry]:
        for entry in entries:
            budgets.apply(entry)
            yield entry

    record = fold(applied())
    return gathered(record, record.state if alive else final_state(record), budgets)


def gathered(record: StudyRecord, state: StudyState, budgets: Budgets) -> Tables:
    """Build the tables of a record and the budgets of the same entries.

    Args:
        record: Record of the study.
        state: State of the study.
        budgets: Budgets with all entries of the record applied.

    Returns:
        The tables.
    """
    header, best = record.header, record.best()
    return Tables(
        study=header.study,
        problem=header.problem,
        backend=header.backend,
        state=state,
        objective=header.objective,
        space=[dict(parameter) for parameter in header.space],
        seconds=record.seconds,
        trials=trials_frame(record, state),
        curves=curves_frame(record),
        budgets=budgets.frame(),
        failures=failures_frame(record),
        best=None if best is None else best.trial,
        baseline=None if record.baseline is None else record.baseline.trial,
        test={} if best is None else record.tested(best),
        record=record,
    )
