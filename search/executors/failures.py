"""What an error that a trial raised amounts to: for the trial, or for the whole study."""

import sys
import traceback

from search.errors import SearchError
from search.executors.base import Finished, Lost
from search.trial import Failed, Task

_LONGEST_TEXT = 20_000
# whose frames are the platform's own, between its call of the user's code and that code
_PLATFORM = {"search", "keras", "tensorflow", *sys.stdlib_module_names}


def end_of(error: BaseException, task: Task, at_epoch: int) -> Finished | Lost | SearchError:
    """What a trial that raised this has come to; call it while the exception is handled.

    An Exception fails the trial. Any other BaseException (`sys.exit`, KeyboardInterrupt, one of
    the user's own) costs it the attempt, as the death of its process does. A SearchError that the
    platform raised, and not code of the user's, is about the problem or the study: see `Finished`,
    or raise what is returned.
    """
    trial, attempt = task.proposal.trial, task.attempt
    kind, text, where = type(error).__name__, text_of(error), clipped(traceback.format_exc())
    if not isinstance(error, Exception):
        reason = f"the trial raised {kind}" + (f": {text}" if text else "")
        return Lost(trial, attempt, reason, where)
    failed = Failed(kind, text, where, at_epoch)
    if not isinstance(error, SearchError) or error.scope == "trial" or raised_by_user(error):
        return Finished(trial, attempt, failed)
    known = as_known(error)
    return known if known.scope == "study" else Finished(trial, attempt, failed, known)


def raised_by_user(error: BaseException) -> bool:
    """Whether the error passed through code that is not the platform's."""
    frames = traceback.walk_tb(error.__traceback__)
    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in frames]
    return any(module.partition(".")[0] not in _PLATFORM for module in modules)


def as_known(error: SearchError) -> SearchError:
    """The error as every process of the platform knows it: a class of the user's may be unknown."""
    kinds = [kind for kind in type(error).__mro__ if kind.__module__ == SearchError.__module__]
    known: SearchError = kinds[0](text_of(error))
    return known


def text_of(error: BaseException) -> str:
    """What an error says; its `str()` is the user's code too, and may raise."""
    try:
        return clipped(str(error))
    except Exception as another:  # noqa: BLE001 - worker boundary
        return f"(its str() raises {type(another).__name__})"


def clipped(text: str) -> str:
    """A text of bearable length: its beginning and its end."""
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2
    return f"{text[:half]} [...] {text[-half:]}"
