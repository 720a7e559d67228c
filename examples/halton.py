"""Quasi-random search: scrambled Halton points (Halton, Numerische Mathematik 2, 1960) by scipy."""

from collections.abc import Sequence

from search.backends.base import Backend, BackendSettings, Known, Taken, full_budget, whole_budgets
from search.objective import Objective
from search.seeds import seed_for
from search.space import Space
from search.trial import Answer, Decision, EpochReport, Exhausted, Outcome, Proposal

EPOCHS_AS_BUDGET = False

# So many points in a row that are all taken: what is left of a finite space is too rare.
_COLLISIONS = 1000


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """No number of its own: the sequence has no end."""
    return None


def planned_epochs(space: Space, settings: BackendSettings, trials: int) -> int:
    """A whole budget for every trial."""
    return whole_budgets(space, settings, trials)


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """Nothing that a user must know beforehand."""
    return ()


def create(
    space: Space,
    objective: Objective,
    settings: BackendSettings,
    seed: int,
    known: Sequence[Known] = (),
) -> Backend:
    """The points of the sequence in order, less those whose configuration is taken."""
    return _Halton(space, Taken(space, known), settings, seed)


class _Halton:
    prunes = False

    def __init__(self, space: Space, taken: Taken, settings: BackendSettings, seed: int) -> None:
        from scipy.stats.qmc import Halton

        self._space = space
        self._taken = taken
        self._settings = settings
        self._points = Halton(len(space.nodes), rng=seed_for(seed, "halton"))
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
            units = self._points.random()[0].tolist()
            pairs = zip(self._space.nodes, units, strict=True)
            params = self._space.active({node.name: node.parameter.at(u) for node, u in pairs})
            if params not in self._taken:
                self._taken.add(params)
                self._proposed += 1
                return Proposal(str(self._proposed), params, full_budget(params, self._settings))
        self._given_up = True
        return Exhausted()

    def report(self, report: EpochReport) -> Decision:
        return Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        pass
