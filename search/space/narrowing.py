"""Narrow a space by texts of the form NAME=VALUES, as `--set` and `narrow=` take them."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NoReturn, TypeVar

from search.errors import UsageError, unknown_name
from search.space.parameters import Choice, Float, Int, Parameter, Scalar
from search.space.space import Space

_USE_FORMS = "Use NAME=VALUE, NAME=VALUE,VALUE,... or NAME=LOW..HIGH"
_SLACK = 1e-6  # in steps: a value this close to a step counts as on the step, as in Float.holds
_Number = TypeVar("_Number", int, float)


def narrow(space: Space, assignments: Sequence[str]) -> Space:
    """Return a space in which the named parameters are restricted to the given values.

    Every configuration of the returned space is a configuration of `space`. The name of a repeated
    parameter narrows all its repetitions; NAME_shape narrows its shapes. A list of evenly spaced
    integers becomes an Int, any other list a Choice. A range keeps log, step, and the levels
    inside it; on a Choice of numbers it keeps the options inside it.

    Args:
        space: The space to narrow.
        assignments: Texts "learning_rate=1e-3..1e-1" (a range, both ends included), "layers=1,2"
            (a list) or "activation=relu" (one value).

    Returns:
        The narrowed space; `space` itself if there are no assignments.

    Raises:
        UsageError: A text is malformed, a name is unknown or repeated, or a value is not in the
            space.

    Example:
        >>> narrow(Space(Int("layers", 1, 5)), ["layers=1,3"])
        Space(Int(name='layers', low=1, high=3, step=2, log=False, levels=None, when=None, \
per=None, shapes=()))
    """
    parameters = {parameter.name: parameter for parameter in space.parameters}
    names: set[str] = set()
    for assignment in assignments:
        name, values = _parse(assignment)
        if name in names:
            _refuse(name, "the parameter is named twice", "List all its values in one --set")
        names.add(name)
        if name in parameters:
            parameters[name] = _narrow(parameters[name], values)
        else:
            shaped = _shaped(space, name)
            parameters[shaped] = _with_shapes(parameters[shaped], name, values)
    if not assignments:
        return space
    return Space.restricted(*_reachable(list(parameters.values())))


def _parse(assignment: str) -> tuple[str, str]:
    name, equals, values = (part.strip() for part in assignment.partition("="))
    if not (name and equals and values):
        raise UsageError(f"--set: {assignment!r} is not NAME=VALUES. {_USE_FORMS}.")
    return name, values


def _shaped(space: Space, name: str) -> str:
    """Return the parameter whose shapes have this name.

    Raises:
        UsageError: The name is unknown, or names a single repetition.
    """
    shapes = {f"{p.name}_shape": p.name for p in space.parameters if p.shapes}
    if name in shapes:
        return shapes[name]
    if name in space:
        base = name.rpartition("_")[0]
        _refuse(name, f"a single repetition of {base} cannot be narrowed", f"Use {base}=VALUES")
    raise unknown_name("parameter", name, [*(p.name for p in space.parameters), *shapes])


def _with_shapes(parameter: Parameter, name: str, text: str) -> Parameter:
    chosen = _narrow_choice(Choice(name, parameter.shapes), text)
    return replace(parameter, shapes=tuple(map(str, chosen.options)))


def _narrow(parameter: Parameter, text: str) -> Parameter:
    if isinstance(parameter, Choice):
        return _narrow_choice(parameter, text)
    if isinstance(parameter, Int):
        return _narrow_int(parameter, text)
    return _narrow_float(parameter, text)


def _narrow_int(parameter: Int, text: str) -> Parameter:
    if ".." in text:
        low, high = (_whole(parameter.name, end) for end in _ends(parameter.name, text))
        _check_inside(parameter, low, high)
        first = parameter.low + -((parameter.low - low) // parameter.step) * parameter.step
        last = parameter.low + (high - parameter.low) // parameter.step * parameter.step
        if first > last:
            _refuse_empty(parameter, text)
        return replace(parameter, low=first, high=last, levels=_kept(parameter.levels, first, last))
    values = sorted({_whole(parameter.name, item) for item in _items(parameter.name, text)})
    for value in values:
        _check_holds(parameter, value)
    gaps = {after - before for before, after in itertools.pairwise(values)}
    if len(gaps) > 1:
        return _as_choice(parameter, values)
    step = gaps.pop() if gaps else 1
    log = parameter.log and step == 1
    return replace(parameter, low=values[0], high=values[-1], step=step, log=log, levels=None)


def _narrow_float(parameter: Float, text: str) -> Parameter:
    if ".." in text:
        low, high = (_number(parameter.name, end) for end in _ends(parameter.name, text))
        _check_inside(parameter, low, high)
        if parameter.step is not None:
            first = math.ceil((low - parameter.low) / parameter.step - _SLACK)
            last = math.floor((high - parameter.low) / parameter.step + _SLACK)
            if first > last:
                _refuse_empty(parameter, text)
            low, high = (
                parameter.nearest(parameter.low + i * parameter.step) for i in (first, last)
            )
        if low == high:
            return _as_choice(parameter, [low])
        return replace(parameter, low=low, high=high, levels=_kept(parameter.levels, low, high))
    given = [_number(parameter.name, item) for item in _items(parameter.name, text)]
    for value in given:
        _check_holds(parameter, value)
    return _as_choice(parameter, sorted({parameter.nearest(value) for value in given}))


def _narrow_choice(parameter: Choice, text: str) -> Choice:
    whole = _matching(parameter, text)
    if whole:  # the text of an option may contain a comma or two dots
        return replace(parameter, options=whole)
    if ".." in text:
        numbers = [value for value in parameter.options if _is_number(value)]
        if len(numbers) < len(parameter.options):
            _refuse(
                parameter.name,
                f"the range {text} needs options that are numbers",
                _options(parameter),
            )
        low, high = (_number(parameter.name, end) for end in _ends(parameter.name, text))
        within = tuple(value for value in numbers if low <= float(value) <= high)
        if not within:
            _refuse_empty(parameter, text)
        return replace(parameter, options=within)
    chosen: list[Scalar] = []
    for item in _items(parameter.name, text):
        matching = _matching(parameter, item)
        if not matching:
            texts = map(_text, parameter.options)
            raise UsageError(
                f"{unknown_name(f'value of {parameter.name}', item, texts)}. --set can only "
                "narrow the space."
            )
        chosen += matching
    return replace(parameter, options=tuple(v for v in parameter.options if _among(v, chosen)))


def _matching(parameter: Choice, text: str) -> tuple[Scalar, ...]:
    """Return the options with this text; without any, the options equal to it as a number."""
    written = tuple(v for v in parameter.options if text in (_text(v), str(v)))
    if written:
        return written
    try:
        number = float(text)
    except ValueError:
        return ()
    return tuple(v for v in parameter.options if _is_number(v) and float(v) == number)


def _text(option: Scalar) -> str:
    return str(option).lower() if isinstance(option, bool) else str(option)


def _among(value: Scalar, chosen: Iterable[Scalar]) -> bool:
    return any(value == other and type(value) is type(other) for other in chosen)


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_choice(parameter: Int | Float, values: Sequence[Scalar]) -> Choice:
    return Choice(parameter.name, values, parameter.when, parameter.per, parameter.shapes)


def _kept(
    levels: int | tuple[_Number, ...] | None, low: _Number, high: _Number
) -> int | tuple[_Number, ...] | None:
    """Return the levels inside the new range; without any, the ends of the range."""
    if levels is None or isinstance(levels, int):
        return levels
    inside = tuple(level for level in levels if low <= level <= high)
    return inside or tuple(dict.fromkeys((low, high)))


def _reachable(parameters: list[Parameter]) -> list[Parameter]:
    """Remove the parameters that depend on a repetition which the narrowed space does not have.

    Fewer layers mean fewer repetitions; a parameter that depends on a removed repetition could
    never be active.
    """
    while True:
        nodes = {node.name for node in Space(*(replace(p, when=None) for p in parameters)).nodes}
        kept = [p for p in parameters if nodes.issuperset(p.when or ())]
        names = {p.name for p in kept}
        kept = [p for p in kept if p.per is None or p.per in names]
        if len(kept) == len(parameters):
            return kept
        parameters = kept


def _ends(name: str, text: str) -> tuple[str, str]:
    low, _, high = (part.strip() for part in text.partition(".."))
    if not (low and high):
        _refuse(name, f"the range {text!r} needs both ends", _USE_FORMS)
    return low, high


def _items(name: str, text: str) -> list[str]:
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        _refuse(name, f"a value is missing next to a comma in {text!r}", _USE_FORMS)
    return items


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        _refuse(name, f"values must be finite numbers, not {text!r}", _USE_FORMS)
    return number


def _whole(name: str, text: str) -> int:
    if text.lstrip("+-").isdecimal():
        return int(text)
    number = _number(name, text)
    if not number.is_integer():
        _refuse(name, f"values must be integers, not {text!r}", "Round it")
    return int(number)


def _check_inside(parameter: Int | Float, low: float, high: float) -> None:
    if low > high:
        _refuse(parameter.name, f"low must be <= high ({low:g}..{high:g})", "Swap them")
    for end in (low, high):
        if not parameter.low <= end <= parameter.high:
            _refuse_outside(parameter, end)


def _check_holds(parameter: Int | Float, value: float) -> None:
    if not parameter.holds(value):
        _refuse_outside(parameter, value)


def _refuse_outside(parameter: Int | Float, value: float) -> NoReturn:
    steps = "" if parameter.step in (None, 1) else f" in steps of {parameter.step:g}"
    _refuse(
        parameter.name,
        f"{value!r} is not in the space, which has {parameter.low!r}..{parameter.high!r}{steps}",
        "Use values of the space, or widen the space in the problem's file",
    )


def _refuse_empty(parameter: Parameter, text: str) -> NoReturn:
    remedy = _options(parameter) if isinstance(parameter, Choice) else "Widen the range"
    _refuse(parameter.name, f"the range {text} contains no value of the space", remedy)


def _options(parameter: Choice) -> str:
    return f"Choose among {', '.join(map(_text, parameter.options))}"


def _refuse(name: str, problem: str, remedy: str) -> NoReturn:
    raise UsageError(f"--set {name}: {problem}. {remedy}.")


def narrowed_name(assignment: str) -> str:
    """Return the name of the parameter in a `--set` text."""
    return assignment.partition("=")[0].strip()
