"""scikit-optimize: Bayesian search with a Gaussian process (as Spearmint does) or a forest.

Snoek et al., Practical Bayesian Optimization of Machine Learning Algorithms, NIPS 2012; several
acquisitions at once: Hoffman et al., Portfolio Allocation for Bayesian Optimization, UAI 2011.
scikit-optimize sees a flat space: a number is scaled to the unit interval, a Choice is an index. An
inactive parameter has the value in the middle of its scale, so that it makes no difference.
"""

import statistics
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.backends._sequential import SequentialBackend
from search.backends._unit_cube import unit_of
from search.backends.base import (
    BackendSettings,
    Known,
    no_natural_end,
    score_of,
    scored,
    whole_budgets,
)
from search.seeds import seed_for
from search.space.parameters import Choice, Params, Scalar
from search.space.space import Space
from search.study.trial import Outcome

EPOCHS_AS_BUDGET = False
default_trials = no_natural_end
planned_epochs = whole_budgets
EXTRA = "skopt"
LIBRARY = "skopt"
SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "gp_hedge": (),
    "ei": (),
    "lcb": (),
    "pi": (),
    "forest": (),
}

# gp_minimize's and forest_minimize's n_initial_points
_INITIAL = 10

# How hard the best of the acquisition is looked for: among so many random points, of which the best
# few are descended from. With scikit-optimize's 10,000, 5 and 2 fits more of the process an ask
# took three times as long and the searches of tests/backends/test_quality.py ended no better.
_POINTS = 1000
_DESCENTS = 2

# Where the model wants to be is known no better than this; rounded, it does not depend on how a
# processor adds, so that a golden file holds on all of them.
_DIGITS = 4


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The sampler, and where it begins to learn."""
    return (
        f"sampler {settings.sampler_of(SAMPLERS)}: the first {_INITIAL} trials are drawn at random",
    )


@dataclass(slots=True)
class _Point:
    """A configuration as scikit-optimize sees it; `loss` None while it is under way.

    Failed: it gets the worst loss there is.
    """

    place: list[float]
    loss: float | None = None
    failed: bool = False


class _Skopt(SequentialBackend):
    """A new `Optimizer` for each ask, which is told everything: so a lie is gone with the next.

    One optimizer for all would answer every ask between two tells with the same point, and could
    not take back the lie that keeps it from that (`Optimizer.ask(n_points)` lies to copies, and
    knows nothing of the points that are under way). A known configuration with a score is a point
    that it learns from.
    """

    name = "skopt"
    redraws = 0  # the model's answer stays the same until it is told something

    def start(self, known: Sequence[Known]) -> None:
        import skopt  # noqa: F401 - before the libraries' threads are looked for
        from threadpoolctl import ThreadpoolController

        # OpenBLAS with two threads takes ten times as long for matrices as small as these, and the
        # order of its sums would depend on how many there are.
        self._threads = ThreadpoolController()
        self._sampler = self._settings.sampler_of(SAMPLERS)
        self._points: dict[str, _Point] = {}
        self._hedge: _Hedge | None = None
        for number, (params, score) in enumerate(scored(self._space, known)):
            point = _Point(self._place(params), self._objective.sort_key(score))
            self._points[f"known {number}"] = point

    def begin(self, trial: str, params: Params) -> None:
        self._points[trial] = _Point(self._place(params))

    def _told(self) -> list[float] | None:
        """What the model is told of each point; None while there is nothing to learn from.

        Constant liar (Ginsbourger et al., 2010): what is under way is taken to be as good as the
        mean so far, scikit-optimize's cl_mean. Its default, as good as the best, sends a forest
        back to wherever a trial is under way: with four at once it ended worse than chance
        (tests/backends/test_quality.py). What has failed is as bad as the worst.
        """
        losses = [point.loss for point in self._points.values() if point.loss is not None]
        if not losses or len(self._points) < _INITIAL:
            return None
        lie, worst = statistics.fmean(losses), max(losses)
        return [
            point.loss if point.loss is not None else worst if point.failed else lie
            for point in self._points.values()
        ]

    def suggest(self) -> dict[str, Scalar] | None:
        """What the model proposes; None while there is none."""
        told = self._told()
        if told is None:
            return None
        optimizer = self._optimizer()
        # warnings: of a point that was asked for before, and of a constant that scipy cannot fit
        with warnings.catch_warnings(), self._threads.limit(limits=1):
            warnings.simplefilter("ignore")
            optimizer.tell([point.place for point in self._points.values()], _standard(told))
            answer = optimizer.ask()
        if self._sampler == "gp_hedge":
            self._hedge = _Hedge(optimizer.gains_, optimizer.next_xs_)
        return self._params(answer)

    def _optimizer(self) -> Any:
        from skopt import Optimizer
        from skopt.utils import cook_estimator

        seed = seed_for(self._seed, "skopt", self._draws.proposed)
        dimensions = self._dimensions()
        forest = self._sampler == "forest"
        # Leaves of three, its default for forests, are too coarse for tens of trials.
        settings: dict[str, Any] = (
            {"min_samples_leaf": 1} if forest else {"space": dimensions, "n_restarts_optimizer": 0}
        )
        optimizer = Optimizer(
            dimensions,
            cook_estimator("ET" if forest else "GP", random_state=seed, **settings),
            n_initial_points=0,
            acq_func={"gp_hedge": "gp_hedge", "forest": "EI"}.get(
                self._sampler, self._sampler.upper()
            ),
            acq_optimizer_kwargs={"n_points": _POINTS, "n_restarts_optimizer": _DESCENTS},
            random_state=seed,
        )
        if self._hedge is not None:
            # The gains of the acquisitions go on from ask to ask, as in one optimizer they would
            # (scikit-optimize 0.10.2, optimizer/optimizer.py, _tell).
            optimizer.gains_, optimizer.next_xs_ = self._hedge.gains, self._hedge.wishes
        return optimizer

    def _dimensions(self) -> list[Any]:
        from skopt.space import Categorical, Real

        return [
            Categorical(list(range(node.parameter.count)))
            if isinstance(node.parameter, Choice)
            else Real(0.0, 1.0)
            for node in self._space.nodes
        ]

    def _place(self, params: Params) -> list[float]:
        """The point for a configuration."""
        place: list[float] = []
        for node in self._space.nodes:
            parameter = node.parameter
            if isinstance(parameter, Choice):
                index = parameter.options.index(params[node.name]) if node.name in params else 0
                place.append(index)
            else:
                held = node.name in params
                place.append(unit_of(parameter, params[node.name]) if held else 0.5)
        return place

    def _params(self, place: Sequence[float]) -> dict[str, Scalar]:
        """The configuration at a point."""
        values: dict[str, Scalar] = {}
        for node, number in zip(self._space.nodes, place, strict=True):
            parameter = node.parameter
            if isinstance(parameter, Choice):
                values[node.name] = parameter.options[int(number)]
            else:
                values[node.name] = parameter.at(round(float(number), _DIGITS))
        return self._space.active(values)

    def tell(self, trial: str, outcome: Outcome) -> None:
        score, point = score_of(outcome), self._points[trial]
        point.failed = score is None
        point.loss = None if score is None else self._objective.sort_key(score)


def _standard(losses: Sequence[float]) -> list[float]:
    """With mean 0 and deviation 1: scikit-optimize's xi, 0.01, is meant for losses of that size.

    So are gp_hedge's gains; accuracies differ by less than xi.
    """
    mean, deviation = statistics.fmean(losses), statistics.pstdev(losses)
    return [(loss - mean) / (deviation or 1.0) for loss in losses]


@dataclass(frozen=True, slots=True)
class _Hedge:
    """What gp_hedge has learned of its acquisitions: their gains, and where each wanted to be."""

    gains: Any
    wishes: Any


create = _Skopt
