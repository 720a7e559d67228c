"""Every algorithm against chance, on a known function: the median best score of many seeds.

60 whole budgets of 9 epochs each; an algorithm that hands out epochs may cut them up. Random
search itself (also as a sampler) and the grid, which needs no learning, are exempt.
"""

import math
import statistics

from search import Choice, Float, Int, Objective, Space
from search.backends.base import BackendSettings, module
from search.parameters import Params
from search.trial import Completed, Decision, EpochReport, Exhausted, Proposal, Pruned, Wait

SPACE = Space(
    Float("learning_rate", 1e-4, 1e-1, log=True),
    Float("dropout", 0.0, 0.5),
    Int("neurons", 8, 256, log=True),
    Choice("activation", ("tanh", "relu", "selu")),
)
OBJECTIVE = Objective("val_loss", "min")
MAX_EPOCHS, EVALUATIONS = 9, 60
SEEDS = range(20)


def loss(params: Params) -> float:
    """The known function: 0 at learning rate 0.01, dropout 0.2, 64 neurons, relu."""
    rate, width = math.log10(float(params["learning_rate"])), math.log2(float(params["neurons"]))
    return (
        (rate + 2) ** 2
        + 10 * (float(params["dropout"]) - 0.2) ** 2
        + (width - 6) ** 2 / 4
        + {"tanh": 0.3, "relu": 0.0, "selu": 0.1}[str(params["activation"])]
    )


def best(backend: str, settings: BackendSettings, seed: int, pending: int = 1) -> float:
    """The smallest loss found with 60 whole budgets, `pending` trials being under way at once."""
    made = module(backend).create(SPACE, OBJECTIVE, settings, seed)
    made.limit(None)
    found, epochs = math.inf, 0
    under_way: list[Proposal] = []
    while epochs < EVALUATIONS * MAX_EPOCHS:
        answer = made.ask() if len(under_way) < pending else Wait()
        if isinstance(answer, Proposal):
            under_way.append(answer)
            continue
        assert not isinstance(answer, Exhausted)
        proposal = under_way.pop(0)
        for epoch in range(proposal.budget.start + 1, proposal.budget.stop + 1):
            epochs += 1
            # the nearer the end of a budget the nearer the loss: every rung ranks as the last one
            reached = loss(proposal.params) + 1 - epoch / MAX_EPOCHS
            report = EpochReport(proposal.trial, epoch, {OBJECTIVE.metric: reached}, 0.1)
            stopped = made.report(report) is Decision.STOP
            if stopped:
                break
        found = min(found, loss(proposal.params))
        outcome = Pruned if stopped else Completed
        made.tell(proposal.trial, outcome(reached, epoch, epoch, 0.1, 10))
    return found


def median(
    backend: str, settings: BackendSettings, pending: int = 1, seeds: range = SEEDS
) -> float:
    return statistics.median(best(backend, settings, seed, pending) for seed in seeds)
