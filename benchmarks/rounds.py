"""Rounds of contenders: what is measured already is not measured again."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks import processes
from benchmarks.results import FOLDER, QUICK_FOLDER, Results, Row

Contenders = Mapping[str, Callable[[int, bool], Row]]


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark of several rounds has."""
    options = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    options.add_argument("--repeats", type=int, default=3, help="rounds in all (default 3)")
    options.add_argument("--only", help="contenders, with commas between them")
    options.add_argument("--quick", action="store_true", help="tiny, to see that all of it runs")
    options.add_argument("--fresh", action="store_true", help="forget earlier measurements first")
    options.add_argument("--folder", type=Path, help="where results go")
    return options


def results(name: str, options: argparse.Namespace) -> Results:
    """Where the measurements go, emptied where the user wants that."""
    found = Results(name, options.folder or (QUICK_FOLDER if options.quick else FOLDER))
    if options.fresh or options.quick:
        found.clear()
    return found


def numbers(options: argparse.Namespace) -> range:
    """The rounds asked for, after a warm-up; a quick one is enough of a round."""
    if not options.quick:
        processes.warm_up()
    return range(1, (1 if options.quick else options.repeats) + 1)


def measured(
    name: str, description: str | None, contenders: Contenders
) -> Iterator[tuple[int, str, Row]]:
    """Measure what is missing of the rounds asked for, contender by contender, and keep it."""
    options = parser(name, description).parse_args()
    kept = results(name, options)
    names = options.only.split(",") if options.only else list(contenders)
    for number in numbers(options):
        for contender in processes.order(names, number):
            if not kept.has(contender=contender, round=number):
                row = contenders[contender](number, options.quick)
                kept.append({"contender": contender, "round": number} | row)
                yield number, contender, row
