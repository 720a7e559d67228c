import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from search import Choice, Float, Int, Objective, Space
from search.backends import optuna
from search.backends.base import BackendSettings, Known
from search.errors import UsageError
from search.study.trial import Completed, Proposal, Pruned
from tests.backends.contract import OBJECTIVE, SPACE, BackendContract, Driver

SAMPLERS = tuple(optuna.SAMPLERS)
PRUNERS = optuna.PRUNERS
NUMBERS = Space(Float("x", -1, 1), Float("y", -1, 1))
MIXED = Space(
    Float("rate", 1e-4, 1e-1, log=True),
    Int("width", 8, 64),
    Int("fixed", 3, 3),
    Choice("optimizer", ("sgd", "adam")),
    Float("momentum", 0, 1, when={"optimizer": "sgd"}),
    Int("always", 1, 9, when={"optimizer": ("sgd", "adam")}),
)


class TestOptuna(BackendContract):
    backend = "optuna"


class TestRandomAndNone(BackendContract):
    backend = "optuna"
    settings = BackendSettings(max_epochs=9, sampler="random", pruner="none")


class TestQmcAndPercentile(BackendContract):
    backend = "optuna"
    settings = BackendSettings(max_epochs=9, sampler="qmc", pruner="percentile")


class TestCmaesAndHyperband(BackendContract):
    backend = "optuna"
    settings = BackendSettings(max_epochs=9, sampler="cmaes", pruner="hyperband")


class TestNsga2AndAsha(BackendContract):
    backend = "optuna"
    settings = BackendSettings(max_epochs=9, sampler="nsga2", pruner="asha")


def made(sampler: str | None = None, pruner: str | None = None, space: Space = SPACE) -> Driver:
    settings = BackendSettings(max_epochs=9, sampler=sampler, pruner=pruner)
    return Driver(optuna.create(space, OBJECTIVE, settings, seed=0))


@pytest.mark.parametrize(("sampler", "pruner"), list(itertools.product(SAMPLERS, PRUNERS)))
def test_every_sampler_goes_with_every_pruner(sampler: str, pruner: str) -> None:
    driver = made(sampler, pruner)
    assert len(driver.limit(14).run()) == 14
    assert driver.backend.prunes == (pruner != "none")


@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_pruner_but_none_prunes(pruner: str) -> None:
    driver = made("random", pruner)
    driver.limit(40).run()
    ends = [call.argument[1] for call in driver.calls if call.method == "tell"]
    assert any(isinstance(end, Pruned) for end in ends) == (pruner != "none")


@pytest.mark.parametrize(
    ("sampler", "pruner", "message"),
    [
        ("tep", None, "unknown sampler 'tep'; did you mean 'tpe'"),
        (None, "mediam", "unknown pruner 'mediam'; did you mean 'median'"),
    ],
)
def test_a_typo_gets_the_nearest_word(
    sampler: str | None, pruner: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        made(sampler, pruner)


@pytest.mark.parametrize(
    ("sampler", "names"),
    [
        (None, ()),
        ("random", ()),
        ("cmaes", ("optimizer", "momentum")),
        ("qmc", ("momentum",)),
        ("nsga2", ("momentum",)),
    ],
)
def test_what_a_sampler_cannot_model_is_named(sampler: str | None, names: tuple[str, ...]) -> None:
    assert optuna.unmodelled(MIXED, BackendSettings(9, sampler=sampler)) == names


def test_one_dimension_is_too_few_for_cmaes() -> None:
    settings = BackendSettings(9, sampler="cmaes")
    assert optuna.unmodelled(Space(Float("x", 0, 1), Choice("k", ("a", "b"))), settings) == (
        "x",
        "k",
    )


def bowl(trials: int, known: Sequence[Known] = (), sampler: str = "tpe") -> list[float]:
    """The scores of a search for the smallest of x * x + y * y."""
    settings = BackendSettings(9, sampler=sampler, pruner="none")
    backend = optuna.create(NUMBERS, Objective("loss", "min"), settings, 0, known)
    backend.limit(trials)
    scores = []
    for _ in range(trials):
        proposal = backend.ask()
        assert isinstance(proposal, Proposal)
        scores.append(sum(float(value) ** 2 for value in proposal.params.values()))
        backend.tell(proposal.trial, Completed(scores[-1], 1, 9, 0.1, 10))
    return scores


def test_known_scores_are_learned_from() -> None:
    grid = [(x / 4, y / 4) for x in range(-4, 5) for y in range(-4, 5)]
    known = [Known({"x": x, "y": y}, score=x * x + y * y) for x, y in grid]
    taught, alone = bowl(8, known), bowl(8)
    assert sum(taught) < sum(alone) / 2


def test_scores_are_learned_from() -> None:
    assert sum(bowl(40)[20:]) < sum(bowl(40, sampler="random")[20:]) / 2


def test_known_configurations_of_every_kind_can_be_taught() -> None:
    known = [Known(p.params, 0.5) for p in made("random").limit(30).run()]
    backend = optuna.create(SPACE, OBJECTIVE, BackendSettings(9), 0, known)
    assert len(Driver(backend).limit(5).run()) == 5


def test_the_words_offered_are_those_there_are() -> None:
    assert set(optuna._samplers()) == set(SAMPLERS)
    assert set(optuna._pruners()) == set(PRUNERS)


def test_a_population_is_drawn_by_chance_and_then_crossed() -> None:
    settings = BackendSettings(9, sampler="nsga2", pruner="none")
    first, second = (
        Driver(optuna.create(NUMBERS, OBJECTIVE, replace(settings, population=size), 0))
        .limit(16)
        .run()
        for size in (50, 8)
    )
    assert first[:8] == second[:8]
    values = {value for proposal in second[:8] for value in proposal.params.values()}
    # of what a generation holds about half comes from its parents, and half is mutated
    assert sum(value in values for p in second[8:] for value in p.params.values()) >= 4
    assert not any(value in values for p in first[8:] for value in p.params.values())


@pytest.mark.parametrize(
    ("population", "generations", "trials"), [(None, None, None), (8, 5, 40), (None, 2, 100)]
)
def test_generations_end_a_study(
    population: int | None, generations: int | None, trials: int | None
) -> None:
    settings = BackendSettings(9, sampler="nsga2", population=population, generations=generations)
    assert optuna.default_trials(SPACE, settings) == trials
