"""The append-only file of a study's events: one writer, every line on disk before it counts."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from search.errors import JournalError
from search.study.event_json import encode
from search.study.events import FORMAT, Entry, StudyStarted
from search.study.journal_lines import JournalLines
from search.study.journal_lock import WriterLock, cannot_write, opened, writing
from search.study.journal_lock import writer as writer
from search.study.journal_reader import Entries as Entries
from search.study.journal_reader import Tail as Tail
from search.study.journal_reader import read as read


class Journal:
    """The one writer of a study's journal; hold it open for as long as the study runs.

    Made by `create` or `reopen`. A line that was being written when the process died has no line
    end: it never counted, and is cut off by the first `append` after a `reopen`.
    """

    def __init__(
        self, path: Path, file: IO[bytes], lock: WriterLock, lines: JournalLines | Entries
    ) -> None:
        self.path = path
        self._file = file
        self._lock = lock
        self._lines = lines
        self._failure: JournalError | None = None

    @classmethod
    def create(cls, path: Path, entries: Sequence[Entry]) -> "Journal":
        """Begin a study with its first entries: the file appears with all of them, or not at all.

        Raises: FileExistsError when there is one of this name; JournalError when it cannot be
        written.
        """
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        lock, new = WriterLock(path), path.with_suffix(".new")
        with contextlib.ExitStack() as undo:
            undo.callback(lock.release)
            with writing(new):
                new.unlink(missing_ok=True)
                file = opened(new, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            undo.callback(new.unlink, missing_ok=True)
            journal = cls(path, file, lock, JournalLines(_format(entries[0])))
            undo.callback(journal.close)
            lock.hold(file)
            for entry in entries:
                journal.append(entry)
            journal.commit()
            _publish(new, path)
            undo.pop_all()
        return journal

    @classmethod
    def reopen(cls, path: Path) -> tuple["Journal", Entries]:
        """Open a study to continue it: the writer, and the entries that have been recorded.

        The file stays as it is until the first `append`.

        Raises: JournalError when there is none or it cannot be read; StudyLockedError when another
        process writes it, naming that process.
        """
        lock = WriterLock(path)
        try:
            with writing(path):
                file = opened(path, os.O_RDWR)
            try:
                lock.hold(file)
                entries = read(path)
            except BaseException:
                file.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(path, file, lock, entries), entries

    def append(self, entry: Entry) -> None:
        """Add one entry, which counts once it is committed.

        Raises: JournalError when it cannot be written (a full disk, say), or when the journal that
        was reopened is damaged.
        """
        if isinstance(self._lines, Entries):
            self._lines = self._end_of(self._lines)
        line = self._lines.encode(encode(entry, self._lines.format))
        self._check()
        try:
            self._file.write(line)
        except OSError as error:
            raise self._failed(error) from error

    def _check(self) -> None:
        """Refuse to write after a failed write: the journal would have a gap."""
        if self._failure is not None:
            raise self._failure

    def _failed(self, error: OSError) -> JournalError:
        self._failure = cannot_write(self.path, error)
        return self._failure

    def _end_of(self, entries: Entries) -> JournalLines:
        """Go to the end of what was recorded, and remove a line that was not written whole."""
        lines = entries.end()
        self._check()
        try:
            self._file.truncate(entries.length)
            self._file.seek(entries.length)
        except OSError as error:
            raise self._failed(error) from error
        return lines

    def commit(self) -> None:
        """Wait until all that was appended is on disk.

        Nothing that an entry decides may be seen by anyone before this returns. A kill before it
        leaves the first few of the entries, or none: what is left is a journal all the same.

        Raises: JournalError when it cannot be written.
        """
        self._check()
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release its locks; may be called twice."""
        with contextlib.suppress(OSError):  # a full disk has been reported by append
            self._file.close()
        self._lock.release()


def _format(first: Entry) -> int:
    event = first.event
    return event.format if isinstance(event, StudyStarted) else FORMAT


def _publish(new: Path, path: Path) -> None:
    """Give a journal its name.

    A link refuses to replace a journal, unlike a rename. Where the file system has no links, the
    lock that this process holds keeps others from creating the same journal meanwhile.
    """
    try:
        os.link(new, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(path) from None
        try:
            os.rename(new, path)
        except OSError as error:
            raise cannot_write(path, error) from error
    else:
        with contextlib.suppress(OSError):
            new.unlink()
