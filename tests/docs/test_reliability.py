"""docs/reliability.md names every case, and tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
CASES = [
    *(f"C{number:02}" for number in (*range(1, 35), 39)),
    *("P1", "P3", "S2", "X1", "X2", "X3"),
    *(f"F{number}" for number in range(1, 23)),
]
CITED = sorted(set(re.findall(r"(tests/[\w/]+\.py)::(?:\w+::)?(test_\w+)", PAGE)))


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_a_row(case):
    first_cells = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| ")]
    assert any(re.search(rf"\b{case}[a-e]?\b", cell) for cell in first_cells)


@pytest.mark.parametrize(("path", "name"), CITED)
def test_a_cited_test_exists(path, name):
    assert re.search(rf"^\s*def {name}\(", (ROOT / path).read_text(), re.MULTILINE)
