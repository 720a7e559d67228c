"""Locks and files of journals: one writer at a time, and nothing but regular files."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import IO

from search.errors import JournalError, StudyLockedError

UNKNOWN = 0  # the process that holds a lock, where no file names it
_TRIES = 5
_PAUSE_SECONDS = 0.04
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def opened(path: Path, flags: int = os.O_RDONLY) -> IO[bytes]:
    """Open a regular file; a named pipe, which would wait for its other end, is refused at once.

    Raises: JournalError for another kind of file; OSError as `os.open`.
    """
    with contextlib.suppress(FileNotFoundError):
        _refuse_special(path, path.stat())
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    try:
        _refuse_special(path, os.fstat(descriptor))
        return os.fdopen(descriptor, "r+b" if flags & os.O_RDWR else "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_special(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")
        raise JournalError(f"{path} must be a regular file, but it is {kind}. Remove or rename it.")


class WriterLock:
    """The two locks that the one writer of a journal holds until `release` or its end.

    A lock on the journal itself cannot be deleted. The one on `STUDY.lock` is held as well, for
    earlier versions that know no other, and the file names the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock_path = lock_path(path)
        self._file = self._opened()

    def _opened(self) -> IO[bytes]:
        with writing(self._lock_path):
            file = opened(self._lock_path, os.O_RDWR | os.O_CREAT)
        try:
            if not _taken(file, self._lock_path):
                raise self._refusal()
        except BaseException:
            file.close()
            raise
        return file

    def hold(self, journal: IO[bytes]) -> None:
        """Lock the journal too, until it is closed, and record this process.

        Raises: StudyLockedError when another process writes it.
        """
        if not _taken(journal, self._path):
            raise self._refusal()
        with writing(self._lock_path):
            self._file.truncate(0)
            self._file.write(str(os.getpid()).encode())
            self._file.flush()

    def release(self) -> None:
        """Release the lock file; may be called twice."""
        self._file.close()

    def _refusal(self) -> StudyLockedError:
        owner = _recorded(self._lock_path) or "unknown"
        return StudyLockedError(
            f"study {self._path.stem} is being run by another process, recorded as process "
            f"{owner}; wait for it or end it first"
        )


def writer(path: Path) -> int | None:
    """Return the process that writes the journal at this moment; None where no process does.

    0 where a process does, but its id is not recorded.
    """
    if _is_held(path) or _is_held(lock_path(path)):
        return _recorded(lock_path(path))
    return None


def lock_path(path: Path) -> Path:
    """Return the path of the lock file of a journal."""
    return path.with_suffix(".lock")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an error of the file system into a JournalError that names the file."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> JournalError:
    """Return the error for a file that cannot be written."""
    return JournalError(
        f"cannot write {path}: {error.strerror}; nothing recorded is lost: make room or access, "
        f"then resume"
    )


def _recorded(path: Path) -> int:
    with contextlib.suppress(OSError, JournalError, ValueError), opened(path) as file:
        return int(file.read(20))
    return UNKNOWN


def _is_held(path: Path) -> bool:
    try:
        with opened(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, JournalError):
        return False
    return False


def _taken(file: IO[bytes], path: Path) -> bool:
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                # `writer` holds a lock too, for the instant of a look: `show` keeps no one out
                sleep(_PAUSE_SECONDS)
        except OSError as error:
            raise JournalError(
                f"cannot lock {path}: {error.strerror}. Use a store on a file system with locks."
            ) from error
        else:
            return True
    return False
