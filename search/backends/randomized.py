"""Random search with scikit-learn's ParameterSampler over uniform distributions.

Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 2012.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from search.backends._sequential import SequentialBackend
from search.backends.base import BackendSettings, Known, no_natural_end, whole_budgets
from search.seeds import seed_for
from search.space.parameters import Parameter, Params, Scalar
from search.space.space import Space

if TYPE_CHECKING:
    from numpy.random import RandomState

EPOCHS_AS_BUDGET = False
default_trials = no_natural_end
planned_epochs = whole_budgets


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The size of the space, where it has an end."""
    return () if space.size is None else (f"the space has {space.size:,} configurations",)


class _Distribution:
    """A parameter as ParameterSampler wants it: `rvs` maps a uniform draw through `at`.

    The draw is that of `scipy.stats.uniform().rvs`, bit for bit, without what scipy 1.17 checks at
    every call, which is twenty times the work (a test compares them).

    Every parameter is handed over in this way, lists too: given lists only, ParameterSampler draws
    without replacement, and differently for every n_iter, so a study could not be extended.
    """

    def __init__(self, parameter: Parameter) -> None:
        self._parameter = parameter

    def rvs(self, random_state: "RandomState") -> Scalar:
        """One value."""
        return self._parameter.at(float(random_state.uniform(0.0, 1.0)))


def _draws(space: Space, seed: int) -> Iterator[Params]:
    """Values for all names, active or not, without end."""
    from sklearn.model_selection import ParameterSampler

    distributions = {node.name: _Distribution(node.parameter) for node in space.nodes}
    return iter(ParameterSampler(distributions, n_iter=sys.maxsize, random_state=seed))


class _Randomized(SequentialBackend):
    """The draws in order; a configuration drawn again is passed over."""

    name = "randomized"
    redraws = -1  # nothing is suggested, all is by chance

    def start(self, known: Sequence[Known]) -> None:
        self._drawn = _draws(self._space, seed_for(self._seed, "randomized"))

    def draw(self) -> dict[str, Scalar]:
        return self._space.active(next(self._drawn))


create = _Randomized
