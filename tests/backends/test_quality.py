"""Every algorithm against chance, on a known function: the median best loss of many seeds.

60 whole budgets of 9 epochs each; an algorithm that hands out epochs may cut them up. Random
search itself (also as a sampler) and the grid, which learns nothing, are exempt. scikit-optimize's
models take seconds for a search: here they have two seeds, with several trials under way, which
is the harder case. All twenty, for the table in docs/algorithms.md:

    python -m tests.backends.test_quality [BACKEND ...]
"""

import functools
import math
import statistics
import sys

import pytest

from search import Choice, Float, Int, Objective, Space
from search.backends import registry
from search.backends.base import BackendSettings, module, names
from search.space.parameters import Params
from search.study.trial import Completed, Exhausted, Proposal, Wait

SPACE = Space(
    Float("learning_rate", 1e-4, 1e-1, log=True),
    Float("dropout", 0.0, 0.5),
    Int("neurons", 8, 256, log=True),
    Choice("activation", ("tanh", "relu", "selu")),
)
OBJECTIVE = Objective("val_loss", "min")
MAX_EPOCHS, EVALUATIONS = 9, 60
SEEDS, FEW = range(20), range(2)
QUICK = (
    *(("hyperband", None), ("halving", None), ("bayesian", None)),
    *(("hyperopt", "tpe"), ("hyperopt", "anneal")),
    *(("optuna", "tpe"), ("optuna", "qmc"), ("optuna", "cmaes"), ("optuna", "nsga2")),
)
SLOW = tuple(("skopt", sampler) for sampler in ("gp_hedge", "ei", "lcb", "pi", "forest"))
SEVERAL = 4


def loss(params: Params) -> float:
    """The known function: 0 at learning rate 0.01, dropout 0.2, 64 neurons, relu."""
    rate, width = math.log10(float(params["learning_rate"])), math.log2(float(params["neurons"]))
    return (
        (rate + 2) ** 2
        + 10 * (float(params["dropout"]) - 0.2) ** 2
        + (width - 6) ** 2 / 4
        + {"tanh": 0.3, "relu": 0.0, "selu": 0.1}[str(params["activation"])]
    )


def best(backend: str, sampler: str | None, pending: int, seed: int) -> float:
    """The smallest loss found with 60 whole budgets, `pending` trials being under way at once."""
    population = 10 if sampler == "nsga2" else None
    settings = BackendSettings(MAX_EPOCHS, sampler=sampler, pruner="none", population=population)
    made = module(backend).create(SPACE, OBJECTIVE, settings, seed)
    made.limit(None)
    found, epochs = math.inf, 0
    under_way: list[Proposal] = []
    while epochs < EVALUATIONS * MAX_EPOCHS:
        answer = made.ask() if len(under_way) < pending else Wait()
        assert not isinstance(answer, Exhausted)
        if isinstance(answer, Proposal):
            under_way.append(answer)
            continue
        proposal = under_way.pop(0)
        epochs += proposal.budget.stop - proposal.budget.start
        reached = loss(proposal.params)
        found = min(found, reached)
        # every rung ranks as the last one would, as if the gap to the end were the same for all
        score = reached + 1 - proposal.budget.stop / MAX_EPOCHS
        stop = proposal.budget.stop
        made.tell(proposal.trial, Completed(score, stop, stop, 0.1, 10))
    return found


@functools.cache
def median(backend: str, sampler: str | None, pending: int, seeds: range) -> float:
    """The median of the best losses."""
    return statistics.median(best(backend, sampler, pending, seed) for seed in seeds)


def by_chance() -> float:
    return median("randomized", None, 1, SEEDS)


def test_every_backend_and_sampler_is_held_to_it() -> None:
    there = {(name, s) for name in names() for s in registry.samplers(name) or (None,)}
    assert there - {*QUICK, *SLOW} == {("grid", None), ("randomized", None), ("optuna", "random")}


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "sampler"), QUICK)
def test_one_trial_at_a_time_it_is_no_worse_than_chance(backend: str, sampler: str | None) -> None:
    assert median(backend, sampler, 1, SEEDS) <= by_chance()


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "sampler"), [("hyperopt", "tpe"), ("hyperopt", "anneal")])
def test_several_at_once_it_is_no_worse_than_chance(backend: str, sampler: str | None) -> None:
    assert median(backend, sampler, SEVERAL, SEEDS) <= by_chance()


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "sampler"), [("bayesian", None), *SLOW])
def test_with_few_seeds_a_slow_one_is_no_worse_than_chance(
    backend: str, sampler: str | None
) -> None:
    assert median(backend, sampler, SEVERAL, FEW) <= by_chance()


def table(wanted: list[str]) -> None:
    """A row for each algorithm: the medians of all seeds, one trial at a time and several."""
    for backend, sampler in (("randomized", None), *QUICK, *SLOW):
        if wanted and backend not in wanted:
            continue
        figures = [median(backend, sampler, pending, SEEDS) for pending in (1, SEVERAL)]
        row = " | ".join(f"{figure:.4f}" for figure in figures)
        print(f"| `{backend}` | {sampler or ''} | {row} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    table(sys.argv[1:])
