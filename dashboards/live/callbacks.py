"""Dash callbacks of the live page: ticks, choices and clicks. Pure functions compute the output."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from dashboards.live import figures, headline, table, trial_detail
from dashboards.live.figures import Shown
from dashboards.live.follower import Drawn, Watcher
from dashboards.live.layout import seen
from dashboards.live.table_rows import Wanted, page
from search.errors import SearchError
from search.runtime.clock import Clock

if TYPE_CHECKING:
    from dash import Dash

_Answer = TypeVar("_Answer", bound=Callable[..., Any])
HIDDEN = {"display": "none"}


def connect(app: "Dash", watcher: Watcher, clock: Clock) -> None:
    """Register all callbacks of the page."""
    from dash import ALL, Input, Output, State, ctx, no_update

    on: Callable[..., Callable[[_Answer], _Answer]] = app.callback

    def drawing(study: str, draw: Callable[[Drawn], Any]) -> Any:
        drawn, began = watcher.drawn(study), clock.seconds()
        made = draw(drawn)
        drawn.cost += clock.seconds() - began  # expensive drawings are repeated less often
        return made

    def figure(study: str, word: str, draw: Callable[[Drawn], Shown]) -> tuple[Any, ...]:
        shown: Shown = drawing(study, lambda drawn: drawn.figure(word, draw))
        return shown.figure, {"height": f"{shown.height}px"}, shown.title, shown.note

    def outputs(name: str) -> list[Any]:
        """Return the outputs for the values of `figure`."""
        plot = [Output(name, "figure"), Output(name, "style")]
        return [*plot, Output(f"{name}-title", "children"), Output(f"{name}-note", "children")]

    @on(
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

    # The figures depend only on the drawing number in "seen". Comparing it in the browser saves
    # requests to the server.
    app.clientside_callback(
        "(seen, before) => { const now = seen.study + ' ' + seen.drawn;"
        " return now === before ? window.dash_clientside.no_update : now; }",
        Output("drawn", "data"),
        Input("seen", "data"),
        State("drawn", "data"),
        prevent_initial_call=True,
    )

    @on(
        *outputs("best"),
        Input("drawn", "data"),
        Input("best-against", "value"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def best(_: str, against: str, study: str) -> tuple[Any, ...]:
        return figure(study, f"best {against}", lambda drawn: figures.best(drawn.tables, against))

    @on(
        *outputs("curves"),
        Output("curves-metric", "options"),
        Output("curves-metric", "value"),
        Input("drawn", "data"),
        Input("curves-metric", "value"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def curves(_: str, metric: str | None, study: str) -> tuple[Any, ...]:
        metrics = figures.metrics(watcher.drawn(study).tables)
        chosen = metric if metric in metrics else next(iter(metrics), None)
        own = figure(study, f"curves {chosen}", lambda drawn: figures.curves(drawn.tables, chosen))
        return (*own, metrics, no_update if chosen == metric else chosen)

    @on(
        *outputs("explored"),
        Input("drawn", "data"),
        Input("explored-word", "value"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def explored(_: str, word: str, study: str) -> tuple[Any, ...]:
        return figure(
            study, word, lambda drawn: figures.explored(drawn.tables, drawn.ranking, word)
        )

    @on(
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
            return no_update  # the buttons were drawn again, without a click
        if what["type"] == "page":
            return before | {"page": before["page"] + (1 if what["to"] == "next" else -1)}
        return resorted(before, what["column"])

    @on(
        Output("opened", "data"),
        Input({"type": "open", "trial": ALL}, "n_clicks"),
        Input({"type": "close", "trial": ALL}, "n_clicks"),
        Input("study", "value"),
        State("opened", "data"),
        prevent_initial_call=True,
    )
    def open_trial(_: Any, __: Any, study: str, before: str) -> Any:
        what = ctx.triggered_id
        if what == "study":
            return ""
        if not any(event["value"] for event in ctx.triggered):
            return no_update
        return "" if what["type"] == "close" or what["trial"] == before else what["trial"]

    @on(
        Output("trials", "children"),
        Input("drawn", "data"),
        Input("wanted", "data"),
        Input("opened", "data"),
        State("filter", "value"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def rows(_: str, wanted: dict[str, Any], trial: str, text: str | None, study: str) -> Any:
        asked = Wanted(text or "", **wanted)

        def draw(drawn: Drawn) -> Any:
            tables = drawn.tables
            return table.table(page(tables.trials, asked), asked, trial, tables.best)

        return drawing(study, draw)

    @on(
        Output("trial", "hidden"),
        Output("facts", "children"),
        Output("own-curve", "figure"),
        Output("own-curve", "style"),
        Output("architecture", "children"),
        Input("drawn", "data"),
        Input("opened", "data"),
        State("study", "value"),
        prevent_initial_call=True,
    )
    def show_trial(_: str, trial: str, study: str) -> tuple[Any, ...]:
        tables = watcher.drawn(study).tables
        if trial not in tables.record.trials:
            return True, [], no_update, HIDDEN, []
        own = figure(
            study, f"trial {trial}", lambda drawn: trial_detail.curve(drawn.tables, trial, None)
        )
        network = trial_detail.architecture(tables.record.trials[trial])
        return False, trial_detail.facts(tables, trial), *own[:2], network

    # a trial opens below the table, possibly outside the window
    app.clientside_callback(
        """(facts, trial, before) => {
          if (trial && trial !== before)
            document.getElementById("trial").scrollIntoView({block: "nearest"});
          return trial;
        }""",
        Output("scrolled", "data"),
        Input("own-curve", "figure"),
        State("opened", "data"),
        State("scrolled", "data"),
        prevent_initial_call=True,
    )


def resorted(before: dict[str, Any], column: str) -> dict[str, Any]:
    """Return the new order after a click on a heading: ascending, descending, order of trials.

    >>> resorted({"by": "epochs", "descending": True, "page": 3}, "epochs")
    {'by': '', 'descending': False, 'page': 0}
    """
    if before["by"] != column:
        # by score the best comes first, and for most metrics higher is better
        return {"by": column, "descending": column == "score", "page": 0}
    if before["descending"] == (column == "score"):
        return {"by": column, "descending": not before["descending"], "page": 0}
    return {"by": "", "descending": False, "page": 0}
