"""Checks of the values in a journal, by type and range, before anything is made of them.

A journal may have been edited or damaged, and journals of formats 1 and 2 have no checksums.
"""

import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from search.errors import SearchError, UsageError
from search.problem.objective import Objective
from search.runtime.names import check_name
from search.study.architecture import Network
from search.study.events import Adopted, LimitsChanged, Stopped, StudyStarted, WinnerEvaluated
from search.study.trial import Completed, Failed, Proposal, Pruned

Check: TypeAlias = Callable[[Any], None]

# what reading a damaged value can raise
IMPOSSIBLE = (
    *(SearchError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
    *(RecursionError, struct.error),
)
MOST_EPOCHS = 2**31 - 1
MOST_COUNT = 2**63 - 1
_MOST_FLOAT = sys.float_info.max
_MOST_DEPTH = 20
_MOST_SEED = 10**100
_RANGES = {"Int": ("low", "high"), "Float": ("low", "high"), "Choice": ("options",)}


def is_finite(value: Any) -> bool:
    """Whether a value is a number, neither NaN nor infinite, that fits a 64-bit float."""
    return type(value) in (int, float) and -_MOST_FLOAT <= value <= _MOST_FLOAT


def finite(value: Any) -> None:
    """Refuse a value that is no finite number."""
    _require(is_finite(value), "a finite number", value)


def seconds(value: Any) -> None:
    """Refuse a value that is no duration in seconds."""
    _require(is_finite(value) and value >= 0, "a number of seconds, 0 or more", value)


def text(value: Any) -> None:
    """Refuse a value that is no string."""
    _require(type(value) is str, "a string", value)


def flag(value: Any) -> None:
    """Refuse a value that is neither true nor false."""
    _require(type(value) is bool, "true or false", value)


def scalar(value: Any) -> None:
    """Refuse a value that a parameter cannot have."""
    _require(type(value) in (str, bool) or is_finite(value), "a string, number or flag", value)


def integer(low: int, high: int = MOST_COUNT) -> Check:
    """Return a check that refuses all but the integers from `low` to `high`."""

    def check(value: Any) -> None:
        rule = f"an integer from {low} to {high}"
        _require(type(value) is int and low <= value <= high, rule, value)

    return check


epoch = integer(1, MOST_EPOCHS)
epochs = integer(0, MOST_EPOCHS)


def one_of(*words: str) -> Check:
    """Return a check that refuses all but the given words."""

    def check(value: Any) -> None:
        _require(type(value) is str and value in words, f"one of {', '.join(words)}", value)

    return check


def optional(check: Check) -> Check:
    """Return a check that accepts null too."""

    def checked(value: Any) -> None:
        if value is not None:
            check(value)

    return checked


def mapping(check: Check) -> Check:
    """Return a check of an object whose values are all of one kind."""

    def checked(value: Any) -> None:
        _require(isinstance(value, dict), "an object", value)
        for one in value.values():
            check(one)

    return checked


def file_name(value: Any) -> None:
    """Refuse a value that cannot name a file: a path, for example."""
    try:
        check_name("a", value)
    except UsageError as error:
        raise ValueError(f"it cannot be a name: {error}") from error


def plain(value: Any, depth: int = _MOST_DEPTH) -> None:
    """Refuse numbers that are not finite, and data that are nested too deeply."""
    if depth == 0:
        raise ValueError(f"data are nested more than {_MOST_DEPTH} levels deep")
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            plain(one, depth - 1)
    elif value is not None:
        scalar(value)


def settings(value: Any) -> None:
    """Refuse a value that cannot be the settings of a study."""
    _require(isinstance(value, dict), "an object", value)
    plain(value)


def space(value: Any) -> None:
    """Refuse a value that does not describe the parameters of a space."""
    _require(isinstance(value, list), "a list of parameters", value)
    plain(value)
    for parameter in value:
        _require(isinstance(parameter, dict), "a parameter", parameter)
        text(parameter.get("name"))
        one_of(*_RANGES)(parameter.get("kind"))
        for name in _RANGES[parameter["kind"]]:
            if name == "options":
                _require(isinstance(parameter.get(name), list), "a list of options", parameter)
            else:
                finite(parameter.get(name))


def network(value: Network | None) -> None:
    """Refuse an architecture with impossible sizes or connections."""
    if value is None:
        return
    text(value.subclass)
    for place, layer in enumerate(value.layers):
        for word in (layer.kind, layer.activation, layer.note, layer.name):
            text(word)
        integer(0)(layer.parameters)
        for size in layer.shape or ():
            optional(integer(0))(size)
        for source in layer.inbound:
            integer(0, place - 1)(source)


_FIELDS: dict[type[Any], dict[str, Check]] = {
    StudyStarted: {
        "study": file_name,
        "problem": file_name,
        "backend": file_name,
        "seed": integer(0, _MOST_SEED),
        "config": settings,
        "space": space,
        "digests": mapping(text),
        "versions": mapping(text),
        "created_ms": integer(0),
        "format": integer(1),
        "rules": integer(1),
    },
    Objective: {
        "metric": text,
        "direction": one_of("max", "min"),
        "score_at": one_of("best", "last"),
    },
    LimitsChanged: {
        "trials": optional(integer(0)),
        "seconds": optional(seconds),
    },
    Proposal: {
        "trial": file_name,
        "params": mapping(scalar),
        "labels": mapping(scalar),
        "may_continue": flag,
    },
    Completed: {
        "score": finite,
        "best_epoch": epoch,
        "epochs": epoch,
        "seconds": seconds,
        "parameter_count": integer(0),
        "stopped_early": flag,
        "way": text,
        "network": network,
    },
    Pruned: {
        "score": finite,
        "best_epoch": epoch,
        "at_epoch": epoch,
        "seconds": seconds,
        "parameter_count": integer(0),
        "way": text,
        "network": network,
    },
    Failed: {
        "kind": text,
        "message": text,
        "traceback": text,
        "at_epoch": epochs,
        "seconds": seconds,
    },
    Adopted: {
        "versions": mapping(text),
        "rules": optional(integer(1)),
    },
    Stopped: {"reason": text},
    WinnerEvaluated: {
        "trial": file_name,
        "test": mapping(finite),
        "export": text,
        "verified": optional(flag),
        "reason": text,
    },
}


def check_fields(kind: type[Any], data: Mapping[str, Any]) -> None:
    """Check the fields that are present; the constructor refuses a missing or an unknown one.

    Raises: ValueError naming the field.
    """
    for name, check in _FIELDS[kind].items():
        if name in data:
            try:
                check(data[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error


def _require(condition: bool, rule: str, value: Any) -> None:
    if not condition:
        raise ValueError(f"must be {rule}, got {_shortened(value)}")


def _shortened(value: Any) -> str:
    """Return a value in few characters; a huge integer cannot be written out at all."""
    if type(value) is int and not -(10**20) < value < 10**20:
        return "a huge integer"
    shown = repr(value) if type(value) in (str, int, float, bool) else type(value).__name__
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
