"""Structures of arrays: one array, or nested dictionaries, tuples and lists; None is empty."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Apply `function` to every array of a structure.

    >>> mapped(str.upper, {"wide": "a", "deep": ("b", "c")})
    {'wide': 'A', 'deep': ('B', 'C')}
    """
    if structure is None:
        return None
    if isinstance(structure, Mapping):
        return {name: mapped(function, part) for name, part in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)([mapped(function, part) for part in structure])
    return function(structure)


def paired(function: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    """Apply `function` to the corresponding arrays of two equal structures.

    >>> paired(max, {"wide": 1, "deep": (2, 3)}, {"wide": 4, "deep": (0, 5)})
    {'wide': 4, 'deep': (2, 5)}
    """
    if one is None:
        return None
    if isinstance(one, Mapping):
        return {name: paired(function, part, other[name]) for name, part in one.items()}
    if isinstance(one, list | tuple):
        both = zip(one, other, strict=True)
        return type(one)([paired(function, mine, its) for mine, its in both])
    return function(one, other)


def named(structure: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield every array of a structure with its dotted name.

    >>> list(named({"wide": 1, "deep": (2, 3)}, "x"))
    [('x.wide', 1), ('x.deep.0', 2), ('x.deep.1', 3)]
    """
    if isinstance(structure, Mapping):
        for key, part in structure.items():
            yield from named(part, f"{name}.{key}")
    elif isinstance(structure, list | tuple):
        for index, part in enumerate(structure):
            yield from named(part, f"{name}.{index}")
    elif structure is not None:
        yield name, structure


def first(structure: Any) -> Any:
    """Return the first array of a structure."""
    return next(named(structure, ""))[1]
