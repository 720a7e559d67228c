"""Hyperband (Li et al., JMLR 2018) with KerasTuner's HyperbandOracle as its engine.

Its brackets are planned in search/backends/_brackets.py; KerasTuner draws and promotes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from search.backends._brackets import Bracket, natural_sizes, sweep
from search.backends._hyperband_oracle import sweep_oracle
from search.backends._keras_tuner import complete
from search.backends.base import BackendSettings, Known, Taken, check_factor, score_of
from search.errors import UsageError
from search.problem.objective import Objective
from search.seeds import seed_for
from search.space.parameters import Scalar
from search.space.space import Space
from search.study.trial import (
    Answer,
    Budget,
    Decision,
    EpochReport,
    Exhausted,
    Outcome,
    Proposal,
    Wait,
)

EPOCHS_AS_BUDGET = True
LIBRARY = "keras_tuner"


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """The configurations of one sweep, and never so few that a search of them is refused."""
    natural = sum(natural_sizes(settings.max_epochs, settings.factor).values())
    return max(natural, settings.factor)


def planned_epochs(space: Space, settings: BackendSettings, trials: int) -> int:
    """The epochs of as many whole sweeps as fit, and of a smaller one for the rest."""
    natural = sum(natural_sizes(settings.max_epochs, settings.factor).values())
    whole, rest = divmod(trials, natural)
    one = _epochs(sweep(settings.max_epochs, settings.factor))
    return whole * one + _epochs(sweep(settings.max_epochs, settings.factor, rest))


def _epochs(brackets: Sequence[Bracket]) -> int:
    return sum(
        size * (stop - start)
        for bracket in brackets
        for size, start, stop in zip(
            bracket.sizes, (0, *bracket.epochs), bracket.epochs, strict=False
        )
    )


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The brackets of a whole sweep, and whether they are those of the paper."""
    factor, most = settings.factor, settings.max_epochs
    brackets = sweep(most, factor)
    plan = "; ".join(
        ", ".join(f"{n} x {e} epochs" for n, e in zip(b.sizes, b.epochs, strict=True))
        for b in brackets
    )
    said = f"brackets of a whole sweep (configurations x epochs reached): {plan}"
    if brackets[0].epochs[0] * factor ** (len(brackets) - 1) == most:
        return (said,)
    near = factor ** (len(brackets) - 1)
    return (said, f"epochs are rounded up: {most} is no power of {factor}, as {near} would be")


@dataclass(slots=True)
class _Trial:
    """A trial of the present sweep: where it came from, and whether it ever failed."""

    name: str
    params: dict[str, Scalar]
    bracket: Bracket
    failed: bool = False


@dataclass(slots=True)
class _Sweep:
    """A sweep under way: KerasTuner's oracle, and its trials by KerasTuner's ids.

    A promotion has a new id in KerasTuner; here it leads to the same trial. `idle`: it has nothing
    to propose until one of its trials is told.
    """

    oracle: Any
    trials: dict[str, _Trial] = field(default_factory=dict)
    open: dict[str, Any] = field(default_factory=dict)
    idle: bool = False


class _Hyperband:
    """Sweep after sweep; the next begins where all before it wait for trials under way.

    Raises: UsageError for a factor below 2; `limit` raises it for fewer trials than the factor.
    """

    prunes = False

    def __init__(
        self,
        space: Space,
        objective: Objective,
        settings: BackendSettings,
        seed: int,
        known: Sequence[Known] = (),
    ) -> None:
        check_factor(settings)
        self._space = space
        self._objective = objective
        self._settings = settings
        self._seed = seed
        self._taken = Taken(space, known)
        self._known = len(known)
        self._limit: int | None = 0
        self._limited = False
        self._proposed = 0
        self._asks = 0
        self._planned = 0
        self._given_up = False
        self._sweeps: list[_Sweep] = []

    def limit(self, trials: int | None) -> None:
        factor = self._settings.factor
        # A baseline is among the known, and counts as a trial for the user.
        if not self._limited and trials is not None and trials + self._known < factor:
            raise UsageError(
                f"Hyperband needs at least {factor} trials (its factor), not "
                f"{trials + self._known}. Raise --trials, or use --backend randomized."
            )
        self._limited = True
        self._limit = trials

    def ask(self) -> Answer:
        while True:
            sweep = next((sweep for sweep in self._sweeps if not sweep.idle), None)
            if sweep is None and not self._given_up:
                sweep = self._next_sweep()
            if sweep is None:
                return Wait() if self._sweeps else Exhausted()
            self._asks += 1
            # An id of its own for each ask: KerasTuner answers a known one with its open trial.
            trial = sweep.oracle.create_trial(str(self._asks))
            if trial.status == "IDLE":
                sweep.idle = True
            elif trial.status == "STOPPED":
                # Nothing drawn at all: what is left of a finite space is too rare.
                self._given_up = not sweep.trials
                self._sweeps.remove(sweep)
            elif (proposal := self._proposal(sweep, trial)) is not None:
                return proposal

    def report(self, report: EpochReport) -> Decision:
        return Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        # a sweep stays until all its trials have been told
        sweep = next(sweep for sweep in self._sweeps if trial in sweep.open)
        sweep.idle = False
        opened = sweep.open.pop(trial)
        score = score_of(outcome)
        sweep.trials[opened.trial_id].failed |= score is None
        complete(sweep.oracle, opened, self._worst if score is None else score)

    @property
    def _worst(self) -> float:
        # KerasTuner takes infinity. A trial with NaN or of status FAILED would leave its bracket
        # one short for ever (keras-tuner 1.4.8, HyperbandOracle.populate_space).
        return -math.inf if self._objective.direction == "max" else math.inf

    def _room(self) -> bool:
        return self._limit is None or self._proposed < self._limit

    def _next_sweep(self) -> _Sweep | None:
        """A sweep of the natural size, or of as many configurations as are allowed and left."""
        max_epochs, factor = self._settings.max_epochs, self._settings.factor
        natural = sum(natural_sizes(max_epochs, factor).values())
        allowed = natural if self._limit is None else self._limit - self._proposed
        left = natural if self._taken.left is None else self._taken.left
        configurations = min(natural, allowed, left)
        if configurations <= 0:
            return None
        self._planned += 1
        oracle = sweep_oracle(
            sweep(max_epochs, factor, None if configurations == natural else configurations),
            factor,
            [node.name for node in self._space.nodes],
            self._objective,
            seed_for(self._seed, "sweep", self._planned),
            lambda values: self._params(values) in self._taken,
            self._room,
        )
        self._sweeps.append(_Sweep(oracle))
        return self._sweeps[-1]

    def _params(self, values: Mapping[str, float]) -> dict[str, Scalar]:
        """The configuration that KerasTuner's numbers of the unit interval stand for."""
        return self._space.active(
            {node.name: node.parameter.at(values[node.name]) for node in self._space.nodes}
        )

    def _proposal(self, sweep: _Sweep, opened: Any) -> Proposal | None:
        """What KerasTuner's new trial means here; None for a promotion that makes no sense."""
        values = opened.hyperparameters.values
        rung = int(values["tuner/round"])
        promoted = values.get("tuner/trial_id")
        if promoted is None:
            self._proposed += 1
            params = self._params(values)
            self._taken.add(params)
            bracket = sweep.oracle.bracket_of[opened.trial_id]
            trial = _Trial(str(self._proposed), params, bracket)
        else:
            trial = sweep.trials[promoted]
        sweep.trials[opened.trial_id] = trial
        if trial.failed:
            # Nothing better was left in its rung. The place is filled without training.
            complete(sweep.oracle, opened, self._worst)
            return None
        sweep.open[trial.name] = opened
        return Proposal(
            trial.name,
            trial.params,
            Budget(int(values["tuner/initial_epoch"]), int(values["tuner/epochs"])),
            {"bracket": trial.bracket.number, "rung": rung},
            may_continue=rung < trial.bracket.number,
        )


create = _Hyperband
