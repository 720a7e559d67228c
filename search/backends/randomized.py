"""Random search with scikit-learn's ParameterSampler over uniform distributions.

Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 2012.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from search.backends.base import Backend, BackendSettings, Known, Taken, full_budget, whole_budgets
from search.problem.objective import Objective
from search.seeds import seed_for
from search.space.parameters import Parameter, Params, Scalar
from search.space.space import Space
from search.study.trial import Answer, Decision, EpochReport, Exhausted, Outcome, Proposal

if TYPE_CHECKING:
    from numpy.random import RandomState

EPOCHS_AS_BUDGET = False

# So many draws in a row that are all taken: what is left of a finite space is too rare to wait for.
_COLLISIONS = 1000


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """No number of its own: a random search has no natural end."""
    return None


def planned_epochs(space: Space, settings: BackendSettings, trials: int) -> int:
    """A whole budget for every trial."""
    return whole_budgets(space, settings, trials)


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The size of the space, where it has an end."""
    return () if space.size is None else (f"the space has {space.size:,} configurations",)


def create(
    space: Space,
    objective: Objective,
    settings: BackendSettings,
    seed: int,
    known: Sequence[Known] = (),
) -> Backend:
    """A random search; a configuration drawn again is passed over."""
    return _Randomized(space, Taken(space, known), settings, seed)


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


class _Randomized:
    """The draws in order, less those already taken."""

    prunes = False

    def __init__(self, space: Space, taken: Taken, settings: BackendSettings, seed: int) -> None:
        self._space = space
        self._draws = _draws(space, seed_for(seed, "randomized"))
        self._taken = taken
        self._settings = settings
        self._limit: int | None = 0
        self._proposed = 0
        self._given_up = False

    def limit(self, trials: int | None) -> None:
        self._limit = trials

    def ask(self) -> Answer:
        reached = self._limit is not None and self._proposed >= self._limit
        if reached or self._given_up or self._taken.left == 0:
            return Exhausted()
        for _ in range(_COLLISIONS):
            params = self._space.active(next(self._draws))
            if params not in self._taken:
                self._taken.add(params)
                self._proposed += 1
                return Proposal(str(self._proposed), params, full_budget(params, self._settings))
        # For good: trying again after every raised limit would make the sequence depend on it.
        self._given_up = True
        return Exhausted()

    def report(self, report: EpochReport) -> Decision:
        return Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        pass
