"""Advice from small frames: said where it holds, and not where it does not."""

import math

import pandas as pd
import pytest

from dashboards.analysis import advice
from dashboards.analysis.summary import Noise
from search import Choice, Float, Int, Space
from search.problem.objective import Objective
from search.space.narrowing import narrow
from search.space.space import from_description

OBJECTIVE = Objective("val_accuracy", "max")
SPACE = Space(
    Int("layers", 1, 3),
    Int("width", 16, 64, log=True, per="layers"),
    Float("rate", 1e-4, 1e-1, log=True),
    Float("dropout", 0.0, 0.5),
    Choice("optimizer", ("sgd", "adam")),
    Int("batch", 16, 64, step=16),
)
PLAIN = SPACE.describe()


def trials(count: int = 6, **columns) -> pd.DataFrame:
    """Completed trials, the first one best, all parameters in the middle of their ranges."""
    rows = {
        "trial": [str(place) for place in range(count)],
        "state": ["completed"] * count,
        "score": [0.9 - 0.01 * place for place in range(count)],
        "epochs": [4] * count,
        "params.layers": [2] * count,
        "params.width_1": [32] * count,
        "params.rate": [0.003] * count,
        "params.dropout": [0.25] * count,
        "params.optimizer": ["adam"] * count,
        "params.batch": [32] * count,
    }
    return pd.DataFrame(rows | columns)


def test_a_best_value_at_the_edge_is_named_with_its_range_and_a_wider_one():
    frame = trials(**{"params.rate": [0.095, 0.09, 0.01, 0.1, 0.001, 0.1]})
    (found,) = advice.edges(frame, OBJECTIVE, PLAIN)

    assert found.about == "rate at the edge of its range"
    assert "0.095" in found.text
    assert "0.0001 to 0.1, logarithmic" in found.text
    assert "3 of the 5 best" in found.text
    assert "--set only narrows: raise high to 1" in found.text
    assert found.words == "--set rate=0.0001..1"
    wider = SPACE.replace(Float("rate", 1e-4, 1.0, log=True))
    assert "rate" in narrow(wider, [found.words.removeprefix("--set ")])


def test_a_range_that_was_narrowed_is_widened_by_another_one():
    (found,) = advice.edges(
        trials(**{"params.batch": [64] * 6}), OBJECTIVE, PLAIN, ["batch = 16..64"]
    )

    assert "--set narrowed the range" in found.text
    assert found.words == "--set batch=16..88"


def test_the_low_end_and_repeated_parameters():
    (found,) = advice.edges(trials(**{"params.width_1": [16] * 6}), OBJECTIVE, PLAIN)

    assert "lower end" in found.text
    assert found.words == "--set width=8..64"


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"params.layers": [1] * 6},  # fewer than one cannot be
        {"params.dropout": [0.0] * 6},
        {"params.rate": [0.5] * 6},  # the baseline may lie outside
        {"params.rate": [math.nan] * 6},
    ],
)
def test_the_middle_natural_ends_and_what_lies_outside_are_no_edges(columns):
    assert advice.edges(trials(**columns), OBJECTIVE, PLAIN) == []


def test_a_range_that_begins_at_none_is_raised_at_its_high_end_alone():
    space = SPACE.replace(Int("layers", 0, 3)).describe()
    (found,) = advice.edges(trials(**{"params.layers": [3] * 6}), OBJECTIVE, space)
    assert found.words == "--set layers=0..5"


def test_searched_epochs_at_their_end_ask_for_a_higher_ceiling():
    space = Space(Int("epochs", 1, 9), Choice("optimizer", ("sgd", "adam")))
    (found,) = advice.edges(trials(**{"params.epochs": [9] * 6}), OBJECTIVE, space.describe())

    assert found.words == "--max-epochs 13"


def importances(**shares: float) -> pd.DataFrame:
    rows = [(name, "fANOVA", share, 0.01) for name, share in shares.items()]
    return pd.DataFrame(rows, columns=["parameter", "evaluator", "importance", "spread"])


def test_parameters_that_do_not_matter_can_be_fixed_with_words_that_parse():
    found = importances(rate=0.9, dropout=0.01, width_1=0.02, optimizer=0.03, layers=0.02)
    (one,) = advice.idle(trials(20), OBJECTIVE, PLAIN, found)

    assert one.text.startswith("dropout, width_1, optimizer and layers do not matter")
    assert one.words == "--set dropout=0.25 --set optimizer=adam"
    assert narrow(SPACE, one.words.removeprefix("--set ").split(" --set "))


def test_few_trials_do_not_say_what_matters():
    assert advice.idle(trials(19), OBJECTIVE, PLAIN, importances(dropout=0.0)) == []
    assert advice.idle(trials(20), OBJECTIVE, PLAIN, importances(dropout=0.045)) == []


def curves(*values: list[float]) -> pd.DataFrame:
    rows = [
        (str(trial), epoch, "val_accuracy", value)
        for trial, curve in enumerate(values)
        for epoch, value in enumerate(curve, start=1)
    ]
    return pd.DataFrame(rows, columns=["trial", "epoch", "metric", "value"])


def test_a_best_curve_that_still_rises_asks_for_more_epochs():
    rising, level = [0.1, 0.2, 0.3, 0.4], [0.1, 0.3, 0.4, 0.4]
    (found,) = advice.rising(trials(3), curves(rising, level, rising), OBJECTIVE)

    assert "2 of the 3 best trials" in found.text
    assert found.words == "--max-epochs 12"
    assert advice.rising(trials(3), curves(level, rising, rising), OBJECTIVE) == []


def test_few_trials_are_few_for_their_parameters():
    (found,) = advice.few(trials(6), PLAIN)

    assert "6 trials with a score are few for 6 parameters" in found.text
    assert found.words == "--trials 30"
    assert advice.few(trials(30), PLAIN) == []
    assert advice.few(trials(2), Space(Choice("optimizer", ("sgd", "adam"))).describe()) == []


def test_failures_are_told_from_the_others_by_a_parameter_where_one_does():
    frame = trials(6, **{"params.rate": [0.01, 0.02, 0.003, 0.004, 0.08, 0.09]})
    frame.loc[4:, ["state", "score"]] = ["failed", math.nan]
    failures = pd.DataFrame({"trial": ["4", "5"], "kind": ["nan"] * 2, "message": ["", ""]})
    (found,) = advice.failing(frame, failures, PLAIN)

    assert "2 of 6 trials failed, most of them with nan." in found.text
    assert "rate of 0.08 or more" in found.text
    assert found.words == "--set rate=0.0001..0.02"
    assert narrow(from_description(PLAIN), [found.words.removeprefix("--set ")])
    assert advice.failing(frame, failures.head(1), PLAIN) == []

    frame.loc[5, "params.rate"] = math.nan  # one failed without that parameter
    (found,) = advice.failing(frame, failures, PLAIN)
    assert "All failed trials" not in found.text


def test_a_baseline_that_is_best_is_not_beaten():
    roles = {"labels.role": ["baseline"] + [None] * 5}

    assert len(advice.unbeaten(trials(**roles), OBJECTIVE)) == 1
    roles = {"labels.role": [None] * 5 + ["baseline"]}
    assert advice.unbeaten(trials(**roles), OBJECTIVE) == []


def test_a_lead_within_the_noise_is_none():
    (found,) = advice.close(trials(), OBJECTIVE, Noise(0.025, "epochs"))

    assert found.text.startswith("2 other trials are within the noise of the best (0.0250)")
    assert found.words == "--cv 5"
    assert advice.close(trials(), OBJECTIVE, Noise(0.005, "epochs")) == []
    assert advice.close(trials(), OBJECTIVE, Noise(None, "none")) == []
    (folded,) = advice.close(trials(), OBJECTIVE, Noise(0.025, "folds"), folds=5)
    assert folded.words == ""
