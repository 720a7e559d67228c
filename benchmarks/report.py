"""Writes what was measured into docs/benchmarks.md, between its markers, and draws the chart."""

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks import chart, tables
from benchmarks.results import FOLDER, QUICK_FOLDER, Results
from benchmarks.tables import MISSING

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
IMAGE = PAGE.parent / "images" / "benchmarks.svg"
_FILES = (
    *("peers", "hyperband", "limit", "scaling", "simulator", "coordinator", "memory"),
    *("charts", "first_paint"),
)
ALT = "Trials per hour here and elsewhere, and Hyperband's best accuracy over time"


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
    rows = {name: Results(name, folder).rows() for name in _FILES}
    return {
        "measured": measured(folder),
        "chart": f"![{ALT}](images/{IMAGE.name})" if chart.possible(folder) else MISSING,
        "machine": machines(folder),
        "twelve": tables.peers(rows["peers"], "twelve"),
        "regression": tables.peers(rows["peers"], "regression"),
        "hyperband": tables.hyperband(rows["hyperband"]),
        "limit": tables.limit(rows["limit"]),
        "scaling": tables.scaling(rows["scaling"]),
        "simulator": tables.simulator(rows["simulator"]),
        "coordinator": tables.coordinator(rows["coordinator"]),
        "memory": tables.memory(rows["memory"]),
        "charts": tables.charts(rows["charts"], rows["first_paint"]),
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
