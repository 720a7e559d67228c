"""One trial as its study's journal tells it, so packed that a hundred thousand fit in memory."""

import sys
from dataclasses import replace
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from search.errors import JournalError
from search.space.parameters import Scalar
from search.study.architecture import Network
from search.study.learning_curve import Curve
from search.study.trial import (
    BASELINE_TRIAL,
    Budget,
    Completed,
    EpochReport,
    Failed,
    Outcome,
    Proposal,
    Pruned,
)

TrialState: TypeAlias = Literal["completed", "pruned", "failed", "running", "waiting"]
StudyState: TypeAlias = Literal["running", "finished", "interrupted", "failed"]

_T = TypeVar("_T")


class Shared:
    """Equal values held once, however many trials have them."""

    def __init__(self) -> None:
        self._values: dict[object, object] = {}

    def __call__(self, value: _T) -> _T:
        """The one that is held of all values equal to this."""
        return self._values.setdefault(value, value)  # type: ignore[return-value]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shared)  # says nothing of its own: what is shared is in the trials

    __hash__ = None  # type: ignore[assignment]


class _Ask(NamedTuple):
    """A proposal less its trial and params; few differ, so trials share them."""

    start: int
    stop: int
    labels: tuple[tuple[str, str | int], ...]
    may_continue: bool


class TrialRecord:
    """One trial: its proposals in order, an outcome for each that has ended, one unbroken curve.

    `place`: how many trials the study had before it. `asked_at`: active seconds of the study when
    it was first proposed. Proposals, params and outcomes are stored packed, and created again at
    each access.
    """

    __slots__ = (
        *("asked_at", "curve", "place", "stop_decided", "trial"),
        *("_asked", "_names", "_outcomes", "_values"),
    )

    def __init__(
        self, trial: str, place: int = 0, asked_at: float = 0.0, metrics: tuple[str, ...] = ()
    ) -> None:
        self.trial = trial
        self.place = place
        self.asked_at = asked_at
        self.curve = Curve(trial, metrics)
        self.stop_decided = False
        self._names: tuple[str, ...] = ()
        self._values: tuple[Scalar, ...] = ()
        self._asked: tuple[_Ask, ...] = ()
        self._outcomes: tuple[Outcome, ...] = ()

    def add_proposal(self, proposal: Proposal, shared: Shared) -> None:
        """Take the next proposal.

        Raises: JournalError when its params are not those of the trial.
        """
        params = proposal.params
        if not self._asked:
            self._names = shared(tuple(map(sys.intern, params)))
            self._values = tuple(sys.intern(v) if type(v) is str else v for v in params.values())
        elif self.params != params:
            raise JournalError(
                f"trial {self.trial}: a promotion must have the params of the trial, got {params}; "
                "the journal has been edited"
            )
        budget = proposal.budget
        labels = tuple(proposal.labels.items())
        ask = _Ask(budget.start, budget.stop, labels, proposal.may_continue)
        self._asked = shared((*self._asked, ask))
        self.stop_decided = False

    def add_report(self, report: EpochReport, *, stop_decided: bool) -> None:
        """Take the next epoch.

        Raises: JournalError when another one must come next.
        """
        if report.epoch != len(self.curve) + 1:
            raise JournalError(
                f"trial {self.trial}: epoch {len(self.curve) + 1} must come next, got "
                f"{report.epoch}; the journal has been edited"
            )
        self.curve.append(report)
        self.stop_decided = stop_decided

    def add_outcome(self, outcome: Outcome, shared: Shared) -> None:
        """Add the outcome of the last proposal."""
        if not isinstance(outcome, Failed):
            network = _interned(outcome.network, shared)
            outcome = replace(outcome, way=sys.intern(outcome.way), network=network)
        self._outcomes += (outcome,)

    @property
    def params(self) -> dict[str, Scalar]:
        """The trial's configuration."""
        return dict(zip(self._names, self._values, strict=True))

    @property
    def proposals(self) -> list[Proposal]:
        """What was asked for, in order."""
        return [self._proposal(ask) for ask in self._asked]

    @property
    def proposal(self) -> Proposal:
        """What was asked for last."""
        return self._proposal(self._asked[-1])

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes of the proposals that have ended, in order."""
        return list(self._outcomes)

    @property
    def network(self) -> Network | None:
        """The architecture of its model; None where no outcome has told of it."""
        scored = (outcome for outcome in self._outcomes if not isinstance(outcome, Failed))
        return next((outcome.network for outcome in scored if outcome.network is not None), None)

    def final_outcome(self, outcome: Outcome) -> Outcome:
        """An outcome without the architecture where it is known already: a promotion has the same.

        So a journal holds it once for each trial.
        """
        if isinstance(outcome, Failed) or outcome.network is None:
            return outcome
        return replace(outcome, network=None) if outcome.network == self.network else outcome

    @property
    def ended(self) -> int:
        """How many proposals have ended."""
        return len(self._outcomes)

    @property
    def start_epoch(self) -> int:
        """Where the last budget starts."""
        return self._asked[-1].start

    @property
    def stop_epoch(self) -> int:
        """Where the last budget stops."""
        return self._asked[-1].stop

    @property
    def may_continue(self) -> bool:
        """Whether the backend might promote it."""
        return self._asked[-1].may_continue

    @property
    def pending(self) -> bool:
        """Whether its last proposal has no outcome yet."""
        return self.ended < len(self._asked)

    @property
    def outcome(self) -> Outcome | None:
        """The outcome of the last proposal that has ended."""
        return self._outcomes[-1] if self._outcomes else None

    @property
    def score(self) -> float | None:
        """The score of the last outcome that has one."""
        scored = self._scored()
        return None if scored is None else scored.score

    @property
    def best_epoch(self) -> int | None:
        """The epoch of that score."""
        scored = self._scored()
        return None if scored is None else scored.best_epoch

    @property
    def seconds(self) -> float:
        """Seconds of work that its recorded epochs took."""
        return self.curve.seconds

    @property
    def is_baseline(self) -> bool:
        """Whether it has the user's own settings."""
        return self.trial == BASELINE_TRIAL

    @property
    def name(self) -> str:
        """What texts call it."""
        return "trial 0 (baseline)" if self.is_baseline else f"trial {self.trial}"

    @property
    def completed(self) -> bool:
        """Whether it had a whole budget: only such trials can win while there are any."""
        return not self.pending and isinstance(self.outcome, Completed) and not self.may_continue

    def values(self, metric: str) -> list[float]:
        """One metric by epoch."""
        return self.curve.values(metric)

    def state(self, study: StudyState) -> TrialState:
        """What the trial counts as, given the state of its study."""
        if self.pending:
            return "running" if study == "running" else "waiting"
        if isinstance(self.outcome, Failed):
            return "failed"
        if isinstance(self.outcome, Pruned):
            return "pruned"
        if self.may_continue:
            return "pruned" if study == "finished" else "waiting"
        return "completed"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrialRecord) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]  # it grows

    def _proposal(self, ask: _Ask) -> Proposal:
        budget = Budget(ask.start, ask.stop)
        return Proposal(self.trial, self.params, budget, dict(ask.labels), ask.may_continue)

    def _scored(self) -> Completed | Pruned | None:
        scored = (o for o in reversed(self._outcomes) if not isinstance(o, Failed))
        return next(scored, None)


def _interned(network: Network | None, shared: Shared) -> Network | None:
    if network is None:
        return None
    return shared(replace(network, layers=tuple(map(shared, network.layers))))
