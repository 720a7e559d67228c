"""Hyperband (Li et al., JMLR 2018) with KerasTuner's HyperbandOracle as its engine.

Its brackets are planned in search/brackets.py; KerasTuner draws and promotes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from search.backends.base import Backend, BackendSettings, Known, Taken
from search.brackets import Bracket, natural_sizes, rungs, sweep
from search.errors import UsageError
from search.objective import Objective
from search.parameters import Scalar
from search.seeds import seed_for
from search.space import Space
from search.trial import (
    Answer,
    Budget,
    Decision,
    EpochReport,
    Exhausted,
    Failed,
    Outcome,
    Proposal,
    Wait,
)

EPOCHS_AS_BUDGET = True

# Draws in a row that are all taken before a bracket is content with what it has.
_COLLISIONS = 1000

_SCORE = "score"


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


def create(
    space: Space,
    objective: Objective,
    settings: BackendSettings,
    seed: int,
    known: Sequence[Known] = (),
) -> Backend:
    """Sweep after sweep, each with configurations of its own, until the limit is reached.

    Raises: UsageError for a factor below 2; `limit` raises it for fewer trials than the factor.
    """
    if settings.factor < 2:
        raise UsageError(f"factor: must be >= 2, got {settings.factor}; the usual one is 3")
    return _Hyperband(space, objective, settings, seed, known)


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

    A promotion has a new id in KerasTuner; here it leads to the same trial.
    """

    oracle: Any
    trials: dict[str, _Trial] = field(default_factory=dict)
    open: dict[str, Any] = field(default_factory=dict)


class _Hyperband:
    """Sweeps one after the other; the next is planned when the present one has ended."""

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
        self._settings = settings
        self._seed = seed
        self._taken = Taken(space, known)
        self._known = len(known)
        self._limit: int | None = 0
        self._limited = False
        self._proposed = 0
        self._asks = 0
        self._sweeps = 0
        self._given_up = False
        self._sweep: _Sweep | None = None

    def limit(self, trials: int | None) -> None:
        factor = self._settings.factor
        # A baseline is among the known, and counts as a trial for the user.
        if not self._limited and trials is not None and trials + self._known < factor:
            raise UsageError(
                f"hyperband needs at least {factor} trials (its factor) to have something to "
                f"choose from, got {trials + self._known}; raise --trials or use randomized"
            )
        self._limited = True
        self._limit = trials

    def ask(self) -> Answer:
        while True:
            if self._sweep is None and not self._given_up:
                self._sweep = self._next_sweep()
            if self._sweep is None:
                return Exhausted()
            self._asks += 1
            # An id of its own for each ask: KerasTuner answers a known one with its open trial.
            trial = self._sweep.oracle.create_trial(str(self._asks))
            if trial.status == "IDLE":
                return Wait()
            if trial.status == "STOPPED":
                # Nothing drawn at all: what is left of a finite space is too rare.
                self._given_up = not self._sweep.trials
                self._sweep = None
            elif (proposal := self._proposal(self._sweep, trial)) is not None:
                return proposal

    def report(self, report: EpochReport) -> Decision:
        return Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        assert self._sweep is not None  # a sweep stays until all its trials have been told
        opened = self._sweep.open.pop(trial)
        if isinstance(outcome, Failed) or not math.isfinite(outcome.score):
            self._sweep.trials[opened.trial_id].failed = True
            self._end(self._sweep, opened, self._worst)
        else:
            self._end(self._sweep, opened, outcome.score)

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
        self._sweeps += 1
        oracle = _oracle(
            sweep(max_epochs, factor, None if configurations == natural else configurations),
            factor,
            [node.name for node in self._space.nodes],
            self._objective,
            # KerasTuner takes the seed 0 for "none given".
            seed_for(self._seed, "sweep", self._sweeps) + 1,
            lambda values: self._params(values) in self._taken,
            self._room,
        )
        return _Sweep(oracle)

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
            self._end(sweep, opened, self._worst)
            return None
        sweep.open[trial.name] = opened
        return Proposal(
            trial.name,
            trial.params,
            Budget(int(values["tuner/initial_epoch"]), int(values["tuner/epochs"])),
            {"bracket": trial.bracket.number, "rung": rung},
            may_continue=rung < trial.bracket.number,
        )

    def _end(self, sweep: _Sweep, opened: Any, score: float) -> None:
        sweep.oracle.update_trial(opened.trial_id, {_SCORE: score})
        opened.status = "COMPLETED"
        sweep.oracle.end_trial(opened)


def _oracle(
    brackets: Sequence[Bracket],
    factor: int,
    names: Sequence[str],
    objective: Objective,
    seed: int,
    taken: Callable[[Mapping[str, float]], bool],
    room: Callable[[], bool],
) -> Any:
    """KerasTuner's oracle for one sweep of these brackets, without its files and its output.

    `names` are declared flat, each as a number of the unit interval; what they stand for is not
    KerasTuner's concern. `taken` says which values not to draw, `room` whether to draw at all.
    """
    import keras_tuner

    class SweepOracle(keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]  # untyped
        """KerasTuner counts brackets down to 0; here that is their place, last first, in the plan.

        Private names of keras-tuner 1.4.8 (tuners/hyperband.py, engine/oracle.py) are overridden:
        the golden file and the plan's tests show when they change.
        """

        def __init__(self) -> None:
            self.plan = list(reversed(brackets))
            self.bracket_of: dict[str, Bracket] = {}
            space = keras_tuner.HyperParameters()
            for name in names:
                space.Float(name, 0.0, 1.0)
            super().__init__(
                objective=keras_tuner.Objective(_SCORE, objective.direction),
                max_epochs=brackets[0].epochs[-1],
                factor=factor,
                hyperparameters=space,
                allow_new_entries=False,
                tune_new_entries=False,
                seed=seed,
            )
            self.verbose = 0
            self._max_collisions = _COLLISIONS

        def _get_num_brackets(self) -> int:
            return len(self.plan)

        def _get_num_rounds(self, bracket_num: int) -> int:
            return len(self.plan[bracket_num].sizes)

        def _get_size(self, bracket_num: int, round_num: int) -> int:
            return self.plan[bracket_num].sizes[round_num]

        def _get_epochs(self, bracket_num: int, round_num: int) -> int:
            return self.plan[bracket_num].epochs[round_num]

        def _duplicate(self, values: dict[str, float]) -> bool:
            return taken(values)

        def _random_values(self) -> dict[str, float] | None:
            values: dict[str, float] | None = super()._random_values() if room() else None
            return values

        def _random_trial(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any]:
            answer: dict[str, Any] = super()._random_trial(trial_id, bracket)
            place = bracket["bracket_num"]
            if answer["status"] == "RUNNING":
                self.bracket_of[trial_id] = self.plan[place]
                return answer
            # No more configurations: the bracket is content with what it has. KerasTuner would
            # leave it half filled, and its trials without a promotion, for ever.
            sizes = rungs(len(bracket["rounds"][0]), self.plan[place].number, factor)
            self.plan[place] = replace(self.plan[place], sizes=sizes)
            return self.populate_space(trial_id)  # type: ignore[no-any-return]

        def save(self) -> None:
            """Nothing: the journal is the only record."""

        def _save_trial(self, trial: Any) -> None:
            """Nothing, likewise."""

    return SweepOracle()
