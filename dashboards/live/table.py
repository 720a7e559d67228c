"""The table of trials as HTML components."""

from typing import TYPE_CHECKING, Any

from dashboards.live.table_rows import Page, Wanted
from dashboards.live.widgets import pill

if TYPE_CHECKING:
    from dash.development.base_component import Component

NUMERIC = ("score", "epochs", "best_epoch", "seconds")
HEADINGS = {"best_epoch": "best epoch"}


def table(page: Page, wanted: Wanted, opened: str | None, best: str | None) -> "list[Component]":
    """Return one page of the table. Headings sort the table; a trial's number opens the trial."""
    from dash import html

    if not page.total:
        return [html.P("No trial has been proposed yet.", className="empty")]
    head = html.Tr([_heading(name, wanted) for name in page.columns])
    body = [_row(page, row, opened, best) for row in page.rows]
    return [
        html.Div(
            html.Table([html.Thead(head), html.Tbody(body)], className="trials"),
            className="scroll",
            tabIndex=0,
            role="region",
            **{"aria-label": "Table of trials"},
        ),
        _pager(page),
    ]


def _heading(name: str, wanted: Wanted) -> "Component":
    from dash import html

    sorted_by = wanted.by == name
    order = ("descending" if wanted.descending else "ascending") if sorted_by else "none"
    arrow = {"ascending": "▲", "descending": "▼", "none": ""}[order]
    button = html.Button(
        [HEADINGS.get(name, name), html.Span(arrow, className="arrow", **{"aria-hidden": "true"})],
        id={"type": "sort", "column": name},
        n_clicks=0,
        title=f"sort by {HEADINGS.get(name, name)}",
    )
    number = "number-cell" if name in NUMERIC else ""
    return html.Th(button, className=number, scope="col", **{"aria-sort": order})


def _row(page: Page, row: tuple[str, ...], opened: str | None, best: str | None) -> "Component":
    from dash import html

    named = dict(zip(page.columns, row, strict=True))
    trial, state = named["trial"], named["state"]
    cells: list[Any] = []
    for name, text in named.items():
        if name == "trial":
            words = [trial, " ", html.Span("best", className="mark")] if trial == best else [trial]
            button = html.Button(
                words,
                id={"type": "open", "trial": trial},
                n_clicks=0,
                className="open",
                title=f"open trial {trial}",
                **{"aria-expanded": "true" if trial == opened else "false"},
            )
            cells.append(html.Th(button, scope="row"))
        elif name == "state":
            cells.append(html.Td(pill(state)))
        else:
            cells.append(html.Td(text, className="number-cell" if name in NUMERIC else ""))
    return html.Tr(cells, className="opened" if trial == opened else "", key=trial)


def _pager(page: Page) -> "Component":
    from dash import html

    first = (
        page.page * len(page.rows) if page.page + 1 < page.pages else page.found - len(page.rows)
    )
    shown = f"{first + 1}–{first + len(page.rows)} of {page.found}" if page.rows else "no match"
    if page.found < page.total:
        shown += f" (of {page.total})"
    return html.Div(
        [
            html.Button(
                "Previous",
                id={"type": "page", "to": "previous"},
                n_clicks=0,
                disabled=page.page == 0,
            ),
            html.Span(shown, className="shown"),
            html.Button(
                "Next",
                id={"type": "page", "to": "next"},
                n_clicks=0,
                disabled=page.page + 1 >= page.pages,
            ),
            html.Span(page.remark, className="remark", role="status"),
        ],
        className="pager",
    )
