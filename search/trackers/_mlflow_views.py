"""Saved views of the MLflow UI: which charts and columns a study, and all studies, open with.

A saved view is an experiment tag whose text the UI's page of runs reads (MLflow 3.17: a name, two
times in milliseconds, and the state of the page as JSON, deflated and in base64). The meaning of
each field was read from the UI's source; `tests/trackers/test_mlflow_pages.py` opens both in a
browser.
"""

import base64
import json
import re
import zlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.study.events import StudyStarted
from search.study.study_record import StudyRecord, TrialRecord
from search.trackers._mlflow_mapping import logarithms
from search.trackers._mlflow_relevance import relevance
from search.trackers._mlflow_runs import STATE, metric_key, study_filter

TAG = "mlflow.sharedViewState."
ALL_STUDIES = "all-studies"
KEPT = 50  # views of studies in an experiment: the UI reads all tags whenever it opens one
LONGEST_TEXT = 5000  # MLflow before 3 refused longer experiment tags; 3.17 takes 20,000
_AXES, _SCATTERS, _COLUMNS = 6, 6, 8  # parameters that are shown, the most relevant ones
_FEW = 4  # trials with a score, from which on they say what is relevant
_ENOUGH = 2000  # trials, to know it: of more, every second or third is asked


@dataclass(frozen=True, slots=True)
class View:
    """A page of the MLflow UI: `key` is used in links (`viewStateShareKey`), `name` in its menu."""

    key: str
    name: str
    created_ms: int
    state: Mapping[str, Any]

    @property
    def tag(self) -> str:
        """The name of the experiment tag."""
        return TAG + self.key

    @property
    def text(self) -> str:
        """The tag's value; the same for the same view, so that it is known to be written."""
        plain = json.dumps(self.state, separators=(",", ":")).encode()
        packed = base64.b64encode(zlib.compress(plain, 9)).decode()
        times = {"createdAt": self.created_ms, "updatedAt": self.created_ms}
        return json.dumps({"name": self.name, **times, "state": f"deflate;{packed}"})


def study_key(header: StudyStarted) -> str:
    """The key of a study's view; an earlier study of the same name has another."""
    return f"{header.study}-{header.created_ms}"


def surplus(tags: Sequence[str], header: StudyStarted) -> list[str]:
    """The tags of views of studies, beyond `KEPT` and this study's own, the oldest first."""
    ours = [tag for tag in tags if re.fullmatch(re.escape(TAG) + r".+-\d{12,}", tag)]
    ours = [tag for tag in ours if tag != TAG + study_key(header)]
    return sorted(ours, key=lambda tag: int(tag.rpartition("-")[2]))[:-KEPT]


def of_study(record: StudyRecord) -> View:
    """Curves, parallel coordinates, a scatter chart for each parameter that matters, best first.

    Runs are ordered by a metric, so MLflow lists trials next to their parent. Nested runs would be
    collapsed, and the charts empty. Parallel coordinates contain only parameters that all trials
    have: MLflow leaves out a run that lacks one of them.
    """
    header = record.header
    trials = list(record.trials.values())
    trials = trials[:: 1 + len(trials) // _ENOUGH]
    names = _by_relevance(header, trials)
    everywhere = [name for name in names if _in_all(name, header, trials)]
    # What MLflow would have to draw on a logarithmic axis is there as a metric too.
    logged = {name for trial in trials for name in logarithms(header, trial.params)}
    while True:
        view = View(
            key=study_key(header),
            name=f"Study {header.study}",
            created_ms=header.created_ms,
            state=_study_state(
                header,
                names,
                [_axis(name, logged) for name in names[:_SCATTERS]],
                [_axis(name, logged) for name in everywhere[:_AXES]],
            ),
        )
        if len(view.text) <= LONGEST_TEXT or not names:
            return view
        # Long names do not fit: the least relevant parameter is left out.
        dropped = names.pop()
        everywhere = [name for name in everywhere if name != dropped]


def _axis(name: str, logged: Container[str]) -> dict[str, str]:
    """Where MLflow finds a parameter's values."""
    logarithm = f"log10_{name}"
    if logarithm in logged:
        return {"key": metric_key(logarithm), "type": "METRIC"}
    return {"key": metric_key(name), "type": "PARAM"}


def of_all_studies(header: StudyStarted) -> View:
    """The studies of an experiment side by side: best so far, and what each has cost."""
    best, section = f"best_{header.objective.metric}", "studies"
    words = [("search.backend", "tags"), (best, "metrics"), ("epochs_trained", "metrics")]
    words += [("seconds", "metrics"), ("search.best.trial", "tags"), (STATE, "tags")]
    charts = [
        _line(section, best, "best so far, by trials told"),
        _line(section, best, "best so far, by time") | _BY_TIME,
        _card("BAR", section, f"best {header.objective.metric}") | {"metricKey": metric_key(best)},
        _card("BAR", section, "seconds trained") | {"metricKey": "seconds"},
        _card("BAR", section, "epochs trained") | {"metricKey": "epochs_trained"},
    ]
    state = _page(
        condition="tags.`search.seed` LIKE '%'",  # parents have it, trials do not
        order_by=best,
        ascending=header.objective.direction == "min",
        columns=[_column(kind, name) for name, kind in words],
        sections=[_section(section, "Studies", columns=2)],
        charts=charts,
    )
    # No time of its own: whichever study writes it, it is the same text.
    return View(ALL_STUDIES, "All studies, side by side", 0, state)


def _study_state(
    header: StudyStarted,
    names: Sequence[str],
    axes: Sequence[dict[str, str]],
    everywhere: Sequence[dict[str, str]],
) -> dict[str, Any]:
    metric = header.objective.metric
    # Axes need width, points do not. MLflow's menus leave the charts less than half of a laptop's.
    wide = _section("trials", "Trials", columns=1)
    narrow = _section("by", "Score by parameter", columns=2)
    parallel = _card("PARALLEL", "trials", "parameters against score") | {
        "selectedParams": [axis["key"] for axis in everywhere if axis["type"] == "PARAM"],
        # the last one gives the lines their colours
        "selectedMetrics": [a["key"] for a in everywhere if a["type"] == "METRIC"] + ["score"],
        "showAllRuns": True,
    }
    scatters = [
        _card("SCATTER", "by", axis["key"])
        | {"xaxis": axis, "yaxis": {"key": "score", "type": "METRIC"}}
        for axis in axes
    ]
    columns = [_column("metrics", "score")]
    columns += [_column("params", name) for name in names[:_COLUMNS]]
    columns += [_column("metrics", "best_epoch"), _column("metrics", "seconds")]
    columns += [_column("metrics", "parameter_count"), _column("tags", STATE)]
    return _page(
        condition=study_filter(header),
        order_by="score",
        ascending=header.objective.direction == "min",
        columns=columns,
        sections=[wide, narrow],
        charts=[_line("trials", metric, metric), parallel, *scatters],
    )


def _page(
    *,
    condition: str,
    order_by: str,
    ascending: bool,
    columns: Sequence[str],
    sections: Sequence[dict[str, Any]],
    charts: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The state of the page of runs; charts that MLflow makes of other metrics stay folded."""
    folded = _section("other", "Model metrics", columns=3) | {"display": False}
    return {
        "searchFilter": condition,
        "orderByKey": _column("metrics", order_by),
        "orderByAsc": ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(columns),
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": [chart | {"uuid": f"c{n}"} for n, chart in enumerate(charts)],
        "compareRunSections": [*sections, folded],
        "isAccordionReordered": True,
        "hideEmptyCharts": True,
    }


def _section(uuid: str, name: str, columns: int) -> dict[str, Any]:
    shown = {"uuid": uuid, "name": name, "display": True, "columns": columns, "cardHeight": 320}
    return shown | {"isReordered": False, "deleted": False, "isGenerated": False}


def _card(kind: str, section: str, title: str) -> dict[str, Any]:
    shared = {"runsCountToCompare": 100, "deleted": False, "isGenerated": False}
    return {"type": kind, "metricSectionId": section, "displayName": title, **shared}


def _line(section: str, metric: str, title: str) -> dict[str, Any]:
    key = metric_key(metric)
    return _card("LINE", section, title) | {
        "metricKey": key,
        "selectedMetricKeys": [key],
        "lineSmoothness": 0,
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
        "useGlobalXaxisKey": False,
        "useGlobalLineSmoothing": True,
    }


_BY_TIME = {"xAxisKey": "time-relative"}


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{metric_key(name)}`"


def _by_relevance(header: StudyStarted, trials: Sequence[TrialRecord]) -> list[str]:
    """The parameters that vary, the most relevant first; the space's order while little is known.

    One that few trials have is as relevant as those trials are many.
    """
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    scored = [(trial, trial.score) for trial in trials if trial.score is not None]
    if len(scored) < _FEW:
        return names or [str(parameter["name"]) for parameter in header.space]
    found = {}
    for name in names:
        if len({trial.params.get(name) for trial in trials}) < 2:
            continue
        had = [(trial.params[name], score) for trial, score in scored if name in trial.params]
        values, scores = [value for value, _ in had], [score for _, score in had]
        found[name] = relevance(values, scores) * len(had) / len(scored)
    return sorted(found, key=lambda name: -found[name])


def _in_all(name: str, header: StudyStarted, trials: Sequence[TrialRecord]) -> bool:
    if not trials:
        parameter = next(p for p in header.space if p["name"] == name)
        return not parameter.get("when") and not parameter.get("per")
    return all(name in trial.params for trial in trials)
