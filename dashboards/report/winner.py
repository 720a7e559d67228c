"""Pictures of a study's winner: its network, confusion matrix or residuals."""

from pathlib import Path

from dashboards.diagrams.errors_by_class import examples
from dashboards.diagrams.network import drawing
from dashboards.figures.confusion import confusion
from dashboards.figures.residuals import residuals
from dashboards.report.embed import Drawing
from dashboards.report.figure_list import Chart
from dashboards.tables import evaluation
from search.export.evaluation import Classified, read
from search.study.study_record import StudyRecord


def pictures(record: StudyRecord, exported: Path | None) -> list[Chart | Drawing]:
    """Return the pictures of the winner, in the order of the page.

    `exported`: the export folder of an evaluated winner. With None, only the network is drawn.
    """
    best = record.best()
    network = None if best is None else best.network
    found: list[Chart | Drawing] = []
    if best is not None and network is not None:
        note = f"Trial {best.trial}: {network.parameters:,} parameters"
        found.append(Drawing("network", "The network", note, drawing(network)))
    predicted = None if exported is None else read(exported)
    if predicted is None:
        return found
    part = predicted.part
    if not isinstance(predicted, Classified):
        return [*found, Chart("residuals", residuals(evaluation.residuals_frame(predicted), part))]
    found.append(Chart("confusion", confusion(evaluation.confusion_frame(predicted), part)))
    grid = examples(predicted)
    if grid:
        note = f"{part} examples with a wrong and confident prediction"
        found.append(Drawing("examples", "The most confused examples", note, grid))
    return found
