"""One state of a study as lines and a table for rich to print."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.study.eta import Pace
from search.study.progress import Plan, constant_params, current, final_state, shown_trials
from search.study.progress_text import (
    best_text,
    brief_params_text,
    done_text,
    encodable,
    failure_text,
    labels_text,
    meaning_text,
    rate_text,
    score_text,
    spark_text,
    time_text,
    title,
)
from search.study.study_record import StudyRecord, StudyState, TrialRecord
from search.study.trial import Failed

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, OverflowMethod, RenderableType
    from rich.table import Table
    from rich.text import Text

NARROW, ROOMY = 72, 100  # columns: below, place and curve are left out; from there, wide gaps
SPARK, LONG_SPARK = 8, 16  # columns of a curve: on most terminals, and on roomy ones
STYLES = {"failed": "red", "running": "cyan", "pruned": "dim", "waiting": "dim"}
_CURVE = "curve"


@dataclass(frozen=True, slots=True)
class Frame:
    """One state of a study as text; until the next one only its times change."""

    head: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    curves: tuple[tuple[float, ...], ...]
    done: str
    left: float | None
    feet: tuple[str, ...]
    pace: Pace
    made_at: float
    ending: str | None

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> Iterator["RenderableType"]:
        from rich.text import Text

        # rich's mark for cut text is no ASCII, and would break the stream
        cut: OverflowMethod = "crop" if options.ascii_only else "ellipsis"

        def line(words: str, style: str = "") -> Text:
            fit = encodable(words, console.encoding)
            return Text(fit, style=style, no_wrap=True, overflow=cut)

        yield from map(line, self.head)
        yield self._table(line, options.max_width, console.encoding)
        yield line(f"{self.done}, {self._times()}")
        yield from map(line, self.feet)

    def _table(self, line: "Callable[[str, str], Text]", width: int, encoding: str) -> "Table":
        from rich.table import Table

        table = Table(box=None, padding=(0, 2 if width >= ROOMY else 1, 0, 0), expand=True)
        shown = [
            n
            for n, name in enumerate(self.columns)
            if width >= NARROW or not ("/" in name or name == _CURVE)
        ]
        for n in shown:
            fills = self.columns[n] == "parameters"
            heading = line(self.columns[n], "bold")
            table.add_column(heading, ratio=1 if fills else None, no_wrap=True)
        drawn = self.columns.index(_CURVE)
        for row, curve in zip(self.rows, self.curves, strict=True):
            spark = spark_text(curve, LONG_SPARK if width >= ROOMY else SPARK, encoding)
            cells = (*row[:drawn], spark, *row[drawn:])
            style = STYLES.get(row[1], "")
            table.add_row(*(line(cells[n], style) for n in shown))
        return table

    def _times(self) -> str:
        if self.ending is not None:
            return f"elapsed {time_text(self.made_at)}, {self.ending}"
        elapsed = self.pace.elapsed()
        left = None if self.left is None else max(self.left - (elapsed - self.made_at), 0.0)
        speed = rate_text(self.pace.epochs_per_second())
        times = [f"elapsed {time_text(elapsed)}", f"left {time_text(left)}", speed]
        return ", ".join(filter(None, times))


def frame(
    study: StudyRecord,
    plan: Plan,
    pace: Pace,
    ended: Sequence[str],
    most_rows: int,
    ending: str | None,
) -> Frame:
    """Return the current state of the study; `ended`: trials not in flight, the latest first."""
    elapsed = pace.elapsed()
    best, constant = study.best(), constant_params(study)
    trials = shown_trials(study, best, ended, most_rows)
    labels = list(dict.fromkeys(name for t in trials for name in _ranks(t)))
    state: StudyState = "running" if ending is None else final_state(study)
    rows = tuple(
        (
            f"{trial.trial}{' *' if trial is best else ''}",
            trial.state(state),
            *([_place(trial, labels)] if labels else []),
            brief_params_text(trial.params, constant),
            f"{len(trial.curve)}/{trial.stop_epoch}",
            *map(score_text, current(study, trial)),
        )
        for trial in trials
    )
    place = ["/".join(labels)] if labels else []
    columns = ("trial", "state", *place, "parameters", "epoch", _CURVE, "now", "best")
    return Frame(
        head=(title(study), meaning_text(study, plan)),
        columns=columns,
        rows=rows,
        curves=tuple(tuple(trial.values(study.objective.metric)) for trial in trials),
        done=done_text(study, plan),
        left=pace.seconds_left(study, plan),
        feet=(best_text(study, best), *_failures(study, ended)),
        pace=pace,
        made_at=elapsed,
        ending=ending,
    )


def _ranks(trial: TrialRecord) -> dict[str, str | int]:
    """The labels that place a trial in its algorithm; a role, such as baseline, is none."""
    return {name: v for name, v in trial.proposal.labels.items() if name != "role"}


def _place(trial: TrialRecord, labels: Sequence[str]) -> str:
    ranks = _ranks(trial)
    if not ranks:
        return labels_text(trial.proposal.labels)
    return "/".join(str(ranks.get(name, "-")) for name in labels)


def _failures(study: StudyRecord, ended: Sequence[str]) -> list[str]:
    """How many failed, and the latest of them as far as the order is known."""
    failed = [
        (name, outcome)
        for name in ended
        if isinstance(outcome := study.trials[name].outcome, Failed)
    ]
    if not failed:
        return []
    name, latest = failed[0]
    return [f"failed: {len(failed)}, trial {name} with {failure_text(latest)}"]
