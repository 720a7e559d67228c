"""Errors of the platform. Each message says what is wrong with the value, then what to do."""

import difflib
import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

# Keras writes terminal colours into its messages.
_TERMINAL_CODES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")


def plain_text(text: str) -> str:
    r"""Return a text without terminal codes for colours, fonts and cursor moves.

    >>> plain_text("\x1b[1mModel GAN\x1b[0m has no call")
    'Model GAN has no call'
    """
    return _TERMINAL_CODES.sub("", text)


class SearchWarning(UserWarning):
    """Warning about the user's code or data, or about the run of a study.

    All warnings of the platform have this category. The command line shows each text once.
    """


Scope: TypeAlias = Literal["trial", "problem", "study"]


class SearchError(Exception):
    """Base class of all errors of the platform. The command line prints the message and exits 1.

    Attributes:
        exit_code: Exit code of the command line.
        scope: Effect of an error raised while a trial trains. "trial": this trial fails.
            "problem": the study ends if no trial has trained yet; later, the trial fails.
            "study": the study ends.
    """

    exit_code = 1
    scope: Scope = "problem"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(plain_text(a) if isinstance(a, str) else a for a in arguments))


class UsageError(SearchError):
    """Invalid argument, option or setting. The command line prints the message and exits 2."""

    exit_code = 2


class SpaceError(UsageError):
    """Invalid search space, or parameter values outside a search space."""


class BuildError(UsageError):
    """The model that `build` returns for some parameter values cannot be trained."""

    scope: Scope = "trial"


class CheckpointError(SearchError):
    """A checkpoint cannot be written."""

    scope: Scope = "study"


class AlikeError(SearchError):
    """The first trials of a study failed with the same error. The study can be resumed."""


class DataError(SearchError):
    """A data set cannot be loaded, or does not fit the problem."""


class JournalError(SearchError):
    """A study's journal cannot be read, written or continued."""


class NewerJournalError(JournalError):
    """The journal is intact, but was written by a newer version of the platform."""


class StudyLockedError(JournalError):
    """Another process is running the study."""


class StudyChangedError(JournalError):
    """The problem, data or settings differ from the ones at the start of the study."""


class ReplayDivergedError(JournalError):
    """A backend, replaying a journal, gave an answer that differs from the recorded one."""


class StudyInterrupted(KeyboardInterrupt):
    """The user interrupted a study. Its journal is closed, and the study can be resumed."""

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


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; its type where it has none."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def unknown_name(kind: str, got: str, known: Iterable[str]) -> UsageError:
    """Return an error for a name that is not among `known`, with the nearest known name.

    >>> str(unknown_name("backend", "hyperbnad", ["grid", "hyperband"]))
    "unknown backend 'hyperbnad'; did you mean 'hyperband'? Known: grid, hyperband"
    """
    names = sorted(known)
    close = difflib.get_close_matches(got, names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return UsageError(f"unknown {kind} {got!r}{hint} Known: {', '.join(names) or 'none'}")
