"""The notebook from a first classifier to a tuned one: it runs, and its outputs are fit to read."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests import scripts

NOTEBOOK = scripts.ROOT / "examples" / "from-a-first-classifier-to-a-tuned-one.ipynb"


def texts(notebook: Any) -> list[str]:
    """What each code cell printed or gave, as text; of a chart its kinds."""
    said = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            parts = [
                out.get("text") or out.data.get("text/plain", ", ".join(out.data))
                for out in cell.outputs
            ]
            said.append("\n".join(parts))
    return said


@pytest.mark.slow
def test_it_runs_from_the_first_cell_to_the_last(tmp_path: Path) -> None:
    scripts.run("docs/tutorial.py", "--quick", "--to", str(tmp_path / "run.ipynb"))
    said = "\n".join(texts(nbformat.read(tmp_path / "run.ipynb", as_version=4)))
    assert "rank  trial       val_accuracy" in said
    assert "['export.json', 'model.keras']\nTrue\n<Study layers: finished, 6 trials, best" in said
    assert " ± " in said, "the spread over the folds"
    assert "on held-out digits: 0." in said


def test_what_is_stored_is_whole_and_small() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    text = NOTEBOOK.read_text(encoding="utf-8")
    silent = ("import search\n", "callbacks =", "# Small numbers")
    for cell, said in zip(
        [cell for cell in notebook.cells if cell.cell_type == "code"], texts(notebook), strict=True
    ):
        assert said or cell.source.startswith(silent), cell.source
    assert len(text) < 400_000
    for word in ("/root", "/home", "/tmp", "iopub", "Traceback"):
        assert word not in text
