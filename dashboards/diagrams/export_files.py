"""Extra files of an export: a drawing of the network, and predictions on held-out data."""

import csv
import io

from dashboards.diagrams.errors_by_class import examples
from dashboards.diagrams.network import drawing, standalone
from search.export import evaluation as evidences
from search.export.base import PICTURES
from search.export.evaluation import Classified, Evidence
from search.study.architecture import Network

NETWORK, EXAMPLES, CONFUSION = PICTURES


def files(network: Network | None, evidence: Evidence | None) -> dict[str, bytes]:
    """Return the contents of the files by name.

    The files: `network.svg`; `evidence.npz`; for classifiers `confusion.csv` (rows: true classes,
    columns: predicted classes), and `examples.svg` when inputs are images. Files without data are
    left out.
    """
    found: dict[str, bytes] = {}
    if network is not None:
        found[NETWORK] = standalone(drawing(network)).encode()
    if evidence is None:
        return found
    found[evidences.FILE] = evidences.packed(evidence)
    if isinstance(evidence, Classified):
        if evidence.confusion.size:
            found[CONFUSION] = _confusion(evidence).encode()
        grid = examples(evidence)
        if grid:
            found[EXAMPLES] = standalone(grid).encode()
    return found


def _confusion(evidence: Classified) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["true \\ predicted", *evidence.class_names])
    for name, row in zip(evidence.class_names, evidence.confusion, strict=True):
        writer.writerow([name, *row])
    return text.getvalue()
