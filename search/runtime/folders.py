"""Folders that appear whole or not at all, also where the process is killed while it writes one."""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_NEW, _OLD = "new", "old"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_TEMPORARY = re.compile(rf"\.(?P<name>.+)\.search-(?P<kind>{_NEW}|{_OLD})-[a-z0-9_]{{8}}")


@contextlib.contextmanager
def whole_folder(directory: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `directory` at the end, in the place of an earlier one.

    After an error `directory` is as it was. A kill leaves it as it was too, or, in the moment
    between two renames, under a temporary name from which `sweep` brings it back.

    Raises: OSError when it cannot be written.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    sweep(directory.parent, directory.name)
    temporary, lock = _new_folder(directory)
    try:
        yield temporary
        temporary.chmod(0o755)
        if directory.exists():
            _replace(temporary, directory)
        else:
            os.replace(temporary, directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(lock)


def _replace(temporary: Path, directory: Path) -> None:
    lock = _locked(directory)  # so that no other process takes it for one that was left behind
    try:
        old = _made(directory, _OLD)
        os.replace(directory, old)
        try:
            os.replace(temporary, directory)
        except OSError:
            os.replace(old, directory)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        os.close(lock)


def sweep(folder: Path, name: str | None = None, *, earlier: bool = False) -> None:
    """Delete the temporary folders that killed processes left in `folder`, of `name` or of all.

    Those of running processes are locked, and stay. `earlier`: also those that earlier versions
    left of `name`; they have no lock, so the caller must have `name` for itself.
    """
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob(".*")):
            found = _TEMPORARY.fullmatch(path.name)
            if found is not None and name in (None, found["name"]):
                _remove_unlocked(path, folder / found["name"] if found["kind"] == _OLD else None)
            elif earlier and re.fullmatch(rf"\.{re.escape(name or '')}-[a-z0-9_]{{8}}", path.name):
                _remove_unlocked(path, None)


def _remove_unlocked(path: Path, back_to: Path | None) -> None:
    """Delete a temporary folder, or give a replaced one its name back where nothing has it."""
    lock = os.open(path, _FOLDER | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if back_to is not None and not back_to.exists():
            os.replace(path, back_to)
        else:
            shutil.rmtree(path, ignore_errors=True)
    except OSError:  # its process runs, or the file system has no locks: it stays
        pass
    finally:
        os.close(lock)


def _new_folder(directory: Path) -> tuple[Path, int]:
    """Make a temporary folder, and lock it before another process takes it for a left one."""
    while True:
        path = _made(directory, _NEW)
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            lock = _locked(path)
            if path.exists():
                return path, lock
            os.close(lock)


def _made(directory: Path, kind: str) -> Path:
    return Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}.search-{kind}-"))


def _locked(path: Path) -> int:
    """Return a descriptor of a folder that is locked until it is closed or the process ends.

    Not locked where the file system has no locks for folders; there `sweep` deletes nothing.
    """
    lock = os.open(path, _FOLDER)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise
    except OSError:
        pass
    return lock
