"""What the tests of progress share: a clock that is set by hand, and a plan."""

from dataclasses import dataclass

from search.study.progress import Plan


@dataclass
class HandClock:
    """Stands still until the test sets it."""

    now: float = 1000.0

    def seconds(self) -> float:
        return self.now


PLAN = Plan(trials=6, epochs=15, seconds=None, epochs_meaning="the budget, at most 3")
