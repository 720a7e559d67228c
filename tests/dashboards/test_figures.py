"""Each figure's data against the facts of the journal, for scores to be made large and small."""

import math

import numpy as np
import pytest

from dashboards.figures.best_so_far import best_so_far
from dashboards.figures.brackets import brackets, rungs
from dashboards.figures.comparison import compared, comparison
from dashboards.figures.contours import contour
from dashboards.figures.importance import importance, importances, important
from dashboards.figures.learning_curves import learning_curves
from dashboards.figures.parallel import parallel_coordinates
from dashboards.figures.slices import slices
from dashboards.figures.spending import AROUND, IDLE, TRAINING, spending, spent
from dashboards.figures.timeline import timeline
from dashboards.tables.tables import Tables
from tests.dashboards.studies import simulated_tables


@pytest.fixture(scope="module", params=["max", "min"])
def direction(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def hyperband(direction, tmp_path_factory) -> Tables:
    path = tmp_path_factory.mktemp("figures") / "s.jsonl"
    return simulated_tables(path, "hyperband", direction=direction, trials=40, slots=3)


@pytest.fixture(scope="module")
def randomized(direction, tmp_path_factory) -> Tables:
    path = tmp_path_factory.mktemp("figures") / "s.jsonl"
    return simulated_tables(path, "randomized", direction=direction, trials=40, epochs=4)


def named(figure, name: str):
    return next(trace for trace in figure.data if trace.name == name)


def points(trace) -> list[tuple[float, float]]:
    return list(zip(map(float, trace.x), map(float, trace.y), strict=True))


@pytest.mark.parametrize(("against", "column"), [("seconds", "ended"), ("epochs", "trained")])
def test_best_so_far_steps_at_each_improvement(hyperband, against, column):
    budgets, objective = hyperband.budgets, hyperband.objective
    figure = best_so_far(budgets, hyperband.curves, objective, against)

    expected: list[tuple[float, float]] = []
    for row in budgets.dropna(subset=["score"]).sort_values("ended", kind="stable").itertuples():
        if not expected or objective.better(row.score, expected[-1][1]):
            expected.append((getattr(row, column), row.score))
    last = hyperband.record.epochs_trained if against == "epochs" else budgets["ended"].max()
    expected.append((last, expected[-1][1]))
    assert points(named(figure, "best so far")) == expected
    assert len(named(figure, "completed").x) == (budgets["outcome"] == "completed").sum()
    assert set(named(figure, "baseline").y) == {hyperband.record.trials["0"].score}


def test_learning_curves_hold_every_epoch_and_emphasise_the_winner(hyperband):
    figure = learning_curves(hyperband.trials, hyperband.curves, hyperband.objective)
    metric, record = hyperband.objective.metric, hyperband.record

    drawn = [p for trace in figure.data if trace.mode == "lines" for p in points(trace)]
    epochs = [
        (epoch, value)
        for trial in record.trials.values()
        for epoch, value in enumerate(trial.values(metric), start=1)
    ]
    assert sorted(p for p in drawn if not math.isnan(p[0])) == sorted(epochs)
    best = named(figure, f"best: trial {hyperband.best}")
    assert list(best.y) == record.trials[hyperband.best].values(metric)
    assert best.line.width == max(t.line.width for t in figure.data if t.mode == "lines")
    assert named(figure, "baseline").line.dash == "dash"
    assert named(figure, "pruned").opacity < 0.5
    assert "optimizer" in best.text[0]


def test_another_metric_can_be_drawn_and_an_unknown_one_is_said(hyperband):
    drawn = learning_curves(hyperband.trials, hyperband.curves, hyperband.objective, "loss")
    unknown = learning_curves(hyperband.trials, hyperband.curves, hyperband.objective, "recall")

    assert drawn.data
    assert "loss, val_accuracy" in unknown.layout.annotations[0].text.replace("<br>", " ")


def test_parallel_coordinates_have_a_line_per_scored_trial_and_the_best_on_top(hyperband):
    trials = hyperband.trials
    figure = parallel_coordinates(trials, hyperband.objective, hyperband.space)
    (lines,) = figure.data
    by_name = {dimension.label: dimension for dimension in lines.dimensions}

    scores = np.asarray(by_name["val_accuracy"].values)
    assert sorted(scores) == sorted(trials["score"].dropna())
    assert scores[-1] == hyperband.record.trials[hyperband.best].score
    assert bool(lines.line.reversescale) == (hyperband.objective.direction == "min")
    assert list(by_name["optimizer"].ticktext) == ["sgd", "momentum", "adam"]
    rates = 10.0 ** np.asarray(by_name["learning_rate"].values)
    assert sorted(rates) == pytest.approx(
        sorted(trials.loc[trials["score"].notna(), "params.learning_rate"])
    )
    momentum = by_name["momentum"]
    inactive = trials.loc[trials["score"].notna(), "params.momentum"].isna()
    assert momentum.ticktext[0] == "–"
    assert (np.asarray(momentum.values) == momentum.range[0]).sum() == inactive.sum()


def test_what_matters_is_found_and_reported_with_its_spread(randomized):
    frame = importances(randomized.trials, randomized.objective, randomized.space)

    assert set(frame["evaluator"]) == {"fANOVA", "PED-ANOVA"}
    assert frame.groupby("evaluator")["importance"].sum().tolist() == pytest.approx([1, 1])
    assert important(frame, 1) == ["learning_rate"]
    assert (frame["spread"] >= 0).all()
    assert frame["spread"].max() > 0
    assert frame.equals(importances(randomized.trials, randomized.objective, randomized.space))
    figure = importance(frame)
    assert list(figure.data[0].y) == important(frame, 15)
    assert figure.data[0].error_x.array is not None


def test_a_slice_has_every_scored_trial_on_the_scale_of_its_parameter(randomized):
    trials = randomized.trials.dropna(subset=["score"])
    figure = slices(randomized.trials, randomized.objective, randomized.space)

    for name in ("learning_rate", "momentum", "optimizer"):
        drawn = [trace for trace in figure.data if trace.name == name]
        assert sorted(y for trace in drawn for y in trace.y) == sorted(trials["score"])
        starred = next(trace for trace in drawn if trace.marker.symbol == "star")
        assert list(starred.customdata[:, 0]) == [randomized.best]
    rates = [x for trace in figure.data if trace.name == "learning_rate" for x in trace.x]
    assert sorted(rates) == pytest.approx(sorted(np.log10(trials["params.learning_rate"])))
    axes = [axis.ticktext for axis in figure.select_xaxes()]
    assert ("sgd", "momentum", "adam") in axes
    assert any(texts[0] == "inactive" for texts in axes)


def test_a_contour_stays_within_the_trials_and_below_their_scores(randomized):
    figure = contour(
        *(randomized.trials, randomized.objective, "learning_rate", "neurons_1", randomized.space)
    )
    surface = np.asarray(figure.data[0].z, dtype=float)
    scores = randomized.trials["score"].dropna()

    assert np.isnan(surface).any()
    assert scores.min() <= np.nanmin(surface) <= np.nanmax(surface) <= scores.max()
    assert sum(len(trace.x) for trace in figure.data[1:]) == len(scores)
    assert bool(figure.data[0].reversescale) == (randomized.objective.direction == "min")


def test_a_pair_of_categories_is_a_map_of_means(randomized):
    trials = randomized.trials.assign(**{"params.wide": randomized.trials["params.layers"] > 1})
    figure = contour(trials, randomized.objective, "optimizer", "wide", randomized.space)
    means = trials.groupby(["params.wide", "params.optimizer"])["score"].mean()
    heat = figure.data[0]

    for row, wide in enumerate(figure.layout.yaxis.ticktext):
        for column, optimizer in enumerate(figure.layout.xaxis.ticktext):
            assert heat.z[row][column] == pytest.approx(means[wide == "True", optimizer])


def test_rungs_show_who_went_on(hyperband):
    laid = rungs(hyperband.budgets)
    figure = brackets(hyperband.budgets, hyperband.objective)

    again = {t.trial for t in hyperband.record.trials.values() if len(t.proposals) > 1}
    assert set(laid.loc[laid["went_on"], "trial"]) == again
    titles = [annotation.text for annotation in figure.layout.annotations]
    first = laid[laid["group"] == 2]
    counts = [str((first["rung"] == rung).sum()) for rung in sorted(first["rung"].unique())]
    assert titles[0] == f"bracket 2: {' → '.join(counts)}"
    drawn = {text for trace in figure.data if trace.name != "failed" for text in trace.text}
    assert drawn == set(laid.loc[laid["score"].notna(), "trial"])
    assert [set(trace.text) for trace in figure.data if trace.name == "best"] == [{hyperband.best}]


def test_a_backend_without_rungs_says_so(randomized):
    figure = brackets(randomized.budgets, randomized.objective)

    assert not figure.data
    assert "no rungs" in figure.layout.annotations[0].text


def test_the_timeline_has_a_bar_per_budget_in_its_lane(hyperband):
    figure = timeline(hyperband.budgets, hyperband.seconds)
    bars = {
        (float(base), float(base + width), int(lane), text)
        for trace in figure.data
        for base, width, lane, text in zip(trace.base, trace.x, trace.y, trace.text, strict=True)
    }

    rows = hyperband.budgets
    assert bars == set(zip(rows["asked"], rows["ended"], rows["lane"], rows["trial"], strict=True))
    assert list(figure.layout.yaxis.ticktext) == ["worker 1", "worker 2", "worker 3"]


def test_many_budgets_are_strokes_that_cover_the_same_time(hyperband):
    budgets = hyperband.budgets
    many = budgets.loc[np.tile(budgets.index, 20)].reset_index(drop=True)
    figure = timeline(many)

    lengths = [np.diff(np.asarray(t.x).reshape(-1, 3)[:, :2], axis=1).sum() for t in figure.data]
    assert sum(lengths) == pytest.approx((many["ended"] - many["asked"]).sum())


def test_the_time_of_all_workers_is_accounted_for(hyperband):
    frame = spent(hyperband.trials, hyperband.budgets, hyperband.seconds).set_index("what")

    assert frame["seconds"].sum() == pytest.approx(3 * hyperband.seconds)
    assert frame["share"].sum() == pytest.approx(1)
    record = hyperband.record
    for state in ("completed", "pruned"):
        of_state = [t for t in record.trials.values() if t.state("finished") == state]
        took = sum(trial.seconds for trial in of_state)
        assert frame.loc[TRAINING[state], "seconds"] == pytest.approx(took)
    assert frame.loc[IDLE, "seconds"] > 0
    assert AROUND not in frame.index  # the simulation spends nothing there
    figure = spending(hyperband.trials, hyperband.budgets, hyperband.seconds)
    assert list(figure.data[0].x) == list(frame["seconds"])


def test_studies_are_compared_by_time_and_score(hyperband, randomized):
    studies = {"one": hyperband, "two": randomized}
    frame = compared(studies).set_index("study")
    figure = comparison(studies)

    assert [trace.name for trace in figure.data] == ["one (scripted)", "two (scripted)"]
    for name, study in studies.items():
        assert frame.loc[name, "best"] == study.record.best().score
        assert frame.loc[name, "epochs"] == study.record.epochs_trained
    objective = hyperband.objective
    bests = {name: named(figure, f"{name} (scripted)").y[-1] for name in studies}
    common = max(bests.values(), key=objective.sort_key)
    for name, study in studies.items():
        reached = [
            row.ended
            for row in study.budgets.dropna(subset=["score"]).itertuples()
            if not objective.better(common, row.score)
        ]
        assert frame.loc[name, "seconds_to_common"] == min(reached)
