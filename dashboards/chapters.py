"""What a report says of one study: everything in words and numbers, ready for the template."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards import advice
from dashboards.answer import Answer, answer
from dashboards.causes import Cause, causes
from dashboards.charts import Chart
from dashboards.panels import Drawing, Panel
from dashboards.tables import Tables
from search import leaderboard
from search.trial import BASELINE_TRIAL
from search.wording import brief_params_text, score_text, time_text

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
_FACTS = ("facts", "To reproduce it")


@dataclass(frozen=True, slots=True)
class Study:
    """One study to report on, with what only the command knows of it.

    `commands`: what to type next, each with what it does. `model`: the folder of the exported
    winner, None where there is none. `pictures`: for the section "The model", which is there where
    there are any: the drawing of the winner's network, what it confuses, its residuals.
    """

    tables: Tables
    commands: Sequence[tuple[str, str]] = ()
    model: Path | None = None
    pictures: Sequence[Chart | Drawing] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the few large numbers: what it is, the number, a sentence or two on it."""

    what: str
    number: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One trial in the table."""

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
    """One study as the template shows it. `key` makes the names of its parts unique in a page."""

    key: str
    study: Study
    line: str
    answer: Answer | None
    nothing: str
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
        """The figures, those of the model included."""
        return [*self.panels.values(), *self.pictures]

    @property
    def contents(self) -> list[tuple[str, str]]:
        """The sections that are there, as `id` less the key, and what each is called."""
        model = [("model", "The model")] if self.pictures else []
        return [("answer", "The answer"), *model, *(_SECTIONS if self.panels else ()), _FACTS]


def chapter(
    key: str,
    study: Study,
    panels: Sequence[Panel],
    pictures: Sequence[Panel],
    importances: "pd.DataFrame",
) -> Chapter:
    """All that is said of a study; `panels` are its figures, `pictures` those of the model."""
    tables = study.tables
    found = answer(tables.record)
    return Chapter(
        key=key,
        study=study,
        line=_line(tables),
        answer=found,
        nothing="" if found is not None else _nothing(tables),
        tiles=[] if found is None else list(_tiles(tables, found)),
        remarks=[] if found is None else list(_remarks(tables, found)),
        panels={panel.name: panel for panel in panels},
        pictures=pictures,
        causes=causes(tables.failures),
        advice=advised(tables, importances, found),
        rows=rows(tables),
        facts=list(_facts(tables)),
    )


def advised(
    tables: Tables, importances: "pd.DataFrame", found: Answer | None
) -> list[advice.Advice]:
    """What to do next, the most pressing first."""
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
    """The trials, best first."""
    record = tables.record
    trials = leaderboard.ranked(record)
    shared = _constant([trial.params for trial in trials])
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
            brief=brief_params_text(trial.params, shared) or "as all others",
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
        f"{_count(len(record.trials), 'trial')}, {_count(record.epochs_trained, 'epoch')}, "
        f"{time_text(record.seconds)} of active time."
    )


def _nothing(tables: Tables) -> str:
    if tables.trials.empty:
        return "No trial has been proposed yet: there is nothing to show. " + (
            "Write the report again in a moment."
            if tables.state == "running"
            else "Go on with the study first."
        )
    if len(tables.failures) == len(tables.trials):
        return "Every trial failed; what of stands below, under Failures."
    return "No trial has a score yet."


def _tiles(tables: Tables, found: Answer) -> Iterator[Tile]:
    metric, objective = tables.objective.metric, tables.objective
    more = "" if found.noise.value is None else f" ± {found.noise.value:.2g}"
    way = "higher is better" if objective.direction == "max" else "lower is better"
    yield Tile(metric, f"{score_text(found.score)}{more}", way)
    if found.gain is not None:
        baseline = score_text(tables.record.trials[BASELINE_TRIAL].score)
        note = f"the baseline reached {baseline}"
        if found.noise.value is not None and abs(found.gain) < found.noise.value:
            note += "; the difference is within the noise"
        yield Tile("gain over the baseline", f"{found.gain:+.4f}", note)
    elif tables.baseline is not None:
        yield Tile("gain over the baseline", "none", "the best trial is the baseline")
    yield _test(tables, found)
    if found.parameter_count is not None:
        yield Tile("size of the model", f"{found.parameter_count:,}", "weights, trained or not")
    speed = found.seconds_per_epoch
    yield Tile(
        "time per epoch",
        f"{speed:.3g} s",
        f"the median of {_count(found.epochs, 'epoch')}; the best one was epoch {found.best_epoch}",
    )


def _noise_text(tables: Tables, found: Answer) -> str:
    metric = tables.objective.metric
    if found.noise.source == "folds":
        cv = tables.record.header.config.get("cv")
        return f"± is the noise: the standard deviation of {metric} over the {cv} folds."
    if found.noise.source == "epochs":
        return (
            f"± is the noise as far as the record tells it: how much {metric} jumps from epoch to "
            "epoch, around the best epochs of the best trials. Another seed or other validation "
            "data may move the score further; cross-validation (--cv 5) measures that."
        )
    return (
        "How far chance moves the score is not known: the trials have too few epochs for an "
        "estimate. Cross-validation (--cv 5) measures it."
    )


def _test(tables: Tables, found: Answer) -> Tile:
    if not found.test:
        judged = tables.record.judged is not None
        if judged:
            note = "the problem has none"
        elif tables.state == "running":
            note = "the winner meets them when the study ends"
        else:
            note = "the winner has not met them: the study did not come to its end"
        return Tile("on test data", "none" if judged else "not yet", note)
    main = tables.objective.metric.removeprefix("val_")
    name = main if main in found.test else next(iter(found.test))
    others = [f"{k} {score_text(v)}" for k, v in found.test.items() if k != name]
    before = tables.record.judged_before
    met = f"met by {before} winners before this one" if before else "met once, by the winner"
    return Tile(f"{name} on test data", score_text(found.test[name]), "; ".join([met, *others]))


def _remarks(tables: Tables, found: Answer) -> Iterator[str]:
    """What a careful reader asks of the answer."""
    yield _noise_text(tables, found)
    if found.runner_up is not None and found.lead is not None:
        behind = f"Trial {found.runner_up} comes next, {abs(found.lead):.4f} behind"
        noise = found.noise.value
        if noise is None:
            yield f"{behind}."
        elif found.lead < noise:
            yield f"{behind}: less than the noise, so the two cannot be told apart."
        else:
            yield f"{behind}: more than the noise."
    if found.test:
        yield (
            "The score chose the winner among many, and so flatters it a little. The test result "
            "does not: no choice was made by it."
        )


def _facts(tables: Tables) -> Iterator[tuple[str, str]]:
    header, limit = tables.record.header, tables.record.limit
    begun = datetime.fromtimestamp(header.created_ms / 1000, UTC)
    yield "study", header.study
    yield "begun", f"{begun:%Y-%m-%d %H:%M:%S} UTC"
    yield "seed", str(header.seed)
    yield "objective", f"{header.objective.metric}, {header.objective.direction}"
    yield "counted epoch", f"the {header.objective.score_at} one"
    workers = header.versions.get("workers")
    exact = "repeats exactly" if workers == "1" else "other trials may follow when it is repeated"
    if workers is not None:
        yield "workers", f"{workers} ({exact})"
    if limit.trials is not None:
        yield "trials at most", str(limit.trials)
    if limit.seconds is not None:
        yield "active time at most", time_text(limit.seconds)
    for name, value in header.config.items():
        if value not in (None, []) and name not in ("problem", "backend", "seed"):
            text = " ".join(value) if isinstance(value, list) else str(value)
            yield name.replace("_", " "), text
    for name, version in header.versions.items():
        if name != "workers":
            yield name, version
    for name, digest in header.digests.items():
        yield f"digest of the {name}", digest


def _constant(all_params: Sequence[Any]) -> set[str]:
    """The names whose value is the same in all trials."""
    if len(all_params) < 2:
        return set()
    first = all_params[0]
    return {n for n, v in first.items() if all(p.get(n) == v for p in all_params[1:])}


def _count(number: int, word: str) -> str:
    return f"1 {word}" if number == 1 else f"{number:,} {word}s"
