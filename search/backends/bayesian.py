"""KerasTuner's Bayesian search: a Gaussian process and an upper confidence bound.

Srinivas et al., Gaussian Process Optimization in the Bandit Setting, ICML 2010. As under Hyperband,
KerasTuner sees a flat unit cube; what is not active stands in the middle.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from search.backends._bayesian_oracle import INITIAL, SCORE, bayesian_oracle
from search.backends._unit_cube import by_chance, unit_of
from search.backends.base import (
    Backend,
    BackendSettings,
    Draws,
    Known,
    score_of,
    whole_budgets,
)
from search.problem.objective import Objective
from search.seeds import seed_for
from search.space.parameters import Params, Scalar
from search.space.space import Space
from search.study.trial import Answer, Decision, EpochReport, Exhausted, Outcome

EPOCHS_AS_BUDGET = False
LIBRARY = "keras_tuner"

# A place of the cube is known no better than this; rounded, it does not depend on how a processor
# adds, so that a golden file holds on all of them.
_DIGITS = 4


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """No number of its own: the model has no natural end."""
    return None


def planned_epochs(space: Space, settings: BackendSettings, trials: int) -> int:
    """A whole budget for every trial."""
    return whole_budgets(space, settings, trials)


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """Where it begins to learn."""
    return (f"a model proposes once {INITIAL} trials are done; before that, chance",)


def create(
    space: Space,
    objective: Objective,
    settings: BackendSettings,
    seed: int,
    known: Sequence[Known] = (),
) -> Backend:
    """A search by KerasTuner's oracle, which learns from known configurations with a score."""
    return _Bayesian(space, objective, settings, seed, known)


class _Bayesian:
    """One oracle for the whole study; it opens a trial only for what is no repeat."""

    prunes = False

    def __init__(
        self,
        space: Space,
        objective: Objective,
        settings: BackendSettings,
        seed: int,
        known: Sequence[Known],
    ) -> None:
        self._space = space
        self._objective = objective
        # no redraws: between two tells the model's optimum hardly moves
        self._draws = Draws(space, settings, known, redraws=0)
        self._chance = random.Random(seed_for(seed, "bayesian chance"))
        self._oracle = bayesian_oracle(
            [node.name for node in space.nodes],
            objective,
            seed_for(seed, "bayesian") + 1,  # KerasTuner takes the seed 0 for "none given"
        )
        self._opened = 0
        self._open: dict[str, Any] = {}
        self._unscored: list[Any] = []
        self._worst: float | None = None
        for configuration in known:
            if configuration.score is not None and configuration.lies_in(space):
                self._end(self._opened_for(configuration.params), configuration.score)

    def limit(self, trials: int | None) -> None:
        self._draws.limit = trials

    def ask(self) -> Answer:
        for chance in self._draws.tries():
            params = (
                by_chance(self._space, self._chance)
                if chance
                else self._params(self._oracle.drawn())
            )
            proposal = self._draws.proposal(params)
            if proposal is not None:
                self._open[proposal.trial] = self._opened_for(params)
                return proposal
        return Exhausted()

    def report(self, report: EpochReport) -> Decision:
        return Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        opened, score = self._open.pop(trial), score_of(outcome)
        if score is not None:
            self._end(opened, score)
        elif self._worst is None:
            self._unscored.append(opened)  # bad, but nobody knows yet how bad that is
        else:
            self._end(opened, self._worst)

    def _params(self, units: Mapping[str, float]) -> dict[str, Scalar]:
        return self._space.active(
            {
                node.name: node.parameter.at(round(units[node.name], _DIGITS))
                for node in self._space.nodes
            }
        )

    def _opened_for(self, params: Params) -> Any:
        """KerasTuner's trial for a configuration; what is not active stands at 0.5.

        Left out, KerasTuner would draw it anew, without a seed (keras-tuner 1.4.8,
        HyperParameters.ensure_active_values; the contract test of equal calls shows it).
        """
        self._oracle.accepted = {
            node.name: unit_of(node.parameter, params[node.name]) if node.name in params else 0.5
            for node in self._space.nodes
        }
        self._opened += 1
        # An id of its own for each: KerasTuner answers a known one with its open trial.
        return self._oracle.create_trial(str(self._opened))

    def _end(self, opened: Any, score: float) -> None:
        """End it as completed, a failed one too, with the worst score.

        KerasTuner would stop for good after three failures (keras-tuner 1.4.8, Oracle.end_trial).
        """
        if self._worst is None or self._objective.better(self._worst, than=score):
            self._worst = score
        waiting, self._unscored = self._unscored, []
        for trial, reached in [(opened, score), *((trial, score) for trial in waiting)]:
            self._oracle.update_trial(trial.trial_id, {SCORE: reached})
            trial.status = "COMPLETED"
            self._oracle.end_trial(trial)
