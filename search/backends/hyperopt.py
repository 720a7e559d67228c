"""Hyperopt's suggest algorithms: its tree of Parzen estimators (TPE), and annealing.

Bergstra et al., Algorithms for Hyper-Parameter Optimization, NIPS 2011; for annealing see
hyperopt/anneal.py. Hyperopt sees a flat space: a number as a unit of its own scale, a Choice as an
index. A trial shows it active parameters only, so each is modelled from the trials that had it, as
in a tree of `hp.choice`.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

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
from search.space.parameters import Choice, Params, Scalar
from search.space.space import Space
from search.study.trial import Answer, Decision, EpochReport, Exhausted, Outcome

EPOCHS_AS_BUDGET = False
EXTRA = "hyperopt"
LIBRARY = "hyperopt"
SAMPLERS: Mapping[str, tuple[str, ...]] = {"tpe": (), "anneal": ()}


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """No number of its own: the algorithms have no natural end."""
    return None


def planned_epochs(space: Space, settings: BackendSettings, trials: int) -> int:
    """A whole budget for every trial."""
    return whole_budgets(space, settings, trials)


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The sampler, and where it begins to learn."""
    if settings.sampler_of(SAMPLERS) == "tpe":
        return ("sampler tpe: the first 20 trials are drawn at random",)
    return ("sampler anneal: draws around good trials, nearer and nearer",)


def create(
    space: Space,
    objective: Objective,
    settings: BackendSettings,
    seed: int,
    known: Sequence[Known] = (),
) -> Backend:
    """A search by Hyperopt; a known configuration with a score is a trial it learns from."""
    return _Hyperopt(space, objective, settings, seed, known)


class _Hyperopt:
    """Hyperopt's record of trials in memory, and an algorithm that suggests from it.

    `fmin`, which owns the loop, is left out: `suggest` is a function of trials and a seed.
    """

    prunes = False

    def __init__(
        self,
        space: Space,
        objective: Objective,
        settings: BackendSettings,
        seed: int,
        known: Sequence[Known],
    ) -> None:
        from hyperopt import Trials, anneal, hp, tpe
        from hyperopt.base import Domain

        # A number is never hp.quniform, whose ends weigh half (hyperopt 0.3.0), nor hp.randint,
        # which knows no order.
        labels = {
            node.name: hp.randint(node.name, node.parameter.count)
            if isinstance(node.parameter, Choice)
            else hp.uniform(node.name, 0.0, 1.0)
            for node in space.nodes
        }
        self._domain = Domain(lambda _: 0.0, labels)
        self._suggest = {"tpe": tpe.suggest, "anneal": anneal.suggest}[
            settings.sampler_of(SAMPLERS)
        ]
        self._trials = Trials()
        self._space = space
        self._objective = objective
        self._parameters = {node.name: node.parameter for node in space.nodes}
        self._seed = seed
        self._chance = random.Random(seed_for(seed, "hyperopt chance"))
        self._draws = Draws(space, settings, known)
        self._drawn = 0
        self._documents: dict[str, dict[str, Any]] = {}
        for configuration in known:
            if configuration.score is not None and configuration.lies_in(space):
                self._end(self._begin(configuration.params), configuration.score)

    def limit(self, trials: int | None) -> None:
        self._draws.limit = trials

    def ask(self) -> Answer:
        for chance in self._draws.tries():
            params = by_chance(self._space, self._chance) if chance else self._suggested()
            proposal = self._draws.proposal(params)
            if proposal is not None:
                self._documents[proposal.trial] = self._begin(params)
                return proposal
        return Exhausted()

    def _suggested(self) -> dict[str, Scalar]:
        self._drawn += 1
        seed = seed_for(self._seed, "hyperopt", self._drawn)
        # the id is not that of the trial: the draw may be a repeat, and then comes to nothing
        [document] = self._suggest([len(self._trials)], self._domain, self._trials, seed)
        drawn = {name: float(values[0]) for name, values in document["misc"]["vals"].items()}
        return self._space.active(
            {name: self._value(name, drawn[name]) for name in self._parameters}
        )

    def _value(self, name: str, drawn: float) -> Scalar:
        parameter = self._parameters[name]
        if isinstance(parameter, Choice):
            return parameter.options[int(drawn)]
        return parameter.at(drawn)

    def _drawn_for(self, name: str, value: Scalar) -> float:
        parameter = self._parameters[name]
        if isinstance(parameter, Choice):
            return parameter.options.index(value)
        return unit_of(parameter, value)

    def _begin(self, params: Params) -> dict[str, Any]:
        """A running trial in Hyperopt's record: it counts as one with an infinite loss."""
        from hyperopt.base import JOB_STATE_RUNNING

        number = len(self._trials)
        values = {
            name: [self._drawn_for(name, params[name])] if name in params else []
            for name in self._parameters
        }
        misc = {
            "tid": number,
            "cmd": self._domain.cmd,
            "workdir": self._domain.workdir,
            "idxs": {name: [number] if held else [] for name, held in values.items()},
            "vals": values,
        }
        result = self._domain.new_result()
        [document] = self._trials.new_trial_docs([number], [None], [result], [misc])
        document["state"] = JOB_STATE_RUNNING
        self._trials.insert_trial_doc(document)
        self._trials.refresh()
        inserted: dict[str, Any] = self._trials.trials[-1]  # a copy of what was handed over
        return inserted

    def _end(self, document: dict[str, Any], score: float | None) -> None:
        from hyperopt.base import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK

        document["state"] = JOB_STATE_DONE
        # without a loss it counts as infinitely bad; JOB_STATE_ERROR would take it off the record
        document["result"] = {"status": STATUS_FAIL}
        if score is not None:
            document["result"] = {"status": STATUS_OK, "loss": self._objective.sort_key(score)}

    def report(self, report: EpochReport) -> Decision:
        return Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        self._end(self._documents.pop(trial), score_of(outcome))
