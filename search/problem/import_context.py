"""What the platform tells a problem file while it imports it: where the data are, what is known.

A problem file that finds its space by running code (`search.hypermodel`) needs the data for that,
and need not do it again in a process that was told what another one has found.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class _Told:
    data_dir: Path | None = None
    found: bytes | None = None


_told: ContextVar[_Told | None] = ContextVar("told", default=None)


@contextlib.contextmanager
def told(data_dir: Path | None, found: bytes | None = None) -> Iterator[None]:
    """Within, problem files that are imported are told these."""
    token = _told.set(_Told(data_dir, found))
    try:
        yield
    finally:
        _told.reset(token)


def data_dir() -> Path | None:
    """Where the user said the data are; None where no study imports the file."""
    now = _told.get()
    return None if now is None else now.data_dir


def found() -> bytes | None:
    """What another process has found of the problem; None where nothing is known."""
    now = _told.get()
    return None if now is None else now.found
