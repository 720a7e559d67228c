"""Conversion of NumPy scalars and enum members to plain Python values."""

from collections.abc import Mapping
from typing import Any


def to_python(value: Any) -> Any:
    """Convert NumPy scalars and enum members to plain Python values, also inside structures.

    Structures keep their type; arrays become tuples. Other values, such as None or an object, are
    returned unchanged.

    >>> import numpy as np
    >>> to_python({"units": np.int64(16), "rates": (np.float64(0.1), 1)})
    {'units': 16, 'rates': (0.1, 1)}
    """
    if isinstance(value, Mapping):
        return {to_python(name): to_python(inner) for name, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(to_python, value))
    if type(value) in (str, int, float, bool):
        return value
    if hasattr(value, "tolist") and hasattr(value, "dtype"):  # NumPy's scalars and arrays
        return _unwrapped(value)
    if isinstance(value, str):
        return str.__str__(value)  # str() of an enum would be its name
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else value


def _unwrapped(value: Any) -> Any:
    """Convert a NumPy scalar or array by `tolist`; an array becomes a tuple."""
    plain = value.tolist()
    if isinstance(plain, list):
        return tuple(map(to_python, plain))
    if type(plain) is type(value):  # np.longdouble has no other form
        return float(plain) if value.dtype.kind == "f" else plain
    return to_python(plain)
