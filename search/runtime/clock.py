"""Clocks: the one that measures a study, and the time of day."""

import time
from typing import Protocol


class Clock(Protocol):
    """Clock. Tests and simulations pass their own implementation."""

    def seconds(self) -> float:
        """Return seconds since a fixed moment; never decreasing. Only differences have meaning."""
        ...


class SystemClock:
    """Monotonic clock of the machine."""

    def seconds(self) -> float:
        """Return the seconds of `time.monotonic`."""
        return time.monotonic()


class VirtualClock:
    """A clock that advances only when `now` is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def seconds(self) -> float:
        """The time it was last set to."""
        return self.now


def wall_time_ms() -> int:
    """Return milliseconds since 1970 (UTC), for display only."""
    return time.time_ns() // 1_000_000
