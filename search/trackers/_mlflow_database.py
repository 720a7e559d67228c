"""MLflow's SQLite file in the store: made whole, set aside when damaged, relocated with the store.

A kill while MLflow creates its tables would leave a file that no later command can use. So the
tables are created in a temporary file, which is then renamed.
"""

import contextlib
import fcntl
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

from search.errors import SearchError

# mlflow 3.17.2: every column that holds the address of artifacts
_ADDRESSES = (
    *(("experiments", "artifact_location"), ("runs", "artifact_uri")),
    *(("logged_models", "artifact_location"), ("model_versions", "source")),
    ("model_versions", "storage_location"),
)
_BESIDE = ("", "-journal", "-wal", "-shm")  # SQLite's own files belong to the database
_CHECKED_BYTES = 2**26  # a larger file takes too long to read at each opening


def sqlite_address(database: Path) -> str:
    """Return the tracking address of a SQLite file; SQLAlchemy decodes `%` and splits at `?`.

    >>> sqlite_address(Path("/a 50%/mlflow.db"))
    'sqlite:////a 50%25/mlflow.db'
    """
    path = re.sub("[%?#]", lambda match: f"%{ord(match[0]):02X}", str(database))
    return f"sqlite:///{path}"


def sqlite_file(address: str) -> Path | None:
    """Return the file behind a `sqlite:///` address; None for any other.

    >>> sqlite_file("sqlite:////data/mlflow.db")
    PosixPath('/data/mlflow.db')
    """
    name = address.removeprefix("sqlite:///")
    return Path(unquote(name)) if name not in ("", address) and "?" not in name else None


def damage(database: Path) -> str | None:
    """Say why a database cannot be used; None where nothing speaks against it.

    A file that is locked, or may not be read, is not called damaged.
    """
    try:
        size = database.stat().st_size
        with contextlib.closing(sqlite3.connect(database, timeout=30)) as opened:
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master")}
            (pages,), (page_bytes,) = (
                opened.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size")
            )
            if pages * page_bytes > size:
                return f"it has {size} bytes of {pages * page_bytes}"
            if size <= _CHECKED_BYTES:
                (said,) = opened.execute("PRAGMA quick_check(1)").fetchone()
                if said != "ok":
                    return str(said).splitlines()[0]
            unfinished = "runs" not in tables or "alembic_version" not in tables
            return "its tables are missing" if unfinished else None
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError as error:
        return str(error)
    except OSError:
        return None


def holds_runs(database: Path) -> bool:
    """Whether a database that can be read has at least one run."""
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as opened:
        return opened.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None


def make(database: Path, create: Callable[[Path], object]) -> None:
    """Create the database in one step; `create` has MLflow make its tables in a file."""
    database.parent.mkdir(parents=True, exist_ok=True)
    _sweep(database)
    unfinished = database.with_name(f".{database.name}.{os.getpid()}.tmp")
    try:
        create(unfinished.absolute())
        os.replace(unfinished, database)
    finally:
        for suffix in _BESIDE:
            Path(f"{unfinished}{suffix}").unlink(missing_ok=True)


def set_aside(database: Path) -> Path:
    """Rename a damaged database, with SQLite's files next to it, and return its new path."""
    number = 1
    while (kept := database.with_name(f"{database.name}.damaged-{number}")).exists():
        number += 1
    incomplete_marker(database).touch()
    for suffix in reversed(_BESIDE):  # the database last: until then it counts as damaged
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{database}{suffix}", f"{kept}{suffix}")
    return kept


def incomplete_marker(database: Path) -> Path:
    """Return the file that exists while a new database lacks the studies of a damaged one."""
    return database.with_name(f"{database.name}.incomplete")


def relocate(database: Path, old: str, new: str) -> None:
    """Have all addresses of artifacts below `old` point below `new`: the store was moved."""
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as opened, opened:
        for table, column in _ADDRESSES:
            names = {row[1] for row in opened.execute(f"PRAGMA table_info({table})")}
            if column in names:
                opened.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
                )


@contextlib.contextmanager
def alone(database: Path) -> Iterator[None]:
    """Hold a lock: two processes that make MLflow's tables at once break each other's migration.

    Raises: SearchError where the lock file cannot be written.
    """
    try:
        file = database.with_suffix(".lock").open("a")
    except OSError as error:
        raise SearchError(
            f"cannot open {database}: {error.strerror}. Make the folder writable, or choose "
            "another with --store"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep(database: Path) -> None:
    """Delete what killed processes left; called under the lock, so nobody else creates one."""
    for left in database.parent.glob(f".{database.name}.*.tmp*"):
        left.unlink(missing_ok=True)


def remove_misread_folder(database: Path) -> None:
    """Delete the empty folder that MLflow makes for the encoded form of a path.

    mlflow 3.17.2, store/db/utils.py: `_make_parent_dirs_if_sqlite` does not decode the address.
    """
    misread = Path(sqlite_address(database.absolute()).removeprefix("sqlite:///")).parent
    if misread != database.absolute().parent:
        with contextlib.suppress(OSError):
            misread.rmdir()
