"""Initial layout of the live page. It is complete, so that it is readable before any callback."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dashboards.live import figures, headline, table
from dashboards.live.figures import Shown
from dashboards.live.follower import Drawn
from dashboards.live.snapshot import Standing
from dashboards.live.table_rows import Wanted, page

if TYPE_CHECKING:
    from dash.development.base_component import Component

TICK_MS = 1000
FIRST = "timeline"  # the first figure: cheap to draw, and not empty for any backend
GRAPH = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}


def whole(
    standing: Standing, drawn: Drawn, studies: Sequence[str], trouble: str = ""
) -> "Component":
    """Return the page of a study. `trouble`: unreadable studies with the reasons, or ""."""
    from dash import dcc, html

    tables, wanted = drawn.tables, Wanted()
    metric = tables.objective.metric
    return html.Main(
        [
            dcc.Interval(id="tick", interval=TICK_MS),
            dcc.Store(id="seen", data=seen(standing)),
            dcc.Store(id="wanted", data={"by": "", "descending": False, "page": 0}),
            dcc.Store(id="opened", data=""),
            dcc.Store(id="scrolled", data=""),
            dcc.Store(id="drawn", data=f"{standing.study} {standing.drawn}"),
            html.Header(
                [
                    html.Div(
                        [
                            html.Label("Study", htmlFor="study"),
                            _select("study", studies, standing.study, "displayed study"),
                        ],
                        className="chosen",
                    ),
                    html.P(headline.about(standing), id="about"),
                ]
            ),
            html.P(trouble, id="trouble", role="alert"),
            html.Dl(headline.headline(standing), id="headline"),
            html.Section(headline.flights(standing), id="flights"),
            html.Div(
                [
                    panel(
                        "best",
                        drawn.figure("best seconds", lambda of: figures.best(of.tables, "seconds")),
                        _choice("best-against", ("seconds", "epochs"), "seconds", "against"),
                    ),
                    panel(
                        "curves",
                        drawn.figure(
                            f"curves {metric}", lambda of: figures.curves(of.tables, metric)
                        ),
                        _select(
                            "curves-metric",
                            figures.metrics(tables),
                            metric,
                            "metric of the learning curves",
                        ),
                    ),
                ],
                className="pair",
            ),
            panel(
                "explored",
                drawn.figure(FIRST, lambda of: figures.explored(of.tables, of.ranking, FIRST)),
                _choice("explored-word", tuple(figures.EXPLORED), FIRST, "figure"),
            ),
            html.Section(
                [
                    html.H2("Trials"),
                    dcc.Input(
                        id="filter",
                        type="text",
                        debounce=0.3,
                        placeholder="filter, e.g. completed score>0.9 layers=2",
                        autoComplete="off",
                    ),
                    html.Div(
                        table.table(page(tables.trials, wanted), wanted, None, tables.best),
                        id="trials",
                    ),
                    html.Article(
                        [
                            html.Div(id="facts"),
                            graph("own-curve", None),
                            html.Div(id="architecture"),
                        ],
                        id="trial",
                        hidden=True,
                    ),
                ],
                className="panel",
            ),
        ]
    )


def empty(message: str) -> "Component":
    """Return the page of a store without a readable study."""
    from dash import html

    return html.Main(
        [
            html.H1("Studies"),
            html.P(message, className="empty"),
            html.P("Reload this page after a study has started."),
        ]
    )


def seen(standing: Standing) -> dict[str, Any]:
    """Return the version of the displayed study; each tick compares it with the current one."""
    return {
        "study": standing.study,
        "entries": standing.entries,
        "state": standing.state,
        "drawn": standing.drawn,
    }


def panel(name: str, drawn: Shown, choice: "Component") -> "Component":
    """Return a section with a title, a figure and its control."""
    from dash import html

    heading = html.Div(
        [html.H2(drawn.title, id=f"{name}-title"), html.P(drawn.note, id=f"{name}-note")],
        className="heading",
    )
    return html.Section(
        [html.Div([heading, choice], className="top"), graph(name, drawn)], className="panel"
    )


def graph(name: str, drawn: Shown | None) -> "Component":
    """Return a graph component with the height of the figure; hidden without a figure."""
    from dash import dcc

    if drawn is None:
        return dcc.Graph(id=name, config=GRAPH, style={"display": "none"})
    return dcc.Graph(
        id=name, figure=drawn.figure, config=GRAPH, style={"height": f"{drawn.height}px"}
    )


def _choice(name: str, words: Sequence[str], value: str, about: str) -> "Component":
    from dash import dcc, html

    return html.Fieldset(
        [
            html.Legend(about),
            dcc.RadioItems(id=name, options=list(words), value=value, className="words"),
        ]
    )


def _select(name: str, words: Sequence[str], value: str, about: str) -> "Component":
    from dash import dcc

    return dcc.Dropdown(
        id=name, options=list(words), value=value, clearable=False, searchable=len(words) > 12
    )
