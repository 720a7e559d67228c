"""Pictures of a study's winner: its network, and what it took for something else."""

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
    """What there is to show of the winner, in the order of a page.

    `exported`: its folder, where it was judged; None leaves out what it said of unseen data.
    """
    best = record.best()
    network = None if best is None else best.network
    found: list[Chart | Drawing] = []
    if best is not None and network is not None:
        note = f"Trial {best.trial}: {network.parameters:,} parameters"
        found.append(Drawing("network", "The network", note, drawing(network)))
    said = None if exported is None else read(exported)
    if said is None:
        return found
    if not isinstance(said, Classified):
        return [*found, Chart("residuals", residuals(evaluation.residuals_frame(said), said.part))]
    found.append(Chart("confusion", confusion(evaluation.confusion_frame(said), said.part)))
    grid = examples(said)
    if grid:
        note = f"Of the {said.part} data: those it was surest of, and wrong"
        found.append(Drawing("examples", "The most confused examples", note, grid))
    return found
