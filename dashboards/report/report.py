"""The report: studies as one HTML page that needs nothing but itself."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dashboards.analysis.importance import importances
from dashboards.analysis.summary import value_text
from dashboards.figures import comparison
from dashboards.report.embed import Panel, panel
from dashboards.report.figure_list import Chart, charts
from dashboards.report.sections import Chapter, Study, chapter
from search.study.progress_text import score_text, time_text

if TYPE_CHECKING:
    import pandas as pd

GENERATOR = "keras-hyperparameter-search report"  # how a report is known as one
SHOWN = 100  # rows of the table of trials that are there without a click
COMPARISON = "comparison"


class Report:
    """The page on one study, or on several with a comparison first.

    Making it computes importances and figures; `html` and `charts` only write down what is there.
    Nothing is read from a clock: one journal gives one page. `damaged`: the names of studies that
    cannot be read, with the reasons; the page lists them.
    """

    def __init__(
        self, studies: Sequence[Study], damaged: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._damaged = damaged
        self._named = {study.tables.study: study.tables for study in studies}
        self._chapters: list[Chapter] = []
        self._charts: list[Chart] = []
        self._compared: Panel | None = None
        several = len(studies) > 1
        if several:
            chart = Chart(COMPARISON, comparison.comparison(self._named))
            self._charts.append(chart)
            self._compared = panel(chart, f"{COMPARISON}-figure")
        for number, study in enumerate(studies, start=1):
            tables, key = study.tables, f"study-{number}"
            weights = importances(tables.trials, tables.objective, tables.space)
            found = charts(tables, weights) if len(tables.trials) else []
            panels = [panel(chart, f"{key}-{chart.name}") for chart in found]
            pictures = [panel(picture, f"{key}-{picture.name}") for picture in study.pictures]
            self._chapters.append(chapter(key, study, panels, pictures, weights))
            found += [picture for picture in study.pictures if isinstance(picture, Chart)]
            before = f"{tables.study}-" if several else ""
            self._charts += [Chart(before + chart.name, chart.figure) for chart in found]

    def charts(self) -> Sequence[Chart]:
        """Every figure, under a name that no other has."""
        return tuple(self._charts)

    def html(self) -> str:
        """The whole page: styles, script, plotly.js and data are inside."""
        from plotly.offline import get_plotlyjs

        template = _environment().get_template("report.html")
        several = len(self._chapters) > 1
        title = (
            f"{len(self._chapters)} studies compared" if several else next(iter(self._named), "")
        )
        text: str = template.render(
            title=title,
            generator=GENERATOR,
            chapters=self._chapters,
            damaged=self._damaged,
            compared=self._compared,
            studies=self._compare() if several else [],
            shown=SHOWN,
            plotly=get_plotlyjs(),
        )
        return text

    def _compare(self) -> list[dict[str, Any]]:
        """The rows of the comparison's table."""
        frame: pd.DataFrame = comparison.compared(self._named)
        return [
            {str(name): value for name, value in row.items()} for row in frame.to_dict("records")
        ]


def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dashboards"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = environment.loader
    assert source is not None

    def file(name: str) -> str:
        """A file of the package, as it is."""
        text: str = source.get_source(environment, name)[0]
        return text

    environment.globals["file"] = file
    environment.filters |= {
        "value": value_text,
        "score": lambda score: score_text(None if score is None or score != score else score),
        "clock": lambda seconds: time_text(
            None if seconds is None or seconds != seconds else seconds
        ),
    }
    return environment
