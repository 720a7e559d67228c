"""A backend small enough to follow by eye: six draws, one prune rule, one promotion, one wait."""

import random
from collections.abc import Sequence

from search.backends.base import Known
from search.study.trial import (
    Answer,
    Budget,
    Completed,
    Decision,
    EpochReport,
    Exhausted,
    Outcome,
    Proposal,
    Wait,
)
from tests.support import SPACE


class ScriptedBackend:
    """Draws configurations, prunes what is below 0.6 at epoch 2, promotes the best from 3 to 9."""

    prunes = True

    def __init__(self, known: Sequence[Known] = (), seed: int = 0) -> None:
        self.known = list(known)
        self._rng = random.Random(seed)
        self._limit: int | None = None
        self._params: dict[str, dict] = {}
        self._scores: dict[str, float] = {}
        self._pending: set[str] = set()
        self._promoted = False

    def limit(self, trials: int | None) -> None:
        self._limit = trials
        self._promoted = False

    def ask(self) -> Answer:
        if self._limit is None or len(self._params) < self._limit:
            name = str(len(self._params) + 1)
            draw = {n.name: n.parameter.at(self._rng.random()) for n in SPACE.nodes}
            self._params[name] = SPACE.active(draw)
            self._pending.add(name)
            labels = {"rung": 0}
            return Proposal(name, self._params[name], Budget(0, 3), labels, may_continue=True)
        if self._pending:
            return Wait()
        if self._promoted or not self._scores:
            return Exhausted()
        self._promoted = True
        best = max(self._scores, key=lambda name: self._scores[name])
        self._pending.add(best)
        return Proposal(best, self._params[best], Budget(3, 9), {"rung": 1})

    def report(self, report: EpochReport) -> Decision:
        low = report.epoch == 2 and report.metrics["val_accuracy"] < 0.6
        return Decision.STOP if low else Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        self._pending.discard(trial)
        if isinstance(outcome, Completed) and outcome.epochs == 3:
            self._scores[trial] = outcome.score
