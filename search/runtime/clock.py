"""Clocks: the one that measures a study, and the time of day."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from; a test or a simulation brings its own."""

    def seconds(self) -> float:
        """Seconds since some fixed moment, never going back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own monotonic clock."""

    def seconds(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()


def wall_time_ms() -> int:
    """Milliseconds since 1970 (UTC), for records that people read; nothing is computed from it."""
    return time.time_ns() // 1_000_000
