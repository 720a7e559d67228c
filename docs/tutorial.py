"""Runs the notebook of examples/ and stores its outputs in it: `make notebook`.

What is stored must be the same wherever it ran: no times, no paths of the machine.
"""

import argparse
import base64
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "examples" / "from-a-first-classifier-to-a-tuned-one.ipynb"
ROOT = NOTEBOOK.parents[1]
PLOTLY = "application/vnd.plotly.v1+json"
QUICK = "IMAGES = 600\nEPOCHS = 2\nTRIALS = 3\nWORKERS = 0  # the kernel itself trains\n"
# before the notebook's own cells: the folder of the project is importable from any other
_SETUP = """
import os
import sys
import warnings

import plotly.io

warnings.filterwarnings("ignore", "IProgress not found")  # of tqdm, where the kernel itself trains
sys.path.insert(0, {root!r})
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
plotly.io.renderers.default = "plotly_mimetype"  # others would store all of plotly.js
"""


def executed(notebook: Any, *, parameters: str | None = None) -> Any:
    """The notebook with the outputs of a run in an empty folder.

    `parameters`: in the place of the cell that has that tag.

    Raises: CellExecutionError where a cell fails.
    """
    for cell in notebook.cells:
        if parameters is not None and "parameters" in cell.metadata.get("tags", ()):
            cell.source = parameters
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_SETUP.format(root=str(ROOT))))
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            record_timing=False,
        )
        client.execute()
    del notebook.cells[0]
    text = nbformat.writes(notebook)
    for place in (folder, str(ROOT)):
        if place in text:
            line = next(line for line in text.splitlines() if place in line)
            raise ValueError(f"an output must not name {place}, got {line[:200]}; change the cell")
    return notebook


def stored(notebook: Any) -> Any:
    """The notebook as it is kept: charts also as pictures, for readers that draw none."""
    import plotly.graph_objects as go

    number = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        number += 1
        cell.execution_count = number
        cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
            drawn = output.get("data", {}).get(PLOTLY)
            if drawn is None:
                continue
            figure = go.Figure(drawn["data"], drawn["layout"])
            figure.update_layout(paper_bgcolor="white", plot_bgcolor="white", width=560)
            output.data["image/png"] = base64.b64encode(figure.to_image("png")).decode()
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main() -> None:
    """Run it whole and store it, or with --quick a short run elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few images, epochs and trials")
    parser.add_argument("--to", type=Path, default=NOTEBOOK)
    options = parser.parse_args()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    done = executed(notebook, parameters=QUICK if options.quick else None)
    nbformat.write(done if options.quick else stored(done), options.to)


if __name__ == "__main__":
    main()
