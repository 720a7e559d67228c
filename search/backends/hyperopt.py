"""Hyperopt's suggest algorithms: its tree of Parzen estimators (TPE), and annealing.

Bergstra et al., Algorithms for Hyper-Parameter Optimization, NIPS 2011; for annealing see
hyperopt/anneal.py. Hyperopt sees a flat space: a number is scaled to the unit interval, a
Choice is an index. It gets only the active parameters of a trial, so each parameter is modelled
from the trials in which it was active, as in a tree of `hp.choice`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

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
from search.space.parameters import Choice, Params, Scalar
from search.space.space import Space
from search.study.trial import Outcome

EPOCHS_AS_BUDGET = False
default_trials = no_natural_end
planned_epochs = whole_budgets
EXTRA = "hyperopt"
LIBRARY = "hyperopt"
SAMPLERS: Mapping[str, tuple[str, ...]] = {"tpe": (), "anneal": ()}


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The sampler, and where it begins to learn."""
    if settings.sampler_of(SAMPLERS) == "tpe":
        return ("sampler tpe: the first 20 trials are drawn at random",)
    return ("sampler anneal: draws around good trials, nearer and nearer",)


class _Hyperopt(SequentialBackend):
    """Hyperopt's record of trials in memory, and an algorithm that suggests from it.

    `fmin`, which owns the loop, is left out: `suggest` is a function of trials and a seed. A known
    configuration with a score is a trial that it learns from.
    """

    name = "hyperopt"

    def start(self, known: Sequence[Known]) -> None:
        from hyperopt import Trials, anneal, hp, tpe
        from hyperopt.base import Domain

        # A number is never hp.quniform, whose ends weigh half (hyperopt 0.3.0), nor hp.randint,
        # which knows no order.
        labels = {
            node.name: hp.randint(node.name, node.parameter.count)
            if isinstance(node.parameter, Choice)
            else hp.uniform(node.name, 0.0, 1.0)
            for node in self._space.nodes
        }
        self._domain = Domain(lambda _: 0.0, labels)
        self._suggest = {"tpe": tpe.suggest, "anneal": anneal.suggest}[
            self._settings.sampler_of(SAMPLERS)
        ]
        self._trials = Trials()
        self._parameters = {node.name: node.parameter for node in self._space.nodes}
        self._drawn = 0
        self._documents: dict[str, dict[str, Any]] = {}
        for params, score in scored(self._space, known):
            self._end(self._document(params), score)

    def suggest(self) -> dict[str, Scalar]:
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

    def begin(self, trial: str, params: Params) -> None:
        self._documents[trial] = self._document(params)

    def _document(self, params: Params) -> dict[str, Any]:
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

    def tell(self, trial: str, outcome: Outcome) -> None:
        self._end(self._documents.pop(trial), score_of(outcome))


create = _Hyperopt
