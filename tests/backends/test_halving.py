import itertools
import math

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - as scikit-learn asks for
from sklearn.model_selection import HalvingGridSearchCV

from search import Objective
from search.backends import halving
from search.backends._brackets import halving as bracket
from search.backends.base import BackendSettings
from search.study.trial import Completed, Exhausted, Proposal, Wait
from tests.backends.contract import OBJECTIVE, SETTINGS, SPACE, BackendContract, Driver, curve


class TestHalving(BackendContract):
    backend = "halving"
    limit_shapes_sizes = True


class Still(ClassifierMixin, BaseEstimator):
    """Learns nothing, at once."""

    def __init__(self, number: int = 0, epochs: int = 1) -> None:
        self.number = number
        self.epochs = epochs

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Still":
        self.classes_ = np.unique(y)
        return self

    def score(self, x: np.ndarray, y: np.ndarray) -> float:
        return self.number * 0.001


@pytest.mark.parametrize(
    ("candidates", "max_epochs", "factor"),
    [(9, 9, 3), (17, 9, 3), (20, 100, 3), (5, 9, 3), (2, 9, 3), (16, 8, 2), (40, 3, 2), (7, 1, 3)],
)
def test_candidates_and_epochs_are_scikit_learns(
    candidates: int, max_epochs: int, factor: int
) -> None:
    theirs = HalvingGridSearchCV(
        Still(),
        {"number": list(range(candidates))},
        resource="epochs",
        max_resources=max_epochs,
        factor=factor,
        cv=2,
        refit=False,
    ).fit(np.zeros((4, 1)), np.array([0, 1, 0, 1]))
    ours = bracket(candidates, max_epochs, factor)
    assert list(ours.sizes) == theirs.n_candidates_
    assert list(ours.epochs) == theirs.n_resources_


def test_powers_of_the_factor_are_counted_in_whole_numbers() -> None:
    assert math.floor(math.log(243, 3)) == 4  # scikit-learn's way
    assert bracket(243, 243, 3).epochs == (1, 3, 9, 27, 81, 243)


def made(pending: int = 1) -> Driver:
    return Driver(halving.create(SPACE, OBJECTIVE, SETTINGS, 0), pending)


def test_the_best_of_a_rung_go_on_from_where_they_stopped() -> None:
    proposals = made().limit(17).run()
    rungs = [[p for p in proposals if p.labels["rung"] == rung] for rung in range(3)]
    assert [len(rung) for rung in rungs] == [17, 6, 2]
    for rung, above in itertools.pairwise(rungs):
        ranked = sorted(rung, key=lambda p: -curve(p.params, p.budget.stop)[-1])
        assert [p.trial for p in above] == [p.trial for p in ranked[: len(above)]]
        assert {p.budget.start for p in above} == {rung[0].budget.stop}
        assert all(p.may_continue for p in rung)
    assert not any(p.may_continue for p in rungs[-1])
    planned = halving.planned_epochs(SPACE, SETTINGS, 17)
    assert sum(p.budget.stop - p.budget.start for p in proposals) == planned


def test_a_small_score_is_better_where_it_is_to_be_made_small() -> None:
    backend = halving.create(SPACE, Objective("val_loss", "min"), SETTINGS, 0)
    backend.limit(9)
    for number in range(9):
        proposal = backend.ask()
        assert isinstance(proposal, Proposal)
        backend.tell(proposal.trial, Completed(abs(number - 4.2), 1, 1, 0.1, 10))
    promoted = [backend.ask() for _ in range(3)]
    assert [p.trial for p in promoted if isinstance(p, Proposal)] == ["5", "6", "4"]
    assert isinstance(backend.ask(), Wait)


def test_what_has_failed_does_not_go_on() -> None:
    driver = made()
    driver.fails = lambda proposal: int(proposal.trial) > 2
    goes_on = {p.trial for p in driver.limit(9).run() if p.labels["rung"] == 1}
    assert goes_on == {"1", "2"}


def test_without_a_limit_the_next_round_begins_where_this_one_waits() -> None:
    backend = made().limit(None).backend
    answers = [backend.ask() for _ in range(12)]
    rounds = [p.labels["round"] for p in answers if isinstance(p, Proposal)]
    assert rounds == [1] * 9 + [2] * 3


def test_a_limit_lowered_within_a_round_still_promotes_what_it_has() -> None:
    driver = made().limit(17)
    driver.run(steps=8)
    assert [p.labels["rung"] for p in driver.limit(4).run()] == [0] * 4 + [1] * 2 + [2]


def test_an_extension_is_a_round_of_its_own() -> None:
    driver = made().limit(9)
    driver.run()
    assert isinstance(driver.backend.ask(), Exhausted)
    rounds = [p.labels["round"] for p in driver.limit(18).run() if p.labels["rung"] == 0]
    assert rounds == [1] * 9 + [2] * 9


def test_as_many_candidates_as_epochs_without_a_number() -> None:
    assert halving.default_trials(SPACE, BackendSettings(max_epochs=27)) == 27
    assert halving.remarks(SPACE, SETTINGS) == (
        "without --trials a round is (candidates x epochs reached): "
        "9 x 1 epochs, 3 x 3 epochs, 1 x 9 epochs",
    )
