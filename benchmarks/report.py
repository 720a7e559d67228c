"""Writes what was measured into docs/benchmarks.md, between its markers, and draws the chart."""

import argparse
import itertools
import json
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import chart
from benchmarks.hyperband import TARGET, seconds_to
from benchmarks.limit import floating_operations
from benchmarks.memory import grown
from benchmarks.results import FOLDER, QUICK_FOLDER, Results, Row, seconds, spread, table, where

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
IMAGE = PAGE.parent / "images" / "benchmarks.svg"
MISSING = "Not measured yet."
ALT = "Trials per hour here and elsewhere, and Hyperband's best accuracy over time"
NAMES = {
    "ours": "this platform, 2 workers",
    "default": "`run fashion`, all defaults",
    "kerastuner": "KerasTuner",
    "optuna_script": "Optuna script",
    "gridsearchcv": "GridSearchCV + scikeras, `n_jobs=2`",
}


def ratio(rows: Sequence[Row], contender: str, to: str = "ours", value: str = "seconds") -> str:
    """How many times longer than another one, round by round: "8.1 (7.9–8.4)"."""
    base = {row["round"]: row[value] for row in where(rows, contender=to)}
    mine = where(rows, contender=contender)
    found = [row[value] / base[row["round"]] for row in mine if base.get(row["round"])]
    if not found:
        return "–"
    all_ = spread(found)
    return f"{all_.median:.1f} ({all_.low:.1f}–{all_.high:.1f})"


def peers(rows: Sequence[Row], task: str) -> str:
    """Seconds, trials per hour and ratios of a list of trials; then the scores."""
    rows = where(rows, task=task)
    names = [name for name in NAMES if where(rows, contender=name)]
    if not names:
        return MISSING
    speed = []
    for name in names:
        own = where(rows, contender=name)
        taken = [row["seconds"] for row in own]
        hourly = own[0]["trials"] * 3600 / spread(taken).median
        speed.append([NAMES[name], str(len(own)), seconds(taken), f"{hourly:,.0f}"])
        speed[-1].append("1" if name == "ours" else ratio(rows, name))
    head = ["", "rounds", "seconds", "trials per hour", "times as long as ours"]
    about = rows[0]
    said = f"{about['trials']} trials of {about['epochs']} epochs; data: {about['data']}.\n\n"
    return said + table(head, speed) + "\n\n" + scores(rows, names)


def scores(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Mean scores, and how they spread from seed to seed: of the mean, and of one configuration."""
    lines = []
    ours = [statistics.fmean(row["scores"]) for row in where(rows, contender="ours")]
    for name in names:
        own = where(rows, contender=name)
        means = [statistics.fmean(row["scores"]) for row in own]
        line = [NAMES[name], f"{statistics.fmean(means):.4f}"]
        if len(own) > 1:
            line += [f"{min(means):.4f}–{max(means):.4f}", f"{deviation(own):.4f}"]
        else:
            line += ["–", "–"]
        gap = statistics.fmean(means) - statistics.fmean(ours) if ours else None
        lines.append([*line, "–" if gap is None or name == "ours" else f"{gap:+.4f}"])
    head = ["", "mean score", "of single seeds", "deviation of one trial", "difference to ours"]
    return table(head, lines)


def deviation(rows: Sequence[Row]) -> float:
    """The standard deviation of one configuration's score from seed to seed, over all of them."""
    variances = [
        statistics.variance(scores) for scores in zip(*(row["scores"] for row in rows), strict=True)
    ]
    return statistics.fmean(variances) ** 0.5


def hyperband(rows: Sequence[Row]) -> str:
    """To the end of the brackets, and to the target."""
    names = [name for name in NAMES if where(rows, contender=name)]
    if not names:
        return MISSING
    lines = []
    for row in rows:
        row["to_target"] = seconds_to(row["timeline"])
    for name in names:
        own = where(rows, contender=name)
        reached = [row["to_target"] for row in own if row["to_target"] is not None]
        lines.append(
            [
                NAMES[name],
                str(len(own)),
                seconds([row["seconds"] for row in own]),
                ratio(rows, name),
                f"{seconds(reached)}, {len(reached)} of {len(own)}",
                ratio([row for row in rows if row["to_target"]], name, value="to_target"),
                f"{statistics.median(row['epochs'] for row in own):.0f}",
                f"{statistics.median(row['best'] for row in own):.4f}",
            ]
        )
    head = [
        *("", "rounds", "seconds to the end", "times ours", f"seconds to {TARGET}, how often"),
        *("times ours", "epochs", "best score"),
    ]
    return table(head, lines)


def limit(rows: Sequence[Row]) -> str:
    """Milliseconds of a steady epoch, each way, and how far ours is from the products."""
    lines = []
    for (widths, optimizer), group in itertools.groupby(
        rows, lambda row: (row["widths"], row["optimizer"])
    ):
        own = list(group)
        medians = {
            way: spread([row["seconds"] for row in where(own, way=way)]).median
            for way in ("products", "graph", "compiled", "fit")
            if where(own, way=way)
        }
        rule, products = own[0]["rule"], medians["products"]
        rate = floating_operations(widths, own[0]["rows"]) / products / 1e9
        line = ["-".join(map(str, widths)), optimizer, f"{products * 1e3:.1f} ({rate:.0f})"]
        for way in ("graph", "compiled", "fit"):
            shown = f"{medians[way] * 1e3:.1f}" if way in medians else "–"
            line.append(f"**{shown}**" if way == rule else shown)
        ratios = [row["seconds"] / products for row in where(own, way=rule)]
        found = spread(ratios)
        lines.append([*line, f"{found.median:.2f} ({found.low:.2f}–{found.high:.2f})"])
    if not lines:
        return MISSING
    head = [
        *("network", "optimizer", "products (GFLOP/s)", "ours, graph", "ours, compiled", "`fit`"),
        "ours / products",
    ]
    return table(head, lines)


def scaling(rows: Sequence[Row]) -> str:
    """One worker and two; what of a study is training."""
    names = {"one": "twelve, 1 worker", "two": "twelve, 2 workers", "fashion": "fashion, 1 worker"}
    lines = []
    for name, shown in names.items():
        own = where(rows, contender=name)
        if not own:
            continue
        faster = "–"
        if name == "two":
            faster = ratio(rows, "one", to="two")
            faster += f", study {ratio(rows, 'one', to='two', value='study_seconds')}"
        # what one worker's study spends on other things than epochs
        share = [row["study_seconds"] / row["training_seconds"] - 1 for row in own]
        rest = "–" if name == "two" else f"{100 * spread(share).median:.1f} %"
        study = seconds([row["study_seconds"] for row in own])
        training = seconds([row["training_seconds"] for row in own])
        lines.append(
            [shown, seconds([row["seconds"] for row in own]), study, training, rest, faster]
        )
    if not lines:
        return MISSING
    head = [
        *("", "seconds, whole process", "of the study", "in epochs, all workers"),
        *("study beyond its epochs", "times as fast as 1 worker"),
    ]
    return table(head, lines)


def simulator(rows: Sequence[Row]) -> str:
    """Virtual workers: their use, the speed-up, the coordinator's own seconds."""
    lines = []
    for row in rows:
        one = where(rows, backend=row["backend"], workers=1)
        faster = f"{one[0]['virtual_seconds'] / row['virtual_seconds']:,.1f}" if one else "–"
        each = 1e3 * row["seconds"] / row["trials"]
        name = f"{row['backend']}, {row['trials']:,} trials"
        lines.append([name, f"{row['workers']:,}", f"{row['busy']:.1%}", faster, f"{each:.2f}"])
    if not lines:
        return MISSING
    head = ["", "workers", "busy", "times as fast as 1", "coordinator's ms per trial"]
    return table(head, lines)


def memory(rows: Sequence[Row]) -> str:
    """Resident memory at the twentieth trial and at the end."""
    lines = []
    for row in rows:
        growth = grown(row["samples"], row["settled"])
        start = row["samples"][row["settled"] - 1]
        # workers are gone when the last trials are heard of: what each was last seen with
        end = {name: size for sample in row["samples"] for name, size in sample.items()}
        numbers = itertools.count(1)
        for name, more in growth.items():
            shown = name if name == "coordinator" else f"worker {next(numbers)}"
            lines.append(
                [
                    f"{row['workers']} workers: {shown}",
                    f"{row['trials']} of {row['architectures']}",
                    f"{start[name]:.0f}" if name in start else "–",
                    f"{end[name]:.0f}",
                    f"{more:.0f}",
                ]
            )
    if not lines:
        return MISSING
    head = ["", "trials, architectures", "MB at trial 20", "MB at the end", "most growth after"]
    return table(head, lines)


def machines(folder: Path) -> str:
    """The facts, one table for each machine that measured."""
    path = folder / "machines.json"
    if not path.exists():
        return MISSING
    found: list[Mapping[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return "\n\n".join(
        "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in facts.items())])
        for facts in found
    )


def measured(folder: Path) -> str:
    """When, and of which commits."""
    rows = [
        row for path in sorted(folder.glob("*.jsonl")) for row in Results(path.stem, folder).rows()
    ]
    rows = [row for row in rows if "commit" in row and "at" in row]
    if not rows:
        return MISSING
    days = sorted({row["at"][:10] for row in rows})
    commits = sorted({row["commit"] for row in rows if row["commit"]})
    return (
        f"Measured {' to '.join(dict.fromkeys([days[0], days[-1]]))}, commits {', '.join(commits)}."
    )


def sections(folder: Path) -> dict[str, str]:
    """Each marked part of the page."""
    rows = {name: Results(name, folder).rows() for name in ("peers", "hyperband", "limit")}
    rows |= {name: Results(name, folder).rows() for name in ("scaling", "simulator", "memory")}
    return {
        "measured": measured(folder),
        "chart": f"![{ALT}](images/{IMAGE.name})" if chart.possible(folder) else MISSING,
        "machine": machines(folder),
        "twelve": peers(rows["peers"], "twelve"),
        "regression": peers(rows["peers"], "regression"),
        "hyperband": hyperband(rows["hyperband"]),
        "limit": limit(rows["limit"]),
        "scaling": scaling(rows["scaling"]),
        "simulator": simulator(rows["simulator"]),
        "memory": memory(rows["memory"]),
    }


def filled(page: str, parts: Mapping[str, str]) -> str:
    """The page with its marked parts replaced; what is around them stays.

    Raises: ValueError when the page lacks a marker.
    """
    for name, text in parts.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"the page must have {begin} and {end} once; add them")
        pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
        page = pattern.sub(lambda _, whole=f"{begin}\n{text}\n{end}": whole, page)
    return page


def main() -> None:
    """Write the page and the chart; with --quick only print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="print the smoke run's tables")
    options = parser.parse_args()
    if options.quick:
        for name, text in sections(QUICK_FOLDER).items():
            print(f"{name}\n\n{text}\n")
        chart.draw(QUICK_FOLDER, QUICK_FOLDER / "benchmarks.svg")
        return
    if not chart.draw(FOLDER, IMAGE):
        print("no chart: the peers have not been measured")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(page, sections(FOLDER)), encoding="utf-8")


if __name__ == "__main__":
    main()
