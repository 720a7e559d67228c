"""Errors of trials: what they say, where they come from, and when they are all alike."""

import re
import site
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

from search.errors import SearchError
from search.study.trial import Failed, Outcome

FIRST = 3
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_FRAME = re.compile(r'^  File "([^"]+)", line (\d+), in (.+)$', re.MULTILINE)
_PLATFORM = Path(__file__).parents[1]
# whose frames are not the user's: between the platform and code of the user's, or none at all
_PACKAGES = {"search", "keras", "tensorflow", *sys.stdlib_module_names}
_LONGEST_TEXT = 20_000


def failing_alike(outcomes: Sequence[Outcome]) -> str | None:
    """What to say of a study whose first outcomes are these; None where it may continue.

    It may not where these are three, and all failed with the same kind and message up to the
    numbers in it. A loss or an objective that is not finite is no error: other settings may avoid
    it.
    """
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if len(outcomes) != FIRST or len(failures) != FIRST:
        return None
    signs = {(one.kind, _NUMBER.sub("#", one.message)) for one in failures}
    if len(signs) > 1 or failures[0].kind in ("nan", "objective"):
        return None
    first = failures[0]
    kind = "" if first.kind == "lost" else f"{first.kind}: "
    place = location(first.traceback)
    return (
        f"The first {FIRST} trials failed alike: {kind}{first.message}"
        f"{'' if place is None else f' ({place})'}. Correct the problem and start a new study, or "
        "resume this one with --keep-going."
    )


def location(trace: str) -> str | None:
    """Where in the user's code a traceback was last: file, line and function; None for nowhere."""
    frames = [frame for frame in _FRAME.findall(trace) if _of_user(frame[0])]
    if not frames:
        return None
    file, line, function = frames[-1]
    return f"{file}, line {line}, in {function}"


def _of_user(file: str) -> bool:
    """Whether a file is neither the platform's nor a library's."""
    libraries = [*site.getsitepackages(), site.getusersitepackages(), str(_PLATFORM)]
    libraries += [sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib")]
    path = Path(file)
    return path.is_absolute() and not any(path.is_relative_to(folder) for folder in libraries)


def raised_by_user(error: BaseException) -> bool:
    """Whether the error passed through code that is not the platform's."""
    frames = traceback.walk_tb(error.__traceback__)
    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in frames]
    return any(module.partition(".")[0] not in _PACKAGES for module in modules)


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
