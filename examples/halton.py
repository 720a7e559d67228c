"""Quasi-random search: scrambled Halton points (Halton, Numerische Mathematik 2, 1960) by scipy."""

from collections.abc import Sequence

from search.backends.base import Backend, BackendSettings, Draws, Known, whole_budgets
from search.problem.objective import Objective
from search.seeds import seed_for
from search.space import Space
from search.study.trial import Answer, Decision, EpochReport, Exhausted, Outcome

EPOCHS_AS_BUDGET = False


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """Return None: the sequence has no end, so that the problem's number of trials counts."""
    return None


def planned_epochs(space: Space, settings: BackendSettings, trials: int) -> int:
    """Return the epochs of that many trials: each has a whole budget."""
    return whole_budgets(space, settings, trials)


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """Return no remarks."""
    return ()


def create(
    space: Space,
    objective: Objective,
    settings: BackendSettings,
    seed: int,
    known: Sequence[Known] = (),
) -> Backend:
    """Create a search that proposes the points of the sequence in order, without repetitions."""
    return _Halton(space, Draws(space, settings, known), seed)


class _Halton:
    prunes = False

    def __init__(self, space: Space, draws: Draws, seed: int) -> None:
        from scipy.stats.qmc import Halton

        self._space = space
        self._draws = draws
        self._points = Halton(len(space.nodes), rng=seed_for(seed, "halton"))

    def limit(self, trials: int | None) -> None:
        self._draws.limit = trials

    def ask(self) -> Answer:
        for _ in self._draws.tries():
            units = self._points.random()[0].tolist()
            pairs = zip(self._space.nodes, units, strict=True)
            params = self._space.active({node.name: node.parameter.at(u) for node, u in pairs})
            proposal = self._draws.proposal(params)
            if proposal is not None:
                return proposal
        return Exhausted()

    def report(self, report: EpochReport) -> Decision:
        return Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        pass
