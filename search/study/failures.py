"""Errors of trials: their text, their location in user code, and repeated equal errors."""

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
# packages whose frames do not count as user code
_PACKAGES = {"search", "keras", "tensorflow", *sys.stdlib_module_names}
_LONGEST_TEXT = 20_000


def failing_alike(outcomes: Sequence[Outcome]) -> str | None:
    """Return the message that ends a study whose first trials all failed with the same error.

    Errors are the same if their kinds and messages are equal up to numbers. A loss or an objective
    that is not finite does not count, because other parameter values may avoid it.

    Returns:
        The message; None unless `outcomes` are exactly three such failures.
    """
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if len(outcomes) != FIRST or len(failures) != FIRST:
        return None
    signs = {(one.kind, _NUMBER.sub("#", one.message)) for one in failures}
    if len(signs) > 1 or failures[0].kind in ("nan", "objective"):
        return None
    first = failures[0]
    kind = "" if first.kind == "lost" else f"{first.kind}: "
    where = location(first.traceback)
    return (
        f"The first {FIRST} trials failed alike: {kind}{first.message.removesuffix('.')}"
        f"{'' if where is None else f' ({where})'}. Correct the problem and start a new study, or "
        "resume this one with --keep-going."
    )


def location(trace: str) -> str | None:
    """Return the last location of a traceback in user code: file, line, function; None if none."""
    frames = [frame for frame in _FRAME.findall(trace) if _of_user(frame[0])]
    if not frames:
        return None
    file, line, function = frames[-1]
    return f"{file}, line {line}, in {function}"


def _of_user(file: str) -> bool:
    """Return whether a file belongs neither to the platform nor to a library."""
    libraries = [*site.getsitepackages(), site.getusersitepackages(), str(_PLATFORM)]
    libraries += [sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib")]
    path = Path(file)
    return path.is_absolute() and not any(path.is_relative_to(folder) for folder in libraries)


def raised_by_user(error: BaseException) -> bool:
    """Return whether the traceback of an error contains user code."""
    frames = traceback.walk_tb(error.__traceback__)
    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in frames]
    return any(module.partition(".")[0] not in _PACKAGES for module in modules)


def as_known(error: SearchError) -> SearchError:
    """Convert a subclass defined by the user, unknown to other processes, to its base class."""
    kinds = [kind for kind in type(error).__mro__ if kind.__module__ == SearchError.__module__]
    converted: SearchError = kinds[0](text_of(error))
    return converted


def text_of(error: BaseException) -> str:
    """Return the message of an error. Its `str()` may be user code, and may raise."""
    try:
        return clipped(str(error))
    except Exception as another:  # noqa: BLE001 - worker boundary
        return f"(its str() raises {type(another).__name__})"


def clipped(text: str) -> str:
    """Shorten a long text to its beginning and its end."""
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2
    return f"{text[:half]} [...] {text[-half:]}"
