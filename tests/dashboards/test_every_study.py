"""No figure raises, whatever the study: every backend, cut anywhere, empty, diverged."""

import math
from collections.abc import Iterator
from itertools import pairwise

import pandas as pd
import pytest

from dashboards.analysis.ranking import focus, parameters
from dashboards.figures.best_so_far import best_so_far
from dashboards.figures.brackets import brackets
from dashboards.figures.comparison import compared, comparison
from dashboards.figures.contours import contour
from dashboards.figures.importance import importance, importances
from dashboards.figures.learning_curves import learning_curves
from dashboards.figures.parallel import parallel_coordinates
from dashboards.figures.slices import slices
from dashboards.figures.spending import spending
from dashboards.figures.timeline import timeline
from dashboards.tables.tables import Tables, tables
from search.backends import base as backends
from search.problem.objective import Objective
from search.study.events import Told
from search.study.trial import Failed
from tests.dashboards.studies import mirrored, simulated
from tests.records import asked, entries, header, short_life, whole_life
from tests.support import OBJECTIVE


def every_figure(study: Tables, *, slow: bool = False) -> Iterator[object]:
    trials, objective, space = study.trials, study.objective, study.space
    yield best_so_far(study.budgets, study.curves, objective)
    yield best_so_far(study.budgets, study.curves, objective, "epochs")
    yield learning_curves(trials, study.curves, objective)
    yield parallel_coordinates(trials, objective, space)
    yield slices(trials, objective, space)
    for x, y in list(pairwise(parameters(trials)))[-3:]:
        yield contour(trials, objective, x, y, space)
    yield contour(trials, objective, "nothing", "of the kind", space)
    yield brackets(study.budgets, objective)
    yield timeline(study.budgets, study.seconds)
    yield spending(trials, study.budgets, study.seconds)
    yield comparison({"one": study, "two": study})
    assert len(compared({"one": study})) == 1
    if slow:
        yield importance(importances(trials, objective, space))


def drawn(study: Tables, *, slow: bool = False) -> None:
    """Every figure is made, can be written as JSON, and holds lines or a sentence."""
    for figure in every_figure(study, slow=slow):
        figure.to_json()
        assert figure.data or figure.layout.annotations[0].text


@pytest.mark.parametrize("backend", backends.names())
def test_a_study_of_each_backend_is_drawn_while_it_runs(backend, tmp_path):
    journal = simulated(tmp_path / "s.jsonl", backend, trials=6, slots=2, epochs=4)
    drawn(tables(mirrored(journal)[: len(journal) * 2 // 3]))


@pytest.mark.parametrize(
    "journal",
    [
        [header()],
        entries([asked("0", 0, 3, role="baseline")]),
        whole_life()[:4],
        short_life()[:8],
        whole_life(),
    ],
    ids=["no trials", "one waiting", "one epoch", "a failure", "a whole life"],
)
def test_studies_that_hold_little_are_drawn(journal):
    drawn(tables(journal), slow=True)


def test_scales_and_options_are_read_off_the_values_where_the_space_is_not_given(tmp_path):
    study = tables(simulated(tmp_path / "s.jsonl", "randomized", trials=10, epochs=2))
    with_space, without = (
        {
            d.label: d.ticktext
            for d in parallel_coordinates(study.trials, study.objective, s).data[0].dimensions
        }
        for s in (study.space, None)
    )

    assert set(with_space) == set(without)
    assert set(with_space["optimizer"]) == set(without["optimizer"])
    slices(study.trials, study.objective)


def test_a_study_whose_trials_all_failed_says_so_in_words():
    failed = Failed("ValueError", "no", "", 0)
    study = tables(entries([asked("1", 0, 3), Told("1", failed)]))

    drawn(study, slow=True)
    said = learning_curves(study.trials, study.curves, study.objective).layout.annotations[0].text
    assert said == "No epoch has been trained yet."


def test_scores_that_are_not_finite_are_left_out():
    study = tables(whole_life())
    trials = study.trials.assign(score=[math.nan, math.inf, 0.5, 0.4, -math.inf])

    lines = parallel_coordinates(trials, study.objective).data[0]
    assert len(lines.dimensions[0]["values"]) == 2


@pytest.mark.parametrize(("direction", "diverged"), [("min", 1e9), ("max", -1e9)])
def test_far_worse_scores_do_not_set_the_range(direction, diverged):
    scores = pd.Series([0.1, 0.2, 0.3, 0.4, 0.5, diverged])
    objective = Objective(OBJECTIVE.metric, direction)

    low, high = focus(scores, objective)
    assert low < 0.1 < 0.5 < high
    assert high - low < 5
    assert (
        focus(scores, Objective(OBJECTIVE.metric, "max" if direction == "min" else "min")) is None
    )
