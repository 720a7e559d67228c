"""Texts and numbers of a report on one study, ready for the template."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dashboards.analysis import advice
from dashboards.analysis.failures import Cause, causes
from dashboards.analysis.summary import Answer, answer
from dashboards.report.embed import Drawing, Panel
from dashboards.report.figure_list import Chart
from dashboards.report.text import Tile, counted, facts, remarks, tiles, warning
from dashboards.tables.tables import Tables
from search.study import leaderboard
from search.study.progress import constant_params
from search.study.progress_text import brief_params_text, time_text

if TYPE_CHECKING:
    import pandas as pd

_SECTIONS = (
    ("progress", "Progress"),
    ("parameters", "Parameters"),
    ("time", "Budgets and time"),
    ("failures", "Failures"),
    ("advice", "Advice"),
    ("trials", "Trials"),
)
_FACTS = ("facts", "Reproducibility")


@dataclass(frozen=True, slots=True)
class Study:
    """One study to report on.

    `commands`: commands to run next, as pairs of a label and a command. `model`: the folder of the
    exported winner; None without one. `pictures`: figures of the section "Model": the drawing of
    the winner's network, its confusion matrix or its residuals. Without pictures, the report has
    no such section.
    """

    tables: Tables
    commands: Sequence[tuple[str, str]] = ()
    model: Path | None = None
    pictures: Sequence[Chart | Drawing] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table of trials."""

    rank: int
    trial: str
    score: float | None
    score_text: str
    best_epoch: int | None
    epochs: int
    seconds: float
    state: str
    brief: str
    params: Sequence[tuple[str, str]]
    labels: Sequence[tuple[str, str]]
    best: bool


@dataclass(frozen=True, slots=True)
class Chapter:
    """One study as the template needs it. `key` prefixes all ids, so that they are unique."""

    key: str
    study: Study
    line: str
    answer: Answer | None
    nothing: str
    warning: str
    tiles: Sequence[Tile]
    remarks: Sequence[str]
    panels: dict[str, Panel]
    pictures: Sequence[Panel]
    causes: Sequence[Cause]
    advice: Sequence[advice.Advice]
    rows: Sequence[Row]
    facts: Sequence[tuple[str, str]]

    @property
    def every_panel(self) -> list[Panel]:
        """All figures, including the figures of the model."""
        return [*self.panels.values(), *self.pictures]

    @property
    def contents(self) -> list[tuple[str, str]]:
        """The sections of this study: pairs of an id, without the key, and a heading."""
        model = [("model", "Model")] if self.pictures else []
        return [("answer", "Result"), *model, *(_SECTIONS if self.panels else ()), _FACTS]


def chapter(
    key: str,
    study: Study,
    panels: Sequence[Panel],
    pictures: Sequence[Panel],
    importances: "pd.DataFrame",
) -> Chapter:
    """Build the chapter of a study. `panels`: its figures; `pictures`: figures of the model."""
    tables = study.tables
    found = answer(tables.record)
    return Chapter(
        key=key,
        study=study,
        line=_line(tables),
        answer=found,
        nothing="" if found is not None else _nothing(tables),
        warning="" if found is None else warning(found),
        tiles=[] if found is None else list(tiles(tables, found)),
        remarks=[] if found is None else list(remarks(tables, found)),
        panels={panel.name: panel for panel in panels},
        pictures=pictures,
        causes=causes(tables.failures),
        advice=advised(tables, importances, found),
        rows=rows(tables),
        facts=list(facts(tables)),
    )


def advised(
    tables: Tables, importances: "pd.DataFrame", found: Answer | None
) -> list[advice.Advice]:
    """Return advice for the next search, the most urgent first."""
    trials, objective, space = tables.trials, tables.objective, tables.space
    config = tables.record.header.config
    advices = advice.failing(trials, tables.failures, space)
    if found is None:
        return advices
    edges = advice.edges(trials, objective, space, config.get("assignments", ()))
    advices += advice.unbeaten(trials, objective)
    advices += advice.close(trials, objective, found.noise, folds=config.get("cv"))
    advices += edges
    if not any(one.words.startswith("--max-epochs") for one in edges):
        advices += advice.rising(trials, tables.curves, objective)
    advices += advice.idle(trials, objective, space, importances)
    return advices + advice.few(trials, space)


def rows(tables: Tables) -> list[Row]:
    """Return the rows of the table of trials, best first."""
    record = tables.record
    trials = leaderboard.ranked(record)
    shared = constant_params(record)
    return [
        Row(
            rank=rank,
            trial=trial.trial,
            score=trial.score,
            score_text=leaderboard.score_text(record, trial),
            best_epoch=trial.best_epoch,
            epochs=len(trial.curve),
            seconds=trial.seconds,
            state=trial.state(tables.state),
            brief=brief_params_text(trial.params, shared) or "same as all trials",
            params=[(name, str(value)) for name, value in trial.params.items()],
            labels=[(name, str(value)) for name, value in trial.proposal.labels.items()],
            best=trial.trial == tables.best,
        )
        for rank, trial in enumerate(trials, start=1)
    ]


def _line(tables: Tables) -> str:
    record = tables.record
    states = {
        "running": f"still running, as of {time_text(record.seconds)}",
        "interrupted": "interrupted",
        "failed": "failed",
        "finished": "finished",
    }
    return (
        f"{tables.problem}, {tables.backend}, seed {record.header.seed}: {states[tables.state]}. "
        f"{counted(len(record.trials), 'trial')}, {counted(record.epochs_trained, 'epoch')}, "
        f"{time_text(record.seconds)} of active time."
    )


def _nothing(tables: Tables) -> str:
    if tables.trials.empty:
        return "No trial has been proposed yet: there is nothing to show. " + (
            "Write the report again in a moment."
            if tables.state == "running"
            else "Continue the study first."
        )
    if len(tables.failures) == len(tables.trials):
        return "Every trial failed. The section Failures lists the causes."
    return "No trial has a score yet."
