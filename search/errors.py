"""The errors a user can meet: each message holds the rule, what was got, and what to do."""

import difflib
from collections.abc import Iterable


class SearchWarning(UserWarning):
    """A remark on the user's code or data that the user can act on; shown once each."""


class SearchError(Exception):
    """A search could not do what was asked; the command line prints the message and exits 1."""

    exit_code = 1


class UsageError(SearchError):
    """What was asked is wrong; the command line prints the message and exits 2."""

    exit_code = 2


class SpaceError(UsageError):
    """A search space, or a set of values for it, breaks a rule."""


class DataError(SearchError):
    """A data set could not be had or does not fit the problem."""


class JournalError(SearchError):
    """A study's journal cannot be read, written or continued."""


class NewerJournalError(JournalError):
    """A newer version of the platform wrote the journal: whole, but not to be read by this one."""


class StudyLockedError(JournalError):
    """Another process is working on the study."""


class StudyChangedError(JournalError):
    """The problem, data or settings differ from those the study was started with."""


class ReplayDivergedError(JournalError):
    """A backend fed with a journal's events answered otherwise than it did at the time."""


class StudyInterrupted(KeyboardInterrupt):
    """The user interrupted a study; its journal is closed in order and it can be resumed."""

    exit_code = 130

    def __init__(self, study: str) -> None:
        super().__init__(f"study {study} was interrupted")
        self.study = study


def in_a_line(error: BaseException) -> str:
    r"""Return an error's type and the first line of its message.

    >>> in_a_line(OSError("database is locked\n[SQL: INSERT ...]"))
    'OSError: database is locked'
    """
    first, *_ = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def unknown_name(kind: str, got: str, known: Iterable[str]) -> UsageError:
    """The error for a word that is none of `known`, naming the nearest one.

    >>> str(unknown_name("backend", "hyperbnad", ["grid", "hyperband"]))
    "unknown backend 'hyperbnad'; did you mean 'hyperband'? Known: grid, hyperband"
    """
    names = sorted(known)
    close = difflib.get_close_matches(got, names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return UsageError(f"unknown {kind} {got!r}{hint} Known: {', '.join(names) or 'none'}")
