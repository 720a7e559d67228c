"""The append-only file of a study's events: one writer, every line on disk before it counts."""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import sleep
from typing import IO

from search.errors import JournalError, NewerJournalError, StudyLockedError
from search.events import Entry, Event, beginning, decode, encode

_TRIES = 5
_PAUSE_SECONDS = 0.04
_BLOCK = 2**16


class Journal:
    """The one writer of a study's journal; hold it open for as long as the study runs.

    Made by `create` or `reopen`. A line that was being written when the process died has no line
    end: it never counted, and is cut off by `reopen`.
    """

    def __init__(self, path: Path, file: IO[bytes], lock: IO[str]) -> None:
        self.path = path
        self._file = file
        self._lock = lock

    @classmethod
    def create(cls, path: Path, entries: Sequence[Entry]) -> "Journal":
        """Begin a study with its first entries: the file appears with all of them, or not at all.

        Raises: FileExistsError when there is one of this name; JournalError when it cannot be
        written.
        """
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(path)
        journal = cls(path, _open_new(path.with_suffix(".new")), lock)
        try:
            for entry in entries:
                journal.append(entry)
            journal.commit()
            os.link(path.with_suffix(".new"), path)  # unlike rename, refuses to replace a journal
        except BaseException as error:
            journal.close()
            if isinstance(error, OSError) and not isinstance(error, FileExistsError):
                raise _cannot_write(path, error) from error
            raise
        finally:
            path.with_suffix(".new").unlink(missing_ok=True)
        return journal

    @classmethod
    def reopen(cls, path: Path) -> tuple["Journal", "Entries"]:
        """Go on with a study: the writer, and what has been recorded.

        Raises: JournalError when there is none or it cannot be read; StudyLockedError when another
        process writes it, naming that process.
        """
        lock = _locked(path)
        try:
            entries = read(path)
            with _writing(path):
                file = path.open("r+b")
            file.truncate(entries.length)
            file.seek(entries.length)
        except BaseException:
            lock.close()
            raise
        return cls(path, file, lock), entries

    def append(self, entry: Entry) -> None:
        """Add one entry, which counts once it is committed.

        Raises: JournalError when it cannot be written (a full disk, say).
        """
        line = encode(entry).encode() + b"\n"
        with _writing(self.path):
            self._file.write(line)

    def commit(self) -> None:
        """Wait until all that was appended is on disk.

        Nothing that an entry decides may be seen by anyone before this returns. A kill before it
        leaves the first few of the entries, or none: what is left is a journal all the same.

        Raises: JournalError when it cannot be written.
        """
        with _writing(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and the lock; may be called twice."""
        with contextlib.suppress(OSError):  # a full disk has been reported by append
            self._file.close()
        self._lock.close()


class Entries(Iterable[Entry]):
    """What a journal held when this was made; read from the file anew whenever it is iterated.

    So a study of any size can be folded without its events being in memory together.

    Iterating raises: JournalError naming the line that is damaged.
    """

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        self.length = length

    def __iter__(self) -> Iterator[Entry]:
        for number, line in enumerate(self._lines(), start=1):
            yield _decoded(self.path, number, line)

    def last(self, kind: type[Event]) -> int | None:
        """Where the last event of a kind lies, counted from 0; None where there is none."""
        begins, found = beginning(kind), None
        for place, line in enumerate(self._lines()):
            if line.startswith(begins):
                found = place
        return found

    def _lines(self) -> Iterator[bytes]:
        left = self.length
        with self.path.open("rb") as file:
            while left > 0:
                line = file.readline()
                left -= len(line)
                yield line


class Tail:
    """Follows a journal that is being written, from its beginning on; for a view with its own pace.

    It reads what it is told to be there and no more, so that it never sees an event that is not
    yet on disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self._offset = 0

    def until(self, number: int) -> Iterator[Entry]:
        """The entries from where the last call ended to the one in line `number` (1-based).

        Fewer where the journal has fewer lines, as after a full disk.
        """
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while self._number < number:
                line = file.readline()
                if not line.endswith(b"\n"):
                    return
                self._number += 1
                self._offset += len(line)
                yield _decoded(self._path, self._number, line)


def read(path: Path) -> Entries:
    """What has been recorded, while the study may be running.

    Raises: JournalError when there is no such journal; when iterated, if a line is damaged.
    """
    try:
        with path.open("rb") as file:
            return Entries(path, _whole_lines(file))
    except OSError as error:
        raise JournalError(f"journal {path} must be readable: {error.strerror}") from error


def writer(path: Path) -> int | None:
    """The process that writes the journal at this moment; None where nobody does."""
    lock_path = _lock_path(path)
    try:
        with lock_path.open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read().strip() or 0)
    except OSError:
        return None
    return None


def _whole_lines(file: IO[bytes]) -> int:
    """The length of a file up to its last line end."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(end - _BLOCK, 0)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _decoded(path: Path, number: int, line: bytes) -> Entry:
    try:
        return decode(line.decode())
    except NewerJournalError as error:
        raise NewerJournalError(f"journal {path}: {error}") from error
    except (JournalError, UnicodeDecodeError) as error:
        raise JournalError(
            f"journal {path}, line {number} is damaged: {error}; restore it from a copy, or "
            "remove it and run the study anew"
        ) from error


def _open_new(path: Path) -> IO[bytes]:
    with _writing(path):
        return path.open("wb")


def _lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")


def _locked(path: Path) -> IO[str]:
    """The lock file, locked until it is closed or the process ends, however it ends."""
    lock_path = _lock_path(path)
    try:
        lock = lock_path.open("a+")
    except OSError as error:
        raise _cannot_write(lock_path, error) from error
    if not _taken(lock):
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise StudyLockedError(
            f"study {path.stem} is being run by another process, recorded as process {owner}; "
            "wait for it or end it first"
        )
    with _writing(lock_path):
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
    return lock


def _taken(lock: IO[str]) -> bool:
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                # `writer` holds a lock too, for the instant of a look: `show` keeps no one out
                sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"cannot write {path}: {error.strerror}; nothing recorded is lost: make room or access, "
        f"then resume"
    )
