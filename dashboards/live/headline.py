"""The top of the live page: the numbers of a study, and its running trials."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dashboards.live.snapshot import Best, Flight, Standing
from dashboards.live.widgets import pill, spark
from search.study.progress_text import of_text, rate_text, score_text, time_text

if TYPE_CHECKING:
    from dash.development.base_component import Component


def about(standing: Standing) -> "list[Component]":
    """Return one line with the state and the settings of the study."""
    from dash import html

    words = [
        f"problem {standing.problem}",
        f"backend {standing.backend}",
        f"seed {standing.seed}",
        f"{standing.objective.metric} ({standing.objective.direction})",
    ]
    if standing.meaning:
        words.append(f"epochs: {standing.meaning}")
    return [pill(standing.state), html.Span(" · ".join(words))]


def headline(standing: Standing) -> "list[Component]":
    """Return the numbers, each with a name and a remark."""
    running = standing.state == "running"
    (trials, planned_trials), (epochs, planned_epochs) = standing.trials, standing.epochs
    best = standing.best
    parts = [
        _number("Best", *_best_words(best, standing.objective.metric), wide=True),
        _number("Trials", of_text(trials, planned_trials), _share(trials, planned_trials)),
        _number("Epochs", of_text(epochs, planned_epochs), rate_text(standing.speed)),
        _number("Elapsed", time_text(standing.elapsed), "active time"),
    ]
    if running:
        parts.append(_number("Time left", time_text(standing.left), "estimate"))
    if best is not None and best.test:
        name, value, remark = _test_words(best.test, standing.objective.metric)
        if best.verified is False:
            remark = f"does not apply; {remark}" if remark else "does not apply"
        parts.append(_number(name, value, remark))
    if best is not None and (best.verified is not None or best.reason):
        word = {True: "verified", False: "NOT verified", None: "not checked"}[best.verified]
        remark = best.reason or "has the recorded score"
        parts.append(_number("Exported model", word, remark, wide=best.verified is not True))
    parts.append(_number("Failures", str(standing.failures), standing.latest_failure))
    return parts


def _best_words(best: Best | None, metric: str) -> tuple[str, str]:
    if best is None:
        return "–", "no trial has a score yet"
    over_folds = "" if best.spread is None else f" ± {score_text(best.spread)}"
    words = [f"{metric}, trial {best.trial} at epoch {best.epoch}"]
    if best.gain is not None:
        words.append(f"{best.gain:+.4f} over the baseline")
    return f"{score_text(best.score)}{over_folds}", "; ".join(words)


def _test_words(test: Mapping[str, float], metric: str) -> tuple[str, str, str]:
    """Return name and value of the objective's metric on the test set, and the other metrics.

    Without the objective's metric, the first metric takes its place.
    """
    main = metric.removeprefix("val_")
    name = main if main in test else next(iter(test))
    others = [f"{other} {score_text(value)}" for other, value in test.items() if other != name]
    return f"Test {name}", score_text(test[name]), ", ".join(others)


def _share(done: int, planned: int | None) -> str:
    return f"{100 * done / planned:.0f} %" if planned else ""


def _number(name: str, value: str, remark: str, *, wide: bool = False) -> "Component":
    from dash import html

    return html.Div(
        [html.Dt(name), html.Dd(value, className="value"), html.Dd(remark, className="remark")],
        className="number wide" if wide else "number",
    )


def flights(standing: Standing) -> "list[Component]":
    """Return one row per running trial; nothing without running trials."""
    from dash import html

    if not standing.flights:
        return []
    waiting = standing.state != "running"
    title = "Unfinished trials" if waiting else "Running trials"
    metric = standing.objective.metric
    return [
        html.H2([title, html.Span(str(len(standing.flights)), className="count")]),
        html.Ul([_flight(flight, metric) for flight in standing.flights], className="flights"),
    ]


def _flight(flight: Flight, metric: str) -> "Component":
    from dash import html

    share = 100 * flight.epochs / flight.stop if flight.stop else 0
    label = f"{metric} of trial {flight.trial} by epoch"
    latest = [html.Span(f"best {score_text(flight.best)}"), f" {score_text(flight.now)}"]
    return html.Li(
        [
            html.Span(f"trial {flight.trial}", className="name"),
            html.Span(flight.place, className="place"),
            html.Span(flight.params, className="params", title=flight.params),
            html.Span(
                [
                    html.Span(html.Span(style={"width": f"{share:.0f}%"}), className="bar"),
                    f"{flight.epochs}/{flight.stop}",
                ],
                className="progress",
            ),
            spark(flight.values, label),
            html.Span(latest if flight.values else "–", className="latest"),
        ],
        key=flight.trial,
    )
