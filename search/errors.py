"""Errors and warnings for users. A message says what is wrong, and what to do."""

import difflib
import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

# Escape sequences for colours and cursor moves, which Keras's messages contain.
_TERMINAL_CODES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")


def plain_text(text: str) -> str:
    r"""Return a text without terminal escape sequences.

    >>> plain_text("\x1b[1mModel GAN\x1b[0m has no call")
    'Model GAN has no call'
    """
    return _TERMINAL_CODES.sub("", text)


class SearchWarning(UserWarning):
    """A remark on the user's code or data that the user can act on. Each is shown once."""


Scope: TypeAlias = Literal["trial", "problem", "study"]


class SearchError(Exception):
    """A search failed. The command line prints the message and exits with code 1.

    `scope`: the effect when the platform raises the error while a trial trains. "trial": the trial
    fails. "problem": the study ends if no trial has trained yet; otherwise the trial fails.
    "study": the study ends.
    """

    exit_code = 1
    scope: Scope = "problem"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(plain_text(a) if isinstance(a, str) else a for a in arguments))


class UsageError(SearchError):
    """An argument or option is invalid. The command line prints the message and exits with 2."""

    exit_code = 2


class SpaceError(UsageError):
    """A search space, or a set of parameter values, is invalid."""


class BuildError(UsageError):
    """The model that `build` returned for some parameters cannot be trained."""

    scope: Scope = "trial"


class CheckpointError(SearchError):
    """A checkpoint cannot be written."""

    scope: Scope = "study"


class AlikeError(SearchError):
    """The first trials of a study failed with the same error. The study ends and can be resumed."""


class DataError(SearchError):
    """A data set cannot be loaded, or does not fit the problem."""


class JournalError(SearchError):
    """A study's journal cannot be read, written or continued."""


class NewerJournalError(JournalError):
    """A newer version of the platform wrote the journal; this version cannot read it."""


class StudyLockedError(JournalError):
    """Another process is running the study."""


class StudyChangedError(JournalError):
    """The problem, data or settings have changed since the start of the study."""


class ReplayDivergedError(JournalError):
    """A backend's answers during replay differ from the answers in the journal."""


class StudyInterrupted(KeyboardInterrupt):
    """The user interrupted a study. Its journal is closed properly, and it can be resumed."""

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
    """Return the error for a name that is not in `known`, with the nearest known name.

    >>> str(unknown_name("backend", "hyperbnad", ["grid", "hyperband"]))
    "unknown backend 'hyperbnad'; did you mean 'hyperband'? Known: grid, hyperband"
    """
    names = sorted(known)
    close = difflib.get_close_matches(got, names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return UsageError(f"unknown {kind} {got!r}{hint} Known: {', '.join(names) or 'none'}")
