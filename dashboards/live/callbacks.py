"""What happens on the page: ticks, choices, clicks; each asks a pure function what is new."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dashboards.live import charts, headline, opened, table
from dashboards.live.charts import Shown
from dashboards.live.layout import seen
from dashboards.live.opened import Networks
from dashboards.live.rows import Wanted, page
from dashboards.live.watching import Watcher
from dashboards.tables import Tables
from search.errors import SearchError
from search.seeds import Clock

if TYPE_CHECKING:
    from dash import Dash

HIDDEN = {"display": "none"}


def connect(app: "Dash", watcher: Watcher, networks: Networks, clock: Clock) -> None:
    """Register all callbacks of the page."""
    from dash import ALL, Input, Output, State, ctx, no_update

    def drawn(study: str, draw: Callable[[Tables], Any]) -> Any:
        tables = watcher.tables(study)
        began = clock.seconds()
        made = draw(tables)
        watcher.spent(study, clock.seconds() - began)
        return made

    def figure(study: str, draw: Callable[[Tables], Shown]) -> tuple[Any, Any]:
        shown = drawn(study, draw)
        return shown.figure, {"height": f"{shown.height}px"}

    @app.callback(
        Output("seen", "data"),
        Output("about", "children"),
        Output("headline", "children"),
        Output("flights", "children"),
        Output("study", "options"),
        Output("trouble", "children"),
        Input("tick", "n_intervals"),
        Input("study", "value"),
        State("seen", "data"),
        State("study", "options"),
        prevent_initial_call=True,
    )
    def tick(_: int, study: str, before: dict[str, Any], known: list[str]) -> tuple[Any, ...]:
        studies = watcher.studies()
        options = no_update if studies == known else studies
        try:
            standing = watcher.look(study)
        except SearchError as error:
            return no_update, no_update, no_update, no_update, options, str(error)
        now = seen(standing)
        if now == before:
            if standing.state != "running":
                return no_update, no_update, no_update, no_update, options, ""
            return no_update, no_update, headline.headline(standing), no_update, options, ""
        return (
            now,
            headline.about(standing),
            headline.headline(standing),
            headline.flights(standing),
            options,
            "",
        )

    # of "seen" they need the drawing only; a client-side step spares the server the others
    app.clientside_callback(
        "(seen, before) => { const now = seen.study + ' ' + seen.drawn;"
        " return now === before ? window.dash_clientside.no_update : now; }",
        Output("drawn", "data"),
        Input("seen", "data"),
        State("drawn", "data"),
    )

    @app.callback(
        Output("best", "figure"),
        Output("best", "style"),
        Input("drawn", "data"),
        Input("best-against", "value"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def best(_: str, against: str, study: str) -> tuple[Any, Any]:
        return figure(study, lambda tables: charts.best(tables, against))

    @app.callback(
        Output("curves", "figure"),
        Output("curves", "style"),
        Output("curves-metric", "options"),
        Output("curves-metric", "value"),
        Input("drawn", "data"),
        Input("curves-metric", "value"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def curves(_: str, metric: str | None, study: str) -> tuple[Any, ...]:
        metrics = charts.metrics(watcher.tables(study))
        chosen = metric if metric in metrics else next(iter(metrics), None)
        own = figure(study, lambda tables: charts.curves(tables, chosen))
        return (*own, metrics, no_update if chosen == metric else chosen)

    @app.callback(
        Output("explored", "figure"),
        Output("explored", "style"),
        Input("drawn", "data"),
        Input("explored-word", "value"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def explored(_: str, word: str, study: str) -> tuple[Any, Any]:
        return figure(study, lambda tables: charts.explored(tables, word))

    @app.callback(
        Output("wanted", "data"),
        Input({"type": "sort", "column": ALL}, "n_clicks"),
        Input({"type": "page", "to": ALL}, "n_clicks"),
        Input("filter", "value"),
        Input("study", "value"),
        State("wanted", "data"),
        prevent_initial_call=True,
    )
    def want(_: Any, __: Any, text: str | None, study: str, before: dict[str, Any]) -> Any:
        what = ctx.triggered_id
        if what in ("filter", "study"):
            return before | {"page": 0}
        if not any(event["value"] for event in ctx.triggered):
            return no_update  # the buttons were drawn anew, nobody clicked
        if what["type"] == "page":
            return before | {"page": before["page"] + (1 if what["to"] == "next" else -1)}
        return resorted(before, what["column"])

    @app.callback(
        Output("opened", "data"),
        Input({"type": "open", "trial": ALL}, "n_clicks"),
        Input({"type": "close", "trial": ALL}, "n_clicks"),
        Input("study", "value"),
        State("opened", "data"),
        prevent_initial_call=True,
    )
    def open_trial(_: Any, __: Any, study: str, before: str | None) -> Any:
        what = ctx.triggered_id
        if what == "study":
            return None
        if not any(event["value"] for event in ctx.triggered):
            return no_update
        return None if what["type"] == "close" or what["trial"] == before else what["trial"]

    @app.callback(
        Output("trials", "children"),
        Input("drawn", "data"),
        Input("wanted", "data"),
        Input("opened", "data"),
        State("filter", "value"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def rows(
        _: str, wanted: dict[str, Any], trial: str | None, text: str | None, study: str
    ) -> Any:
        asked = Wanted(text or "", **wanted)
        return drawn(
            study,
            lambda tables: table.table(page(tables.trials, asked), asked, trial, tables.best),
        )

    @app.callback(
        Output("trial", "hidden"),
        Output("facts", "children"),
        Output("own-curve", "figure"),
        Output("own-curve", "style"),
        Input("drawn", "data"),
        Input("opened", "data"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def show_trial(_: str, trial: str | None, study: str) -> tuple[Any, ...]:
        tables = watcher.tables(study)
        if trial is None or trial not in tables.record.trials:
            return True, [], no_update, HIDDEN
        own = figure(study, lambda tables: opened.curve(tables, trial, None))
        return False, opened.facts(tables, trial), *own

    @app.callback(
        Output("architecture", "children"),
        Input("opened", "data"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def architecture(trial: str | None, study: str) -> Any:
        return [] if trial is None else opened.architecture(networks(study, trial))


def resorted(before: dict[str, Any], column: str) -> dict[str, Any]:
    """A click on a heading: up, then down, then the order of the trials again.

    >>> resorted({"by": "epochs", "descending": True, "page": 3}, "epochs")
    {'by': '', 'descending': False, 'page': 0}
    """
    if before["by"] != column:
        # a score is asked for best first, and mostly more is better
        return {"by": column, "descending": column == "score", "page": 0}
    if before["descending"] == (column == "score"):
        return {"by": column, "descending": not before["descending"], "page": 0}
    return {"by": "", "descending": False, "page": 0}
