"""Details of one trial: parameters, outcome, learning curve and network."""

import base64
from typing import TYPE_CHECKING

from dashboards.diagrams import network as networks
from dashboards.figures.learning_curves import learning_curves
from dashboards.live.figures import Shown, shown
from dashboards.live.widgets import pill
from dashboards.tables.tables import Tables
from search.study.leaderboard import error, score_text
from search.study.progress_text import value_text
from search.study.study_record import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from dash.development.base_component import Component


# Lines have the colour of the text, but an <img> does not inherit the text colour of the page.
_SCHEME = (
    "<style>svg { color: #1c2126 } "
    "@media (prefers-color-scheme: dark) { svg { color: #e6e9ec } }</style>"
)


def facts(tables: Tables, name: str) -> "Component":
    """Return the state, outcome and parameters of a trial."""
    from dash import html

    record = tables.record
    trial = record.trials[name]
    params = trial.params
    rows = [
        html.Div([html.Dt(key), html.Dd(value_text(value, 6))]) for key, value in params.items()
    ]
    return html.Div(
        [
            html.Div(
                [
                    html.H3([f"Trial {name}", pill(trial.state(tables.state))]),
                    html.Button("Close", id={"type": "close", "trial": name}, n_clicks=0),
                ],
                className="title",
            ),
            html.P(_outcome(record, trial), className="outcome"),
            *_failure(trial),
            html.H4("Parameters"),
            html.Dl(rows, className="facts"),
        ]
    )


def curve(tables: Tables, name: str, metric: str | None) -> Shown:
    """Draw the learning curve of one trial."""
    trials = tables.trials[tables.trials["trial"] == name]
    curves = tables.curves[tables.curves["trial"] == name]
    return shown(learning_curves(trials, curves, tables.objective, metric), tables, f"trial {name}")


def architecture(trial: TrialRecord) -> "list[Component]":
    """Return the drawing of a trial's network, and a table of its layers."""
    from dash import html

    network = trial.network
    if network is None:
        return []
    svg = networks.drawing(network).replace("<title>", f"{_SCHEME}<title>", 1)
    coded = base64.b64encode(svg.encode()).decode()
    rows = networks.rows(network)
    words = f"layers of trial {trial.trial}: {', '.join(str(row['layer']) for row in rows)}"
    head = html.Tr(
        [html.Th(name.replace("_", " "), scope="col") for name in rows[0]] if rows else []
    )
    body = [html.Tr([html.Td(str(value)) for value in row.values()]) for row in rows]
    return [
        html.H4("Network"),
        html.Img(src=f"data:image/svg+xml;base64,{coded}", className="drawing", alt=words),
        html.Div(
            html.Table([html.Thead(head), html.Tbody(body)], className="layers"),
            className="scroll",
            tabIndex=0,
            role="region",
            **{"aria-label": "Layers"},
        ),
        html.P(f"{network.parameters:,} parameters in total", className="outcome"),
    ]


def _outcome(record: StudyRecord, trial: TrialRecord) -> str:
    words = [f"{len(trial.curve)} of {trial.stop_epoch} epochs, {trial.seconds:.1f} s of training"]
    if trial.score is not None:
        metric = record.objective.metric
        words.insert(0, f"{metric} {score_text(record, trial)} at epoch {trial.best_epoch}")
    return "; ".join(words)


def _failure(trial: TrialRecord) -> "list[Component]":
    from dash import html

    failed = error(trial.outcome)
    if failed is None:
        return []
    return [html.Pre(f"{failed['kind']}: {failed['message']}", className="failure")]
