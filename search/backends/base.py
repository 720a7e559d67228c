"""What every search algorithm is to the rest of the platform: ask, report, tell."""

import hashlib
import importlib
import itertools
import math
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from search.errors import SpaceError, unknown_name
from search.problem.objective import Objective
from search.space.parameters import Int, Params
from search.space.space import Space, key
from search.study.trial import Answer, Budget, Decision, EpochReport, Failed, Outcome, Proposal

_REDRAWS_BY_CHANCE = 1000


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """What a user may set of an algorithm.

    `max_epochs`: the ceiling of epochs per trial. `factor`: the reduction factor of Hyperband and
    of halving. `sampler`, `pruner`: words of the backend's own; None for its defaults.
    `population`, `generations`: of evolution; None for its defaults.
    """

    max_epochs: int
    factor: int = 3
    sampler: str | None = None
    pruner: str | None = None
    population: int | None = None
    generations: int | None = None

    def sampler_of(self, samplers: Iterable[str]) -> str:
        """The word of the sampler, where those of the backend begin with its default."""
        return self.sampler or next(iter(samplers))


@dataclass(frozen=True, slots=True)
class Known:
    """A configuration that need not be proposed, with its score where it has been trained."""

    params: Params
    score: float | None = None

    def lies_in(self, space: Space) -> bool:
        """Whether this is a configuration of the space; one of an earlier space may not be."""
        try:
            space.check(self.params)
        except SpaceError:
            return False
        return True


class Taken:
    """The configurations that are not to be proposed (again): the known ones, and those added.

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
        """Take a configuration of the space, its values as `at` gives them."""
        self._digests.add(_digest(params))

    @property
    def left(self) -> int | None:
        """How many configurations of the space are left; None where there is no end of them."""
        size = self._space.size
        return None if size is None else size - len(self._digests)


class Draws:
    """The bounds of an algorithm that draws one configuration after another: limit, no repeats.

    A model that has settled on a few configurations of a small space repeats them: Optuna's TPE
    drew 12 of 60 twice on 96 points (Optuna 5.0). After `redraws` repeats in a row chance takes its
    place, and after a thousand more the search gives up: what is left of a finite space is too
    rare to wait for.
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
        """How many more there can be; None where neither limit nor space sets an end."""
        room = None if self.limit is None else max(self.limit - self.proposed, 0)
        ends = [end for end in (room, self._taken.left) if end is not None]
        return min(ends, default=None)

    def tries(self) -> Iterator[bool]:
        """For each draw of one ask, whether chance is to make it; none where the search ends."""
        if self._given_up or self.left == 0:
            return
        yield from itertools.repeat(False, 1 + self._redraws)
        yield from itertools.repeat(True, _REDRAWS_BY_CHANCE)
        # For good: trying again after every raised limit would make the sequence depend on it.
        self._given_up = True

    def proposal(self, params: Params) -> Proposal | None:
        """The next trial with this configuration; None where that is taken."""
        if params in self._taken:
            return None
        self._taken.add(params)
        self.proposed += 1
        return Proposal(str(self.proposed), params, full_budget(params, self._settings))


def score_of(outcome: Outcome) -> float | None:
    """The score that an algorithm is to learn from; None for a failed trial, and never NaN."""
    if isinstance(outcome, Failed) or not math.isfinite(outcome.score):
        return None
    return outcome.score


def _digest(params: Params) -> bytes:
    """16 bytes in place of a configuration: a study may hold a hundred thousand."""
    return hashlib.blake2b(key(params).encode(), digest_size=16).digest()


class Backend(Protocol):
    """A search algorithm: a deterministic state machine of its creation and the calls made to it.

    Duties. The same creation and the same calls give the same answers, in every process: that is
    how a study is resumed. All calls come from one thread. `limit` comes first. Between an `ask`
    that answered Wait and the next one there is at least one `tell`. `report` comes for proposed
    trials only, with epochs growing by one; `tell` ends each proposal, failed ones too. No
    proposal repeats a configuration unless the algorithm calls for it; trials are named "1",
    "2", ... in the order of their first proposal.
    """

    @property
    def prunes(self) -> bool:
        """Whether `report` can ever answer STOP; if not, workers need not wait for its answer."""
        ...

    def limit(self, trials: int | None) -> None:
        """Set how many trials there may be in all, from the start of the study (None: no end).

        Called once before the first ask, and again whenever a study is extended. What was
        proposed before never depends on it, the sizes of brackets excepted.
        """
        ...

    def ask(self) -> Answer:
        """The next proposal; Wait while outcomes are needed first; Exhausted at the end."""
        ...

    def report(self, report: EpochReport) -> Decision:
        """Take one epoch's metrics; STOP ends the trial as pruned."""
        ...

    def tell(self, trial: str, outcome: Outcome) -> None:
        """Take what came of the trial's last proposal."""
        ...


class BackendModule(Protocol):
    """What a file in `search/backends/` offers: its name is the word on the command line."""

    EPOCHS_AS_BUDGET: bool
    """Whether the algorithm itself hands out epochs, so that no parameter may be named "epochs"."""

    # What a module may say besides; search/backends/registry.py reads it.
    # `LIBRARY`: the library that is loaded early, while workers load theirs: one that takes seconds
    # and is not needed before the first ask.
    # `EXTRA`: the optional library that it needs; the extra that installs it has the same name.
    # `SAMPLERS`: the words of --sampler, the default first, each with the settings that it alone
    # takes ("population", ...). `PRUNERS`: the words of --pruner, the default first.

    def default_trials(self, space: Space, settings: BackendSettings) -> int | None:
        """How many trials end a study where the user names none; None leaves it to the problem."""
        ...

    def planned_epochs(self, space: Space, settings: BackendSettings, trials: int) -> int:
        """About how many epochs that many trials train in all, if none stops early."""
        ...

    def remarks(self, space: Space, settings: BackendSettings) -> tuple[str, ...]:
        """What a user should know before the search begins, a sentence each.

        Raises: as `create`.
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
        """A new backend; the third-party library is imported here, not before.

        Raises: UsageError for settings or a space that the algorithm cannot work with.
        """
        ...


def names() -> list[str]:
    """The backends there are: one per file beside this one; a leading underscore marks a part."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(
        m.name for m in found if m.name not in ("base", "registry") and not m.name.startswith("_")
    )


def module(name: str) -> BackendModule:
    """The file that implements the backend of this name.

    Raises: UsageError for an unknown name, with the nearest one.
    """
    if name not in names():
        raise unknown_name("backend", name, names())
    return cast("BackendModule", importlib.import_module(f"search.backends.{name}"))


def slow_library(name: str) -> str | None:
    """The library that the backend of this name wants loaded early; None for most."""
    found: str | None = getattr(module(name), "LIBRARY", None)
    return found


def full_budget(params: Params, settings: BackendSettings) -> Budget:
    """The whole budget of a trial: its own "epochs" where they are searched, else the ceiling."""
    return Budget(0, int(params.get("epochs", settings.max_epochs)))


def whole_budgets(space: Space, settings: BackendSettings, trials: int) -> int:
    """`BackendModule.planned_epochs` where every trial gets a whole budget.

    Searched epochs are counted by the middle of their range.
    """
    epochs = next((p for p in space.parameters if p.name == "epochs"), None)
    mean = (epochs.low + epochs.high) / 2 if isinstance(epochs, Int) else settings.max_epochs
    return round(trials * mean)
