"""Learning curves, with the best trials emphasised and pruned trials faded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.analysis.ranking import baseline, better, described, focus, ranked
from dashboards.figures import theme
from dashboards.figures.lines import gapped
from search.problem.objective import Objective

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_FEW = 10  # best trials that are emphasised
_DESCRIBED = 200  # trials whose parameters are in the hover
_MOST_CURVES = 150  # of one group: more curves cannot be told apart


@dataclass(frozen=True, slots=True)
class _Group:
    """Trials with one style, drawn as one trace with gaps."""

    name: str
    trials: Sequence[str]
    colour: str
    width: float
    opacity: float
    dash: str = "solid"


def learning_curves(
    trials: "pd.DataFrame", curves: "pd.DataFrame", objective: Objective, metric: str | None = None
) -> "go.Figure":
    """Plot a metric against the epoch, one line per trial.

    The best trial and the ten next best are emphasised. The line of the baseline is dashed, the
    lines of failed trials are dotted, and those of pruned trials are faded. A dot marks the end of
    each curve. If a group (such as the pruned trials) has more than 150 curves, 150 evenly spaced
    ones are drawn, and the note states both numbers.

    Args:
        trials: Frame of `dashboards.tables.frames.trials_frame`.
        curves: Frame of `dashboards.tables.frames.curves_frame`.
        objective: Objective of the study.
        metric: Name of the metric; by default the objective.

    Returns:
        The plotly figure. If no epoch has the metric, the figure contains only a sentence that
        names the known metrics.
    """
    name = metric or objective.metric
    title = f"Learning curves: {name}"
    shown = curves[curves["metric"] == name]
    if shown.empty:
        known = ", ".join(map(str, curves["metric"].unique()))
        other = f"No epoch has the metric {name}. Known metrics: {known}."
        return theme.said(title, other if known else "No epoch has been trained yet.")
    groups = _groups(trials, objective)
    texts: Mapping[str, str] = {}
    if len(trials) <= _DESCRIBED:
        texts = dict(zip(trials["trial"], described(trials), strict=True))
    begun = {str(trial) for trial in shown["trial"].unique()}
    notes = [better(objective)] if name == objective.metric else []
    figure = theme.blank(title)
    for group in groups:
        left = [trial for trial in group.trials if trial in begun]
        drawn = _capped(left)
        if len(drawn) < len(left):
            notes.append(f"{len(drawn)} of {len(left)} {group.name} trials are shown")
        if drawn:
            _draw(figure, group, shown[shown["trial"].isin(drawn)], texts, name)
    own = objective if name == objective.metric else None
    figure.update_xaxes(title_text="epoch", rangemode="tozero")
    figure.update_yaxes(title_text=name, range=focus(shown["value"], own))
    if figure.layout.yaxis.range is not None:
        notes.append("outliers are cut off")
    return theme.noted(figure, "; ".join(notes))


def _groups(trials: "pd.DataFrame", objective: Objective) -> list[_Group]:
    """Return the groups in the order of drawing, from back to front. Each trial is in one group."""
    order = [str(trial) for trial in ranked(trials, objective)["trial"]]
    today = baseline(trials)
    best, others = order[:1], [trial for trial in order[1 : 1 + _FEW] if trial != today]
    apart = {*best, *others, today}
    states = dict(zip(trials["trial"], trials["state"], strict=True))

    def of(*wanted: str) -> list[str]:
        return [t for t, state in states.items() if state in wanted and t not in apart]

    colours = theme.OUTCOMES
    return [
        _Group("pruned", of("pruned"), colours["pruned"], 1, 0.4),
        _Group("failed", of("failed"), colours["failed"], 1, 0.5, "dot"),
        _Group("completed", of("completed"), colours["completed"], 1, 0.6),
        _Group("running", of("running", "waiting"), colours["running"], 1.5, 0.8),
        _Group(f"next best {len(others)}", others, colours["completed"], 2, 0.9),
        _Group(
            "baseline", [today] if today and today not in best else [], theme.BASELINE, 3, 1, "dash"
        ),
        _Group(_winner_name(best, today), best, theme.BEST, 3.5, 1),
    ]


def _winner_name(best: Sequence[str], today: str | None) -> str:
    if not best:
        return "best"
    return f"best: {'the baseline' if best[0] == today else f'trial {best[0]}'}"


def _capped(names: list[str]) -> list[str]:
    """Return all trials, or 150 evenly spaced ones if there are more."""
    count = min(len(names), _MOST_CURVES)
    return [names[k * len(names) // count] for k in range(count)]


def _draw(
    figure: "go.Figure",
    group: _Group,
    curves: "pd.DataFrame",
    texts: Mapping[str, str],
    metric: str,
) -> None:
    import plotly.graph_objects as go

    x, y, names = gapped(curves, "epoch", "value")
    ends = curves.drop_duplicates("trial", keep="last")
    shared = {
        "legendgroup": group.name,
        "opacity": group.opacity,
        "name": group.name,
        "hovertemplate": f"%{{text}}<br>epoch %{{x}}, {metric} %{{y:.4f}}"
        f"<extra>{group.name}</extra>",
    }
    line = {"color": group.colour, "width": group.width, "dash": group.dash}
    hover = [_hover(str(trial), texts) for trial in names]
    figure.add_trace(go.Scatter(shared, x=x, y=y, text=hover, mode="lines", line=line))
    figure.add_trace(
        go.Scatter(
            shared,
            x=ends["epoch"],
            y=ends["value"],
            text=[_hover(str(trial), texts) for trial in ends["trial"]],
            mode="markers",
            marker={"color": group.colour, "size": 3 + group.width},
            showlegend=False,
        )
    )


def _hover(trial: str, texts: Mapping[str, str]) -> str:
    return f"trial {trial}<br>{texts[trial]}" if texts.get(trial) else f"trial {trial}"
