"""Simulated executor for tests: learning curves from a function, time from a virtual clock."""

import heapq
import itertools
from collections.abc import Callable, Mapping

from search.executors.base import EpochDone, Finished, Lost, Message
from search.problem.objective import Metrics, Objective
from search.runtime.clock import VirtualClock
from search.space.parameters import Params
from search.study import outcomes
from search.study.trial import Decision, EpochReport, Failed, Outcome, Task


class SimulatedExecutor:
    """Simulate up to `slots` running trials with a virtual clock.

    `metrics(params, epoch)` returns the metrics of an epoch, or raises ValueError to fail the
    trial. `seconds(params)`: duration of an epoch. `losses`: number of attempts, by trial, that die
    after their first epoch. `turn`: virtual duration of a turn of the coordinator; events within
    one turn are available together.
    """

    def __init__(
        self,
        objective: Objective,
        metrics: Callable[[Params, int], Metrics],
        clock: VirtualClock,
        *,
        slots: int = 1,
        seconds: Callable[[Params], float] = lambda _: 1.0,
        losses: Mapping[str, int] | None = None,
        turn: float = 0.0,
    ) -> None:
        self._objective = objective
        self._metrics = metrics
        self._clock = clock
        self._slots = slots
        self._seconds = seconds
        self._losses = dict(losses or {})
        self._turn = turn
        self._due: list[tuple[float, int, Task]] = []
        self._curves: dict[str, list[EpochReport]] = {}
        self._ended: dict[str, Outcome] = {}
        self._tie = itertools.count()

    @property
    def slots(self) -> int:
        """Number of trials that may run at a time."""
        return self._slots

    def submit(self, task: Task) -> None:
        """Start a trial at the end of its recorded curve."""
        curve = self._curves[task.proposal.trial] = list(task.recorded)
        if task.stopped:
            self._ended[task.proposal.trial] = outcomes.pruned(self._objective, curve, 0)
        self._schedule(task, at_once=len(curve) >= task.proposal.budget.stop or task.stopped)

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next event in virtual time; None without running trials."""
        if not self._due:
            return None
        at, _, task = self._due[0]
        if timeout is not None and at > self._clock.now + max(timeout, self._turn):
            self._clock.now += timeout
            return None
        heapq.heappop(self._due)
        self._clock.now = max(at, self._clock.now)
        return self._event(task)

    def _event(self, task: Task) -> Message:
        message = self._next(task)
        if not isinstance(message, EpochDone):
            del self._curves[task.proposal.trial]
        return message

    def _next(self, task: Task) -> Message:
        trial, params = task.proposal.trial, task.proposal.params
        curve = self._curves[trial]
        if trial in self._ended:
            return Finished(trial, task.attempt, self._ended.pop(trial))
        if len(curve) >= task.proposal.budget.stop:
            outcome = outcomes.completed(self._objective, curve, 0, stopped_early=False)
            return Finished(trial, task.attempt, outcome)
        if self._losses.get(trial, 0) and len(curve) > len(task.recorded):
            self._losses[trial] -= 1
            return Lost(trial, task.attempt, "simulated loss")
        try:
            metrics = self._metrics(params, len(curve) + 1)
        except ValueError as error:
            failed = Failed("ValueError", str(error), "", len(curve))
            return Finished(trial, task.attempt, failed)
        nan = outcomes.not_finite(self._objective, metrics, curve)
        if nan is not None:
            return Finished(trial, task.attempt, nan)
        report = EpochReport(trial, len(curve) + 1, metrics, self._seconds(params))
        curve.append(report)

        def reply(decision: Decision) -> None:
            if decision is Decision.STOP:
                self._ended[trial] = outcomes.pruned(self._objective, curve, 0)
            done = len(curve) >= task.proposal.budget.stop or decision is Decision.STOP
            self._schedule(task, at_once=done)

        return EpochDone(report, reply)

    def _schedule(self, task: Task, *, at_once: bool) -> None:
        wait = 0.0 if at_once else self._seconds(task.proposal.params)
        heapq.heappush(self._due, (self._clock.now + wait, next(self._tie), task))

    def cancel(self, trial: str) -> None:
        """Remove the trial."""
        self._curves.pop(trial, None)
        self._due = [entry for entry in self._due if entry[2].proposal.trial != trial]
        heapq.heapify(self._due)

    def close(self) -> None:
        """Remove all trials."""
        self._due = []
