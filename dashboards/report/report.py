"""The report: one or more studies as a self-contained HTML page."""

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

GENERATOR = "keras-hyperparameter-search report"  # identifies a file as a report
SHOWN = 100  # rows of the table of trials that are visible without a click
COMPARISON = "comparison"


class Report:
    """The report on one study, or on several with a comparison first.

    The constructor computes importances and figures; `html` and `charts` only render the results.
    The report contains no current time: equal journals give equal pages. `damaged`: names of
    unreadable studies with the reasons, which the page lists.
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
        """Return all figures, each with a unique name."""
        return tuple(self._charts)

    def html(self) -> str:
        """Return the HTML page, with styles, script, plotly.js and data inside."""
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
        """Return the rows of the comparison table."""
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
        """Return the text of a template file, not rendered."""
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
