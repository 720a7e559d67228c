"""What the backends share that propose one configuration after another."""

import random
from collections.abc import Sequence

from search.backends._unit_cube import by_chance
from search.backends.base import BackendSettings, Draws, Known
from search.problem.objective import Objective
from search.seeds import seed_for
from search.space.parameters import Params, Scalar
from search.space.space import Space
from search.study.trial import Answer, Decision, EpochReport, Exhausted, Outcome


class SequentialBackend:
    """Proposes what `suggest` draws, unless it is a repeat; `begin` and `tell` are what it learns.

    `name`: of the backend, for its seeds. `redraws`: see `Draws`.
    """

    name: str
    redraws = 30

    def __init__(
        self,
        space: Space,
        objective: Objective,
        settings: BackendSettings,
        seed: int,
        known: Sequence[Known] = (),
    ) -> None:
        self._space = space
        self._objective = objective
        self._settings = settings
        self._seed = seed
        self._draws = Draws(space, settings, known, self.redraws)
        self._chance = random.Random(seed_for(seed, f"{self.name} chance"))
        self.start(known)

    def start(self, known: Sequence[Known]) -> None:
        """Create what the algorithm needs, and have it learn from known configurations."""

    @property
    def prunes(self) -> bool:
        return False

    def limit(self, trials: int | None) -> None:
        self._draws.limit = trials

    def ask(self) -> Answer:
        for chance in self._draws.tries():
            params = (None if chance else self.suggest()) or self.draw()
            proposal = self._draws.proposal(params)
            if proposal is not None:
                self.begin(proposal.trial, params)
                return proposal
        return Exhausted()

    def suggest(self) -> dict[str, Scalar] | None:
        """The next configuration, which may be a repeat; None to draw it at random."""
        raise NotImplementedError

    def draw(self) -> dict[str, Scalar]:
        """A configuration by chance."""
        return by_chance(self._space, self._chance)

    def begin(self, trial: str, params: Params) -> None:
        """Take note of the configuration that a new trial has."""

    def report(self, report: EpochReport) -> Decision:
        return Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        """Record the outcome of a trial."""
