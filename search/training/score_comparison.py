"""Whether two evaluations of one model agree: within rounding, and the rows that rounding flips."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data import trees
from search.data.parts import Part
from search.training.fit_loop import predictions

if TYPE_CHECKING:
    import keras

FLOAT32 = 1e-5
MIXED = 2e-2
_SMALLEST = 1e-7  # what rounding leaves of a loss near zero
_HALF_PRECISION = ("float16", "bfloat16")


class Tolerances:
    """How far two values of each metric of a model may differ on a part of the data.

    `relative`: for every metric. A metric that may count rows is also allowed what the rows can
    change whose outputs are within `relative` of a tie or a threshold; they are found when needed.
    """

    def __init__(self, model: "keras.Model", part: Part, batch_size: int, relative: float) -> None:
        self._model = model
        self._part = part
        self._batch_size = batch_size
        self._relative = relative
        self._flips: float | None = None

    def equal(self, name: str, one: float, other: float) -> bool:
        """Whether two values of a metric agree."""
        if _close(one, other, self._relative):
            return True
        if name in means(self._model):
            return False
        if self._flips is None:
            self._flips = _share(self._model, self._part, self._batch_size, self._relative)
        return abs(one - other) <= self._flips * (1 + self._relative)


def outputs_agree(
    one: "Sequence[np.ndarray[Any, Any]]", other: "Sequence[np.ndarray[Any, Any]]"
) -> bool:
    """Whether outputs are equal within rounding; of numbers only, texts must be the same."""
    if [array.shape for array in one] != [array.shape for array in other]:
        return False
    return all(
        np.allclose(mine.astype("float64"), its.astype("float64"), MIXED, MIXED / 100, True)
        if mine.dtype.kind in "biuf"
        else bool(np.all(mine == its))
        for mine, its in zip(one, other, strict=True)
    )


def tolerances(model: "keras.Model", part: Part, batch_size: int) -> Tolerances:
    """Return the tolerances for a model by its precision: 1e-5, or 2e-2 with 16-bit layers."""
    layers = model._flatten_layers()
    half = any(layer.compute_dtype in _HALF_PRECISION for layer in layers)
    return Tolerances(model, part, batch_size, MIXED if half else FLOAT32)


def _close(one: float, other: float, relative: float) -> bool:
    return abs(one - other) <= max(relative * max(abs(one), abs(other)), _SMALLEST)


def means(model: "keras.Model") -> set[str]:
    """Return the names of metrics that are means of values in which rounding stays rounding."""
    import keras

    names = {"loss"}
    for metric in _metrics(model):
        wrapped = isinstance(metric, keras.metrics.MeanMetricWrapper)
        function = getattr(metric, "_fn", None)
        named = str(getattr(function, "__name__", type(function).__name__))
        module = str(getattr(function, "__module__", ""))
        if type(metric) is keras.metrics.Mean or (
            wrapped and module.startswith("keras.") and "accuracy" not in named
        ):
            names.add(metric.name)
    outputs = [f"{output}_" for output in getattr(model, "output_names", None) or ()]
    return names | {f"{output}{name}" for output in outputs for name in names}


def _metrics(model: "keras.Model") -> Iterator[Any]:
    for metric in model.metrics:
        yield from getattr(metric, "metrics", [metric])


def _share(model: "keras.Model", part: Part, batch_size: int, relative: float) -> float:
    """Return the largest change of a metric that counts rows if rounding flips rows.

    One row changes a metric of one class by 2 divided by the rows of that class at most.
    """
    try:
        given = predictions(model, part, batch_size)
    except Exception:  # noqa: BLE001 - the model is the user's code: no rows are known to be near
        return 0.0
    flat = [array for _, array in trees.named(given, "")]
    marks = np.array(sorted({0.5, *_thresholds(model)}))
    near = np.zeros(part.size, bool)
    for outputs in flat:
        if outputs.dtype.kind not in "biuf" or len(outputs) != part.size:
            continue
        rows = outputs.astype(np.float64).reshape(part.size, -1)
        slack = relative * np.maximum(1.0, np.abs(rows))
        for mark in marks:
            near |= (np.abs(rows - mark) <= slack).any(axis=1)
        if rows.shape[1] > 1:
            top = np.sort(rows, axis=1)[:, -2:]
            near |= top[:, 1] - top[:, 0] <= relative * np.maximum(1.0, np.abs(top[:, 1]))
    return min(1.0, int(near.sum()) * 2 / _rarest(part))


def _thresholds(model: "keras.Model") -> Iterator[float]:
    for metric in _metrics(model):
        for name in ("threshold", "thresholds"):
            found = getattr(metric, name, None)
            yield from np.atleast_1d(np.asarray([] if found is None else found, float)).tolist()


def _rarest(part: Part) -> int:
    """The rows of the rarest label; 1 where labels are no classes."""
    labels = part.y
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iub":
        return 1
    if labels.ndim > 1 and labels.shape[-1] > 1:
        labels = labels.argmax(axis=-1)
    return int(np.unique(labels, return_counts=True)[1].min())
