"""Reads the journal of a study, whole or as it grows; a damaged line is named by its number."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from search.errors import JournalError, NewerJournalError
from search.study.event_json import beginning, decode, format_of
from search.study.events import Entry, Event
from search.study.journal_lines import BYTE_ORDER_MARK, JournalLines
from search.study.journal_lock import opened

_BLOCK = 2**16
_MOST_TAIL = 2**24  # bytes after the last line end that are looked at
# what JSON is written in, and what a file system may leave of a write that never arrived
_TORN = frozenset({0, *range(0x20, 0x7F)})


class Entries(Iterable[Entry]):
    """The entries of a journal when this was made; read from the file again at each iteration.

    So a study of any size can be folded without its events being in memory together.

    Iterating raises: JournalError naming the line that is damaged.
    """

    def __init__(self, path: Path, length: int, tail: bytes) -> None:
        self.path = path
        self.length = length
        self._tail = tail
        self._end: JournalLines | None = None

    def __iter__(self) -> Iterator[Entry]:
        reader = _Reader(self.path)
        for line in self._lines():
            yield reader.entry(line)
        reader.check_tail(self._tail)
        self._end = reader.lines

    def end(self) -> JournalLines:
        """Return the encoder of the lines that come next; all lines are checked by then.

        Raises: JournalError naming the line that is damaged.
        """
        if self._end is None:
            for _ in self:
                pass
        if self._end is None:
            raise JournalError(f"journal {self.path} must begin with its header, got an empty file")
        return self._end

    def last(self, kind: type[Event]) -> int | None:
        """Where the last event of a kind is, counted from 0; None where there is none."""
        begins, found = beginning(kind), None
        for place, line in enumerate(self._lines()):
            if line.startswith(begins):
                found = place
        return found

    def _lines(self) -> Iterator[bytes]:
        left = self.length
        with _reading(self.path) as file:
            while left > 0:
                line = file.readline()
                if not line:
                    raise JournalError(
                        f"journal {self.path} became shorter while it was read. Try again."
                    )
                left -= len(line)
                yield line


class Tail:
    """Follows a journal that is being written, from its beginning on; for a view with its own pace.

    It reads what it is told to be there and no more, so that it never sees an event that is not
    yet on disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = _Reader(path)
        self._offset = 0

    def until(self, number: int) -> Iterator[Entry]:
        """Yield the entries from where the last call ended to the one in line `number` (1-based).

        Fewer where the journal has fewer lines, as after a full disk.
        """
        with _reading(self._path) as file:
            file.seek(self._offset)
            while self._reader.number < number:
                line = file.readline()
                if not line.endswith(b"\n"):
                    return
                entry = self._reader.entry(line)
                self._offset += len(line)
                yield entry


class _Reader:
    """Decodes the lines of a journal in their order; the first one says how they are checked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: JournalLines | None = None

    @property
    def number(self) -> int:
        """How many lines have been read."""
        return 0 if self.lines is None else self.lines.number

    def entry(self, line: bytes) -> Entry:
        """Return the entry of the next line; after an error there is none.

        Raises: JournalError naming the line.
        """
        number = self.number + 1
        try:
            if self.lines is None:
                header = line.removeprefix(BYTE_ORDER_MARK).decode()
                self.lines = JournalLines(format_of(header))
            return decode(self.lines.decode(line))
        except NewerJournalError as error:
            raise NewerJournalError(f"journal {self._path}: {error}") from error
        except (JournalError, UnicodeDecodeError) as error:
            raise self._damaged(str(error), number) from error

    def check_tail(self, tail: bytes) -> None:
        """Refuse an end that no interrupted write leaves behind: it was a line that counted.

        Raises: JournalError naming the line.
        """
        number, whole = self.number + 1, False
        if self.lines is not None and tail:
            try:
                self.entry(tail[:-1])
                whole = True
            except JournalError:
                pass
        if whole or not _TORN.issuperset(tail):
            raise self._damaged("it does not end with LF", number)

    def _damaged(self, reason: str, number: int) -> JournalError:
        kept = number - 1
        remedy = (
            f"restore it from a copy, or keep its first {kept} lines (`head -n {kept}`), from "
            "which the study can be resumed"
            if kept > 1
            else "restore it from a copy, or remove it and run the study again"
        )
        return JournalError(f"journal {self._path}, line {number} is damaged: {reason}; {remedy}")


def read(path: Path) -> Entries:
    """Return the entries that have been recorded, while the study may be running.

    Raises: JournalError when there is no such journal, or it is no regular file; when iterated, if
    a line is damaged.
    """
    with _reading(path) as file:
        length = _whole_lines(file)
        file.seek(length)
        return Entries(path, length, _torn(path, file.read(_MOST_TAIL)))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    try:
        with opened(path) as file:
            yield file
    except OSError as error:
        raise JournalError(f"journal {path} must be readable: {error.strerror}") from error


def _torn(path: Path, tail: bytes) -> bytes:
    """Return what follows the last line end, which a process that died was writing."""
    if b"\r" in tail:
        raise JournalError(
            f"journal {path} has line ends of CR alone, and must have LF: an editor changed them. "
            "Change them back, or restore it from a copy"
        )
    return tail


def _whole_lines(file: IO[bytes]) -> int:
    """Return the length of a file up to its last line end."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(end - _BLOCK, 0)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
