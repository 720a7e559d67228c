"""Metrics as numbers by name, from the reports of Keras, the user's `fit` or a callback."""

import math
import warnings
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from search.errors import SearchWarning

# What Keras and callbacks report of an epoch: numbers, arrays, tensors, texts, whatever.
Logs: TypeAlias = dict[str, Any]

# MLflow takes 1000 metrics in one call, and a metric of each of 1000 classes shows nobody anything.
_MOST = 100


def metric_values(logs: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics in the logs of an epoch, those that are not finite included.

    A value of size one is a number. A vector gives `name_0`, `name_1`, ...; `name_at_0`, ... where
    another metric has such a name. Values that are no numbers, and arrays of more than 100, are
    left out, with one warning for each name.
    """
    found: dict[str, float] = {}
    for name, value in logs.items():
        numbers = numbers_of(value)
        if numbers is None:
            _say_left_out(str(name), value)
        elif len(numbers) == 1:
            found[str(name)] = numbers[0]
        else:
            names = [f"{name}_{place}" for place in range(len(numbers))]
            if not logs.keys().isdisjoint(names):
                names = [f"{name}_at_{place}" for place in range(len(numbers))]
            found |= zip(names, numbers, strict=True)
    return found


def numbers_of(value: Any) -> list[float] | None:
    """Return the numbers in a value, in row-major order; None where it holds none, or over 100."""
    if isinstance(value, str | bytes):
        return None
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O" and array.ndim == 0:  # a Fraction, an int of many digits
            return [float(value)]
        if array.dtype.kind in "OSUMmc" or not 1 <= array.size <= _MOST:
            return None
        # extension types such as bfloat16 too
        return [float(number) for number in array.astype(np.float64).reshape(-1)]
    except (TypeError, ValueError, OverflowError):
        return None


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that are finite; a warning names each of the others."""
    for name in {
        n.removeprefix("val_") for n, value in metrics.items() if not math.isfinite(value)
    }:
        warnings.warn(
            f"metric {name!r} is not finite in some epochs and is missing there: it may divide by "
            "zero on some data. Define its value there, or leave the metric out",
            SearchWarning,
            stacklevel=2,
        )
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _say_left_out(name: str, value: Any) -> None:
    size = getattr(value, "shape", None)
    got = f"{type(value).__name__}{'' if size is None else f' of shape {tuple(size)}'}"
    warnings.warn(
        f"metric {name!r} is not recorded: it is no number (or up to {_MOST} numbers) but a {got}. "
        "Report a number, or leave it out of the logs",
        SearchWarning,
        stacklevel=3,
    )
