"""Measurements on disk: one JSON object per line, written as soon as it is made."""

import json
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import machine

Row: TypeAlias = dict[str, Any]

FOLDER = Path(__file__).parent / "results"
QUICK_FOLDER = FOLDER / "quick"


@dataclass(frozen=True, slots=True)
class Results:
    """The measurements of one benchmark, `NAME.jsonl` in a folder; a kill loses none of them."""

    name: str
    folder: Path = FOLDER

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / f"{self.name}.jsonl"

    def rows(self) -> list[Row]:
        """What has been measured so far; a line that a kill cut off counts for nothing."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def append(self, row: Row) -> None:
        """Write one measurement, with time, commit and machine, and wait until it is on disk."""
        about = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "commit": machine.commit(),
            "machine": self._machine(),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = self.path.read_bytes() if self.path.exists() else b""
        with self.path.open("r+b" if whole else "wb") as file:
            file.seek(whole.rfind(b"\n") + 1)
            file.truncate()
            file.write(json.dumps(row | about).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def has(self, **values: Any) -> bool:
        """Whether there is a measurement with these values."""
        return any(matches(row, values) for row in self.rows())

    def clear(self) -> None:
        """Forget what has been measured."""
        self.path.unlink(missing_ok=True)

    def _machine(self) -> int:
        """The number of this machine in `machines.json`, which lists the facts of each."""
        path = self.folder / "machines.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        facts = machine.facts()
        if facts not in known:
            known.append(facts)
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        return int(known.index(facts))


def matches(row: Row, values: Row) -> bool:
    """Whether the row has all these values."""
    return all(row.get(name) == value for name, value in values.items())


def where(rows: Iterable[Row], **values: Any) -> list[Row]:
    """The rows with these values."""
    return [row for row in rows if matches(row, values)]


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing: their median, smallest and largest, and how many."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def seconds(values: Sequence[float]) -> str:
    """Measured seconds for a table: "12.3 (12.1-12.9)", a dash where there are none."""
    if not values:
        return "–"
    found = spread(values)
    digits = 1 if found.median < 100 else 0
    if found.count == 1:
        return f"{found.median:.{digits}f}"
    return f"{found.median:.{digits}f} ({found.low:.{digits}f}–{found.high:.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and all others to the right."""
    lines = [list(head), ["---", *["---:"] * (len(head) - 1)], *map(list, rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
