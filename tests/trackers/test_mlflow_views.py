"""Saved views: what is in them, that they fit into a tag, and when they are written."""

import base64
import json
import zlib
from dataclasses import replace

import pytest

from search.problem.objective import Objective
from search.study.events import StudyStarted
from search.study.study_record import StudyRecord, fold
from search.trackers import _mlflow_views
from search.trackers._mlflow_mapping import logarithms
from tests.records import CREATED_MS, asked, completed, entries, header, reported

KEY = f"demo-1-{CREATED_MS}"


def state_of(text: str) -> dict:
    packed = json.loads(text)["state"].removeprefix("deflate;")
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def charts_of(state: dict, kind: str) -> list[dict]:
    return [chart for chart in state["compareRunCharts"] if chart["type"] == kind]


def searched(trials: list[tuple[dict, float]]) -> StudyRecord:
    """A study of one epoch per trial."""
    events = []
    for number, (params, score) in enumerate(trials):
        name = str(number)
        events += [asked(name, 0, 1, params=params), reported(name, 1, score)]
        events.append(completed(name, score, 1, 1))
    return fold(entries(events))


SEARCHED = searched(
    [
        ({"layers": 1 + n % 2, "rate": n / 10, "optimizer": "sgd", "fixed": 1}, n / 10)
        if n % 3
        else (
            {"layers": 1 + n % 2, "rate": n / 10, "optimizer": "adam", "beta": n, "fixed": 1},
            n / 10,
        )
        for n in range(12)
    ]
)


def test_the_parameters_that_matter_come_first_and_those_that_do_not_vary_not_at_all():
    state = state_of(_mlflow_views.of_study(SEARCHED).text)
    by = [chart["xaxis"]["key"] for chart in charts_of(state, "SCATTER")]

    assert by[0] == "rate"
    assert set(by) == {"rate", "layers", "optimizer", "beta"}
    assert all(chart["yaxis"]["key"] == "score" for chart in charts_of(state, "SCATTER"))
    assert state["selectedColumns"][:2] == ["metrics.`score`", "params.`rate`"]


def test_parallel_coordinates_have_the_parameters_of_all_trials():
    """MLflow leaves out a run that lacks one of them."""
    (parallel,) = charts_of(state_of(_mlflow_views.of_study(SEARCHED).text), "PARALLEL")

    assert set(parallel["selectedParams"]) == {"rate", "layers", "optimizer"}
    assert parallel["selectedMetrics"] == ["score"]


def test_a_parameter_searched_over_decades_is_drawn_by_its_logarithm():
    started = header().event
    wide = {"kind": "Float", "name": "rate", "low": 1e-4, "high": 1e-1, "log": True}
    started = replace(started, space=[*started.space, wide])
    record = StudyRecord(started)
    for n in range(4):
        following = [asked(str(n), 0, 1, params={"rate": 10.0 ** -(n + 1), "layers": n % 2})]
        for entry in entries(
            [*following, reported(str(n), 1, n / 9), completed(str(n), n / 9, 1, 1)]
        )[1:]:
            record.apply(entry)
    state = state_of(_mlflow_views.of_study(record).text)

    assert charts_of(state, "SCATTER")[0]["xaxis"] == {"key": "log10_rate", "type": "METRIC"}
    (parallel,) = charts_of(state, "PARALLEL")
    assert parallel["selectedMetrics"] == ["log10_rate", "score"]
    assert state["selectedColumns"][1] == "params.`rate`"
    assert logarithms(started, {"rate": 0.01, "rate_2": 0.1, "layers": 2}) == {
        "log10_rate": -2.0,
        "log10_rate_2": -1.0,
    }


def test_a_study_that_has_just_begun_shows_its_space():
    first = header().event
    state = state_of(_mlflow_views.of_study(StudyRecord(first)).text)

    assert state["orderByKey"] == "metrics.`score`"
    assert state["orderByAsc"] is False
    assert [c["xaxis"]["key"] for c in charts_of(state, "SCATTER")] == ["layers", "optimizer"]
    assert [c["metricKey"] for c in charts_of(state, "LINE")] == ["val_accuracy"]


def test_a_hundred_parameters_with_long_names_fit_into_a_tag():
    names = [f"{base64.b32encode(bytes([n] * 60)).decode()}_{n}" for n in range(100)]
    record = searched(
        [({name: (i * 7 + j) % 11 for j, name in enumerate(names)}, i / 9) for i in range(9)]
    )
    view = _mlflow_views.of_study(record)

    assert len(view.text) <= _mlflow_views.LONGEST_TEXT
    assert charts_of(state_of(view.text), "SCATTER")


def test_an_experiment_keeps_the_newest_views_the_studys_own_and_those_of_others():
    started, first = header().event, f"{_mlflow_views.TAG}{KEY}"
    assert isinstance(started, StudyStarted)
    newer = [
        f"{_mlflow_views.TAG}study-{n}-{CREATED_MS + n}" for n in range(1, _mlflow_views.KEPT + 3)
    ]
    others = ["mlflow.experimentKind", f"{_mlflow_views.TAG}0123456789abcdef", f"{first}x"]

    assert _mlflow_views.surplus([*reversed(newer), first, *others], started) == newer[:2]


@pytest.mark.parametrize("direction", ["max", "min"])
def test_all_studies_are_compared_by_their_best(direction):
    started = replace(header().event, objective=Objective("val_loss", direction))
    view = _mlflow_views.of_all_studies(started)
    state = state_of(view.text)

    assert view.key == _mlflow_views.ALL_STUDIES
    assert state["orderByKey"] == "metrics.`best_val_loss`"
    assert state["orderByAsc"] is (direction == "min")
    assert len(charts_of(state, "LINE")) == 2
    assert len(charts_of(state, "BAR")) == 3
