"""Draws each problem's run for docs/problems.md, and fills its table, from a store's journals."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine, report
from benchmarks.tables import MISSING
from dashboards.figures.learning_curves import learning_curves
from dashboards.tables import tables
from dashboards.tables.tables import Tables
from search.problem import loading
from search.problem.objective import Objective
from search.study.store import Store

if TYPE_CHECKING:
    import plotly.graph_objects as go

PAGE = Path(__file__).parent.parent / "docs" / "problems.md"
IMAGES = PAGE.parent / "images" / "problems"
BACKEND = "hyperband"  # of the default run
_SIZE = {"width": 600, "height": 340}


def found(store: Store) -> dict[str, Tables]:
    """By problem, the newest study of the default run that has come to an end."""
    newest: dict[str, Tables] = {}
    for name in store.studies():
        study = tables.load(store, name)
        if study.backend != BACKEND or study.state != "finished" or study.best is None:
            continue
        before = newest.get(study.problem)
        if before is None or _created(before) < _created(study):
            newest[study.problem] = study
    return newest


def _created(study: Tables) -> int:
    return study.record.header.created_ms


def table(studies: Mapping[str, Tables], names: Sequence[str]) -> str:
    """A line of figures for each problem."""
    lines = [
        "| problem | trials | epochs | seconds | metric | baseline | best | test |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        study = studies.get(name)
        if study is None:
            lines.append(f"| [`{name}`](#{anchor(name)}) | {MISSING} | | | | | | |")
            continue
        figures = (
            *(str(len(study.trials)), str(study.record.epochs_trained), f"{study.seconds:.0f}"),
            *(f"`{study.objective.metric}`", score(study, study.baseline)),
            *(score(study, study.best), tested(study)),
        )
        lines.append(f"| [`{name}`](#{anchor(name)}) | {' | '.join(figures)} |")
    return "\n".join(lines)


def anchor(name: str) -> str:
    """The section of a problem on the page: the four networks for housing share one."""
    four = ("wide_deep", "two_inputs", "two_outputs", "subclassed")
    shared = [f"housing_{kind}" for kind in four]
    return "-".join(shared) if name in shared else name


def score(study: Tables, trial: str | None) -> str:
    """A trial's score as people read it; a dash where it has none."""
    value = None if trial is None else study.record.trials[trial].score
    return "–" if value is None else f"{value:.4f}"


def tested(study: Tables) -> str:
    """The winner's result on the test data: the objective's metric there, where it is known."""
    value = study.test.get(study.objective.metric.removeprefix("val_"))
    return "–" if value is None else f"{value:.4f}"


def sentence(study: Tables) -> str:
    """What came of it, in a line."""
    record = study.record
    states = study.trials["state"]
    best = record.trials[str(study.best)]
    params = ", ".join(f"`{name}={_short(value)}`" for name, value in best.params.items())
    gain = "" if study.baseline is None else f" (baseline {score(study, study.baseline)})"
    return (
        f"{len(states)} trials, {int((states == 'completed').sum())} of them to their end: "
        f"`{study.objective.metric}` {score(study, study.best)}{gain} at epoch {best.best_epoch}, "
        f"with {params}."
    )


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def picture(study: Tables) -> "go.Figure":
    """The learning curves of all trials, the best and the baseline marked."""
    objective: Objective = study.objective
    figure = learning_curves(study.trials, study.curves, objective)
    figure.update_layout(**_SIZE, title_text=f"{study.problem}: {objective.metric} by epoch")
    figure.update_layout(title_y=0.97, title_yanchor="top")
    return figure


def sections(studies: Mapping[str, Tables], names: Sequence[str]) -> dict[str, str]:
    """Each marked part of the page."""
    parts = {"results": table(studies, names), "machine": _machine(studies)}
    for name in names:
        study = studies.get(name)
        parts[name] = MISSING
        if study is not None:
            image = f"![Learning curves of {name}](images/problems/{name}.svg)"
            parts[name] = f"{image}\n\n{sentence(study)}"
    return parts


def _machine(studies: Mapping[str, Tables]) -> str:
    """What the figures were measured on; nothing where there are none."""
    if not studies:
        return MISSING
    facts = machine.facts()
    workers = {study.record.header.versions.get("workers", "1") for study in studies.values()}
    versions = [f"{name} {facts[name]}" for name in ("python", "tensorflow", "keras")]
    return (
        f"Measured on {facts['processor']}, {facts['cores']} cores, {facts['memory']}, "
        f"{facts['system']}, {', '.join(versions)}; workers: {', '.join(sorted(workers))}."
    )


def main() -> None:
    """Draw the pictures and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="where the default runs lie")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--images", type=Path, default=IMAGES)
    options = parser.parse_args()
    names = loading.names()
    studies = {name: study for name, study in found(Store(options.store)).items() if name in names}
    page = report.filled(options.page.read_text(encoding="utf-8"), sections(studies, names))
    options.images.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in studies:
            picture(studies[name]).write_image(options.images / f"{name}.svg")
        else:
            print(f"{name}: the store has no finished {BACKEND} study of it")
            (options.images / f"{name}.svg").unlink(missing_ok=True)
    options.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
