"""All that the figures of one study need, read from its journal once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.tables.frames import Budgets, curves_frame, failures_frame, trials_frame
from search.problem.objective import Objective
from search.study import journal as journals
from search.study.events import Entry
from search.study.store import Store
from search.study.study_record import StudyRecord, StudyState, fold
from search.study.trial import BASELINE_TRIAL

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """One study as tidy frames (see `dashboards.tables.frames`) and the few facts beside them.

    `space`: `Space.describe()` of the space as searched. `seconds`: active seconds so far. `best`:
    the winner's trial, None where no trial has a score; `baseline`: trial "0" where the study has
    one. `test`: the winner's metrics on the test data, empty where it has not met them. `record`:
    what the frames were made from, for all else.
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
    """The tables of a study, also of one that is running.

    Raises: SearchError when there is no such study or its journal is damaged.
    """
    path = store.existing(name)
    entries = journals.read(path)
    alive = journals.writer(path) is not None
    return tables(entries, alive=alive)


def tables(entries: Iterable[Entry], *, alive: bool = True) -> Tables:
    """The tables of a study from the entries of its journal.

    `alive`: somebody writes the journal; a study whose process was killed is "interrupted".

    Raises: JournalError when the entries are no journal.
    """
    budgets = Budgets()

    def seen() -> Iterable[Entry]:
        for entry in entries:
            budgets.apply(entry)
            yield entry

    record = fold(seen())
    state: StudyState = record.state
    if state == "running" and not alive:
        state = "interrupted"
    return gathered(record, state, budgets)


def gathered(record: StudyRecord, state: StudyState, budgets: Budgets) -> Tables:
    """The tables of a record, and of the budgets that were fed with its entries."""
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
        baseline=BASELINE_TRIAL if _has_baseline(record) else None,
        test={} if best is None else record.tested(best),
        record=record,
    )


def _has_baseline(record: StudyRecord) -> bool:
    trial = record.trials.get(BASELINE_TRIAL)
    return trial is not None and trial.proposals[0].labels.get("role") == "baseline"
