"""Context of the import of a problem file: the data folder, and the space found before.

A problem file that finds its space by running code (`search.hypermodel`) needs the data folder. A
process that gets the result of an earlier search for the space does not search again.
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
    """Set the context of problem files that are imported inside the block."""
    token = _told.set(_Told(data_dir, found))
    try:
        yield
    finally:
        _told.reset(token)


def data_dir() -> Path | None:
    """Return the data folder given by the user; None outside of a study's import."""
    now = _told.get()
    return None if now is None else now.data_dir


def found() -> bytes | None:
    """Return the space found by another process, serialized; None without one."""
    now = _told.get()
    return None if now is None else now.found
