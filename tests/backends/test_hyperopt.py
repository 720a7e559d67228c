import pytest

from search import Float, Objective, Space
from search.backends import hyperopt
from search.backends.base import Backend, BackendSettings, Known
from search.study.trial import Completed, Failed, Proposal
from tests.backends.contract import OBJECTIVE, SPACE, BackendContract, Driver

BOWL = Space(Float("x", -1, 1), Float("y", -1, 1))


class TestHyperopt(BackendContract):
    backend = "hyperopt"


class TestAnneal(BackendContract):
    backend = "hyperopt"
    settings = BackendSettings(max_epochs=9, sampler="anneal")


def made(sampler: str, space: Space = BOWL, known: tuple[Known, ...] = ()) -> Backend:
    settings = BackendSettings(9, sampler=sampler)
    return hyperopt.create(space, Objective("loss", "min"), settings, 0, known)


@pytest.mark.parametrize("sampler", list(hyperopt.SAMPLERS))
def test_known_scores_are_learned_from(sampler: str) -> None:
    grid = [(x / 4, y / 4) for x in range(-4, 5) for y in range(-4, 5)]
    known = tuple(Known({"x": x, "y": y}, x * x + y * y) for x, y in grid)
    backend = made(sampler, known=known)
    backend.limit(8)
    far = 0
    for _ in range(8):
        proposal = backend.ask()
        assert isinstance(proposal, Proposal)
        far += sum(float(value) ** 2 for value in proposal.params.values()) > 0.66
        backend.tell(proposal.trial, Completed(0.1, 1, 1, 0.1, 10))
    assert far <= 3  # by chance it were 4 of 8


def test_trials_under_way_and_failed_ones_count_as_bad() -> None:
    backend = made("tpe")
    assert isinstance(backend, hyperopt._Hyperopt)
    backend.limit(3)
    for _ in range(3):
        backend.ask()
    backend.tell("1", Completed(0.25, 1, 1, 0.1, 10))
    backend.tell("2", Failed("nan", "", "", 1))
    assert [trial["result"].get("loss") for trial in backend._trials.trials] == [0.25, None, None]


def test_a_parameter_is_modelled_from_the_trials_that_had_it() -> None:
    backend = hyperopt.create(SPACE, OBJECTIVE, BackendSettings(9), 0)
    assert isinstance(backend, hyperopt._Hyperopt)
    proposals = Driver(backend).limit(30).run()
    had = sum("momentum" in proposal.params for proposal in proposals)
    assert 0 < had < 30
    assert len(backend._trials.vals["momentum"]) == had
