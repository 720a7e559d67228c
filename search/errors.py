"""The errors a user can meet: each message holds the rule, what was got, and what to do."""

import difflib
import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

# what a terminal takes for a colour or a move of the cursor; Keras writes messages with them
_TERMINAL_CODES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")


def plain_text(text: str) -> str:
    r"""Return a text without the codes that set a terminal's colours and fonts.

    >>> plain_text("\x1b[1mModel GAN\x1b[0m has no call")
    'Model GAN has no call'
    """
    return _TERMINAL_CODES.sub("", text)


class SearchWarning(UserWarning):
    """A warning of the platform: on the user's code or data, or on the run of a study.

    All of them have this category. The command line shows each text once.
    """


Scope: TypeAlias = Literal["trial", "problem", "study"]


class SearchError(Exception):
    """A search could not do what was asked; the command line prints the message and exits 1.

    `scope`: what it is about, where the platform raises it while a trial trains. "trial": that
    trial fails. "problem": the study ends where no trial has trained yet, else the trial fails.
    "study": the study ends.
    """

    exit_code = 1
    scope: Scope = "problem"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(plain_text(a) if isinstance(a, str) else a for a in arguments))


class UsageError(SearchError):
    """What was asked is wrong; the command line prints the message and exits 2."""

    exit_code = 2


class SpaceError(UsageError):
    """A search space, or a set of values for it, breaks a rule."""


class BuildError(UsageError):
    """What `build` returns for some settings cannot be trained."""

    scope: Scope = "trial"


class CheckpointError(SearchError):
    """A checkpoint cannot be written."""

    scope: Scope = "study"


class AlikeError(SearchError):
    """The first trials of a study failed alike: it ends, and can be resumed."""


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


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; its type where it has none."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def unknown_name(kind: str, got: str, known: Iterable[str]) -> UsageError:
    """The error for a word that is none of `known`, naming the nearest one.

    >>> str(unknown_name("backend", "hyperbnad", ["grid", "hyperband"]))
    "unknown backend 'hyperbnad'; did you mean 'hyperband'? Known: grid, hyperband"
    """
    names = sorted(known)
    close = difflib.get_close_matches(got, names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return UsageError(f"unknown {kind} {got!r}{hint} Known: {', '.join(names) or 'none'}")
