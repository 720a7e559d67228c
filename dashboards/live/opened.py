"""One trial opened: its parameters, its outcome, its curve, and a place for its network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.figures.learning_curves import learning_curves
from dashboards.live.charts import Shown, shown
from dashboards.live.words import pill
from dashboards.tables import Tables
from search.leaderboard import error, score_text
from search.record import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from dash.development.base_component import Component


@dataclass(frozen=True, slots=True)
class Network:
    """A trial's model: `summary` as text, `drawing` as SVG; "" for what there is not."""

    summary: str
    drawing: str


# The network of (study, trial); None where it cannot be had. May take seconds.
Networks = Callable[[str, str], Network | None]


def no_networks(study: str, trial: str) -> Network | None:
    """Where nothing draws networks."""
    return None


def facts(tables: Tables, name: str) -> "Component":
    """What is known of a trial without its model."""
    from dash import html

    record = tables.record
    trial = record.trials[name]
    params = trial.params
    rows = [html.Div([html.Dt(key), html.Dd(_value(value))]) for key, value in params.items()]
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
    """The trial's own learning curve."""
    trials = tables.trials[tables.trials["trial"] == name]
    curves = tables.curves[tables.curves["trial"] == name]
    return shown(learning_curves(trials, curves, tables.objective, metric), tables, f"trial {name}")


def architecture(network: Network | None) -> "list[Component]":
    """The drawing and the summary of a trial's network."""
    import base64

    from dash import html

    if network is None:
        return []
    parts: list[Component] = [html.H4("Network")]
    if network.drawing:
        coded = base64.b64encode(network.drawing.encode()).decode()
        source = f"data:image/svg+xml;base64,{coded}"
        parts.append(html.Img(src=source, className="drawing", alt="drawing of the architecture"))
    if network.summary:
        parts.append(html.Pre(network.summary, className="summary", tabIndex=0))
    return parts


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _outcome(record: StudyRecord, trial: TrialRecord) -> str:
    words = [f"{len(trial.curve)} of {trial.stop_epoch} epochs, {trial.seconds:.1f} s of work"]
    if trial.score is not None:
        metric = record.objective.metric
        words.insert(0, f"{metric} {score_text(record, trial)} at epoch {trial.best_epoch}")
    return "; ".join(words)


def _failure(trial: TrialRecord) -> "list[Component]":
    from dash import html

    failed = error(trial)
    if failed is None:
        return []
    return [html.Pre(f"{failed['kind']}: {failed['message']}", className="failure")]
