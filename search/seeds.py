"""Every random draw of a study comes from one root seed, all time from one clock."""

import hashlib
import time
from typing import Protocol


def seed_for(root: int, *purpose: str | int) -> int:
    """The seed, in [0, 2**31), for one purpose under the root seed of a study.

    Equal arguments give equal seeds on every machine and Python; different purposes give
    unrelated ones.

    >>> seed_for(0, "7", "weights") == seed_for(0, "7", "weights") != seed_for(0, "7", "order")
    True
    """
    text = "\x1f".join([str(root), *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


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
