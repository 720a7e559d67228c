"""Structures of arrays: one array, or dictionaries, tuples and lists of them; None is empty."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """The same structure with `function` applied to every array in it.

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
    """The structure of both with `function` applied to each two arrays that stand at one place.

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
    """Every array in a structure, with a name that says where it stands.

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
    """The first array in a structure."""
    return next(named(structure, ""))[1]
