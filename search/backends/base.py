"""Interface of search algorithms: ask, report, tell; and what the implementations share."""

import hashlib
import importlib
import itertools
import math
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from search.errors import SpaceError, UsageError, unknown_name
from search.problem.objective import Objective
from search.space.parameters import Int, Params
from search.space.space import Space, key
from search.study.trial import Answer, Budget, Decision, EpochReport, Failed, Outcome, Proposal

_REDRAWS_BY_CHANCE = 1000


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Settings of a search algorithm.

    Attributes:
        max_epochs: Largest number of epochs of a trial.
        factor: Reduction factor of Hyperband and successive halving.
        sampler: Name of a sampler of the backend; None for its default.
        pruner: Name of a pruner of the backend; None for its default.
        population: Population size of an evolutionary sampler; None for its default.
        generations: Number of generations of an evolutionary sampler; None for its default.
    """

    max_epochs: int
    factor: int = 3
    sampler: str | None = None
    pruner: str | None = None
    population: int | None = None
    generations: int | None = None

    def sampler_of(self, samplers: Iterable[str]) -> str:
        """Return the name of the sampler; the first of `samplers` is the default."""
        return self.sampler or next(iter(samplers))


@dataclass(frozen=True, slots=True)
class Known:
    """Configuration that the backend must not propose, with its score if it has been trained."""

    params: Params
    score: float | None = None

    def lies_in(self, space: Space) -> bool:
        """Return whether the space has this configuration; a known one may be of another space."""
        try:
            space.check(self.params)
        except SpaceError:
            return False
        return True


class Taken:
    """Set of configurations that must not be proposed: the known ones and the added ones.

    >>> from search import Int
    >>> taken = Taken(Space(Int("layers", 1, 3)), [Known({"layers": 2})])
    >>> {"layers": 2} in taken, taken.left
    (True, 2)
    """

    def __init__(self, space: Space, known: Sequence[Known]) -> None:
        self._space = space
        inside = [k.params for k in known if k.lies_in(space)]
        self._digests = {_digest(space.normal(params)) for params in inside}

    def __contains__(self, params: Params) -> bool:
        return _digest(params) in self._digests

    def add(self, params: Params) -> None:
        """Add a configuration of the space, in normal form (`Space.normal`)."""
        self._digests.add(_digest(params))

    @property
    def left(self) -> int | None:
        """Number of configurations left; None if the size of the space is unknown or infinite."""
        size = self._space.size
        return None if size is None else size - len(self._digests)


class Draws:
    """Limit and rejection of repeats for an algorithm that draws one configuration at a time.

    A model that has converged on a few configurations of a small space repeats them: Optuna's TPE
    drew 12 of 60 twice on 96 points (Optuna 5.0). After `redraws` repeats in a row, configurations
    are drawn at random; after a thousand more repeats, the search ends.
    """

    def __init__(
        self, space: Space, settings: BackendSettings, known: Sequence[Known], redraws: int = 30
    ) -> None:
        self.limit: int | None = 0
        self.proposed = 0
        self._taken = Taken(space, known)
        self._settings = settings
        self._redraws = redraws
        self._given_up = False

    @property
    def left(self) -> int | None:
        """Number of proposals left; None if neither the limit nor the space bounds it."""
        room = None if self.limit is None else max(self.limit - self.proposed, 0)
        ends = [end for end in (room, self._taken.left) if end is not None]
        return min(ends, default=None)

    def tries(self) -> Iterator[bool]:
        """Yield, for each draw of one ask, whether it is random; nothing once the search ended."""
        if self._given_up or self.left == 0:
            return
        yield from itertools.repeat(False, 1 + self._redraws)
        yield from itertools.repeat(True, _REDRAWS_BY_CHANCE)
        # Permanent: another attempt after a raised limit would make proposals depend on limits.
        self._given_up = True

    def proposal(self, params: Params) -> Proposal | None:
        """Return the next trial, with this configuration; None if it must not be proposed."""
        if params in self._taken:
            return None
        self._taken.add(params)
        self.proposed += 1
        return Proposal(str(self.proposed), params, full_budget(params, self._settings))


def score_of(outcome: Outcome) -> float | None:
    """Return the score that an algorithm learns from; None for a failed trial or a NaN."""
    if isinstance(outcome, Failed) or not math.isfinite(outcome.score):
        return None
    return outcome.score


def _digest(params: Params) -> bytes:
    """Return 16 bytes for a configuration, to save memory: a study may have 100,000 of them."""
    return hashlib.blake2b(key(params).encode(), digest_size=16).digest()


class Backend(Protocol):
    """Search algorithm: a deterministic state machine.

    Duties of an implementation:

    - Equal arguments of `create` and equal calls give equal answers in every process. A study is
      resumed by replaying the calls.
    - A proposal does not repeat a configuration, unless the algorithm requires it.
    - Trials are named "1", "2", ... in the order of their first proposal.

    An implementation may assume:

    - All calls come from one thread, and `limit` is called first.
    - After `ask` has returned Wait, `tell` is called at least once before the next `ask`.
    - `report` is called only for proposed trials, with epochs that increase by one.
    - `tell` ends each proposal, also that of a failed trial.
    """

    @property
    def prunes(self) -> bool:
        """Whether `report` can return STOP. If not, workers do not wait for its answer."""
        ...

    def limit(self, trials: int | None) -> None:
        """Set the limit on trials. Called before the first `ask`, and when a study is extended.

        Earlier proposals must not depend on the limit, except for the sizes of brackets.

        Args:
            trials: Largest number of trials, counted from the start of the study; None for no
                limit.
        """
        ...

    def ask(self) -> Answer:
        """Return the next proposal.

        Returns:
            A Proposal, Wait if the algorithm needs an outcome first, or Exhausted if there are no
            more proposals under the current limit.
        """
        ...

    def report(self, report: EpochReport) -> Decision:
        """Record the metrics of one epoch.

        Returns:
            CONTINUE, or STOP to end the trial as pruned.
        """
        ...

    def tell(self, trial: str, outcome: Outcome) -> None:
        """Record the outcome of the trial's last proposal.

        Args:
            trial: Name of the trial.
            outcome: Completed, Pruned or Failed.
        """
        ...


class BackendModule(Protocol):
    """Interface of a file in `search/backends/`. The file's name is the name of the backend."""

    EPOCHS_AS_BUDGET: bool
    """Whether the algorithm allocates the epochs. A parameter must not be named "epochs" then."""

    # Optional names of a module, read by search/backends/registry.py:
    # `LIBRARY`: a library whose import takes seconds and that is first needed by `ask`; it is
    # imported early, while the workers import TensorFlow.
    # `EXTRA`: the optional library that the backend requires; its extra has the same name.
    # `SAMPLERS`: names for --sampler, the default first, each with the settings that only this
    # sampler has ("population", ...). `PRUNERS`: names for --pruner, the default first.

    def default_trials(self, space: Space, settings: BackendSettings) -> int | None:
        """Return the default number of trials; None to use the default of the problem."""
        ...

    def planned_epochs(self, space: Space, settings: BackendSettings, trials: int) -> int:
        """Estimate the total number of epochs of `trials` trials without early stopping."""
        ...

    def remarks(self, space: Space, settings: BackendSettings) -> tuple[str, ...]:
        """Return remarks for the user before the search starts, one sentence each.

        Raises:
            UsageError: As for `create`.
        """
        ...

    def create(
        self,
        space: Space,
        objective: Objective,
        settings: BackendSettings,
        seed: int,
        known: Sequence[Known] = (),
    ) -> Backend:
        """Create the search algorithm. Its third-party library is imported here, not earlier.

        Args:
            space: Space to search.
            objective: Metric to optimise.
            settings: Settings of the algorithm.
            seed: Seed of all random draws.
            known: Configurations that must not be proposed, with their scores.

        Raises:
            UsageError: The algorithm does not support the settings or the space.
        """
        ...


def names() -> list[str]:
    """Return the names of the backends: files of this folder without a leading underscore."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(
        m.name for m in found if m.name not in ("base", "registry") and not m.name.startswith("_")
    )


def module(name: str) -> BackendModule:
    """Import the module of a backend.

    Raises:
        UsageError: The name is unknown; the message has the nearest one.
    """
    if name not in names():
        raise unknown_name("backend", name, names())
    return cast("BackendModule", importlib.import_module(f"search.backends.{name}"))


def slow_library(name: str) -> str | None:
    """Return the library of a backend that is imported early; None for most backends."""
    found: str | None = getattr(module(name), "LIBRARY", None)
    return found


def full_budget(params: Params, settings: BackendSettings) -> Budget:
    """Return the full budget of a trial: its parameter "epochs", or `settings.max_epochs`."""
    return Budget(0, int(params.get("epochs", settings.max_epochs)))


def check_factor(settings: BackendSettings) -> None:
    """Refuse a reduction factor that reduces nothing.

    Raises: UsageError.
    """
    if settings.factor < 2:
        raise UsageError(f"factor must be >= 2, not {settings.factor}. The usual factor is 3.")


def no_natural_end(space: Space, settings: BackendSettings) -> int | None:
    """Return None: `BackendModule.default_trials` of an algorithm without a last trial."""
    return None


def scored(space: Space, known: Sequence[Known]) -> list[tuple[Params, float]]:
    """The known configurations of a space that an algorithm can learn from, with their scores."""
    return [(k.params, k.score) for k in known if k.score is not None and k.lies_in(space)]


def whole_budgets(space: Space, settings: BackendSettings, trials: int) -> int:
    """Implement `BackendModule.planned_epochs` for trials that all get the full budget.

    A parameter "epochs" counts with the mean of its bounds.
    """
    epochs = next((p for p in space.parameters if p.name == "epochs"), None)
    mean = (epochs.low + epochs.high) / 2 if isinstance(epochs, Int) else settings.max_epochs
    return round(trials * mean)
