"""KerasTuner's Bayesian search: a Gaussian process and an upper confidence bound.

Srinivas et al., Gaussian Process Optimization in the Bandit Setting, ICML 2010. As with Hyperband,
KerasTuner sees a flat unit cube. An inactive parameter has the value in the middle.
"""

from collections.abc import Sequence
from typing import Any

from search.backends._bayesian_oracle import INITIAL, bayesian_oracle
from search.backends._keras_tuner import complete
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
from search.space.parameters import Params, Scalar
from search.space.space import Space
from search.study.trial import Outcome

EPOCHS_AS_BUDGET = False
default_trials = no_natural_end
planned_epochs = whole_budgets
LIBRARY = "keras_tuner"

# A place of the cube is known no better than this; rounded, it does not depend on how a processor
# adds, so that a golden file holds on all of them.
_DIGITS = 4


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """Where it begins to learn."""
    return (f"a model proposes once {INITIAL} trials are done; before that, chance",)


class _Bayesian(SequentialBackend):
    """One oracle for the whole study; it opens a trial only for what is no repeat.

    It learns from known configurations with a score.
    """

    name = "bayesian"
    redraws = 0  # between two tells the model's optimum hardly moves

    def start(self, known: Sequence[Known]) -> None:
        names = [node.name for node in self._space.nodes]
        self._oracle = bayesian_oracle(names, self._objective, seed_for(self._seed, "bayesian"))
        self._opened = 0
        self._open: dict[str, Any] = {}
        self._unscored: list[Any] = []
        self._worst: float | None = None
        for params, score in scored(self._space, known):
            self._end(self._opened_for(params), score)

    def suggest(self) -> dict[str, Scalar]:
        units = self._oracle.drawn()
        return self._space.active(
            {
                node.name: node.parameter.at(round(units[node.name], _DIGITS))
                for node in self._space.nodes
            }
        )

    def begin(self, trial: str, params: Params) -> None:
        self._open[trial] = self._opened_for(params)

    def tell(self, trial: str, outcome: Outcome) -> None:
        opened, score = self._open.pop(trial), score_of(outcome)
        if score is not None:
            self._end(opened, score)
        elif self._worst is None:
            self._unscored.append(opened)  # bad, but nobody knows yet how bad that is
        else:
            self._end(opened, self._worst)

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
            complete(self._oracle, trial, reached)


create = _Bayesian
