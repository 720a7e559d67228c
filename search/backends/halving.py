"""Successive halving as scikit-learn does it, over epochs: the best candidates are promoted.

Karnin et al., Almost Optimal Exploration in Multi-Armed Bandits, ICML 2013; sizes and epochs are
those of HalvingRandomSearchCV (search/backends/_brackets.py). A promoted candidate continues its
training; scikit-learn trains it again from the start.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from search.backends._brackets import Bracket, halving
from search.backends._sequential import SequentialBackend
from search.backends._unit_cube import by_chance
from search.backends.base import BackendSettings, Known, check_factor, score_of
from search.seeds import seed_for
from search.space.parameters import Params
from search.space.space import Space
from search.study.trial import (
    Answer,
    Budget,
    Exhausted,
    Outcome,
    Proposal,
    Wait,
)

EPOCHS_AS_BUDGET = True


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """As many candidates as epochs, scikit-learn's n_candidates="exhaust"."""
    return settings.max_epochs


def planned_epochs(space: Space, settings: BackendSettings, trials: int) -> int:
    """Those of all rungs, the candidates being all trials."""
    if trials < 1:
        return 0
    bracket = halving(trials, settings.max_epochs, settings.factor)
    steps = zip(bracket.sizes, (0, *bracket.epochs), bracket.epochs, strict=False)
    return sum(size * (stop - start) for size, start, stop in steps)


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The rungs of as many candidates as there are without a number of trials."""
    bracket = halving(settings.max_epochs, settings.max_epochs, settings.factor)
    rungs = zip(bracket.sizes, bracket.epochs, strict=True)
    plan = ", ".join(f"{size} x {epochs} epochs" for size, epochs in rungs)
    return (f"without --trials a round is (candidates x epochs reached): {plan}",)


@dataclass(slots=True)
class _Round:
    """One halving under way: the members of the present rung, and what has come of them.

    `drawn`: rung 0 has all its members. `queue`: members of a later rung not yet proposed.
    """

    number: int
    bracket: Bracket
    rung: int = 0
    drawn: bool = False
    members: list[str] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)


class _Halving(SequentialBackend):
    """One round with as many candidates as trials are allowed; round after round without a limit.

    The next round begins where all before it wait for trials under way.

    Raises: UsageError for a factor below 2.
    """

    name = "halving"

    def start(self, known: Sequence[Known]) -> None:
        check_factor(self._settings)
        self._source = random.Random(seed_for(self._seed, "halving"))
        self._begun = 0
        self._rounds: list[_Round] = []
        self._params: dict[str, Params] = {}

    def ask(self) -> Answer:
        for one in list(self._rounds):
            proposal = self._next_of(one)
            if proposal is not None:
                return proposal
        left = self._draws.left
        candidates = self._settings.max_epochs if self._draws.limit is None else left
        if left is not None:
            candidates = min(candidates or 0, left)
        if candidates:
            self._begun += 1
            bracket = halving(candidates, self._settings.max_epochs, self._settings.factor)
            self._rounds.append(_Round(self._begun, bracket))
            proposal = self._next_of(self._rounds[-1])
            if proposal is not None:
                return proposal
        return Wait() if self._rounds else Exhausted()

    def tell(self, trial: str, outcome: Outcome) -> None:
        score = score_of(outcome)
        told = next(one for one in self._rounds if trial in one.members)
        told.losses[trial] = math.inf if score is None else self._objective.sort_key(score)
        self._promote(told)

    def _next_of(self, one: _Round) -> Proposal | None:
        """The round's next proposal; None where it waits, or is over."""
        if not one.drawn:
            candidate = self._candidate()
            if candidate is not None:
                one.members.append(candidate.trial)
                one.drawn = len(one.members) == one.bracket.sizes[0]
                return self._placed(one, candidate)
            # a lower limit, or a space that is used up: the round is content with what it has
            one.drawn = True
            self._promote(one)
        if not one.queue:
            return None
        trial = one.queue.pop(0)
        return self._placed(one, Proposal(trial, self._params[trial], Budget(0, 1)))

    def _candidate(self) -> Proposal | None:
        for _ in self._draws.tries():
            proposal = self._draws.proposal(by_chance(self._space, self._source))
            if proposal is not None:
                self._params[proposal.trial] = proposal.params
                return proposal
        return None

    def _placed(self, one: _Round, proposal: Proposal) -> Proposal:
        before = (0, *one.bracket.epochs)[one.rung]
        return replace(
            proposal,
            budget=Budget(before, one.bracket.epochs[one.rung]),
            labels={"round": one.number, "rung": one.rung},
            may_continue=one.rung < one.bracket.number,
        )

    def _promote(self, one: _Round) -> None:
        """Once a whole rung is told, the best ceil(n / factor) go on, but for those that failed."""
        if not one.drawn or len(one.losses) < len(one.members):
            return
        if one.rung == one.bracket.number or not one.members:
            self._rounds.remove(one)
            return
        ranked = sorted(one.members, key=one.losses.__getitem__)
        best = ranked[: -(-len(ranked) // self._settings.factor)]
        one.members = [trial for trial in best if math.isfinite(one.losses[trial])]
        one.queue, one.losses = list(one.members), {}
        one.rung += 1
        if not one.members:
            self._rounds.remove(one)


create = _Halving
