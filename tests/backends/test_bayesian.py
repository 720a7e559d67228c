from search import Float, Objective, Space
from search.backends import bayesian
from search.backends.base import BackendSettings, Known
from search.study.trial import Completed, Failed, Proposal
from tests.backends.contract import BackendContract

LINE = Space(Float("x", 0, 1))
FAILED = Failed("ValueError", "", "", 0)


class TestBayesian(BackendContract):
    backend = "bayesian"


def test_it_is_drawn_to_the_best_that_is_known_whichever_way_is_better() -> None:
    for direction, sign in (("min", 1), ("max", -1)):
        known = [Known({"x": x / 12}, sign * (x / 12 - 0.3) ** 2) for x in range(12)]
        objective = Objective("val_loss", direction)
        backend = bayesian.create(LINE, objective, BackendSettings(9), 0, known)
        backend.limit(None)
        proposal = backend.ask()
        assert isinstance(proposal, Proposal)
        assert abs(float(proposal.params["x"]) - 0.3) < 0.1


def test_failures_in_a_row_end_nothing_and_count_as_the_worst() -> None:
    """keras-tuner 1.4.8 raises after three of them in a row."""
    backend = bayesian.create(LINE, Objective("val_loss", "min"), BackendSettings(9), 0)
    backend.limit(None)
    for number in range(1, 25):
        proposal = backend.ask()
        assert isinstance(proposal, Proposal)
        x = float(proposal.params["x"])
        end = FAILED if number < 6 or x > 0.5 else Completed(x, 1, 1, 0.1, 10)
        backend.tell(proposal.trial, end)
    assert isinstance(backend, bayesian._Bayesian)
    scores = [trial.score for trial in backend._oracle.trials.values()]
    assert len(scores) == 24
    assert max(scores) <= 0.5


def test_trials_under_way_before_the_first_fit_are_guessed_from_it() -> None:
    """keras-tuner 1.4.8 would take each of them for a score of 1."""
    backend = bayesian.create(LINE, Objective("val_accuracy", "max"), BackendSettings(9), 0)
    backend.limit(None)
    proposals = [backend.ask() for _ in range(14)]
    for proposal in proposals[:10]:
        assert isinstance(proposal, Proposal)
        backend.tell(proposal.trial, Completed(0.9, 1, 1, 0.1, 10))
    backend.ask()
    assert isinstance(backend, bayesian._Bayesian)
    oracle = backend._oracle
    assert abs(oracle.gpr._y_train_mean + 0.9) < 0.05
