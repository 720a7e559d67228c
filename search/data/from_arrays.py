"""Parts from arrays, pandas frames, CSV files and `tf.data`, and a random split of a part."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from search.data import from_frames, lists, trees
from search.data.from_frames import csv_part, frame_part
from search.data.from_tf_data import dataset_part
from search.data.parts import Data, Part
from search.errors import DataError, UsageError, unknown_name

if TYPE_CHECKING:
    import numpy as np

__all__ = ["csv_part", "dataset_part", "frame_part", "part", "split"]


def part(x: Any, y: Any, weights: Any | None = None) -> Part:
    """Make a part from arrays, pandas frames and series, or lists.

    Each argument may also be a dictionary, tuple or list of these, for several inputs or outputs.
    Lists of numbers or texts become arrays; other objects are converted by `numpy.asarray`.

    Args:
        x: Inputs. A frame of numbers becomes one array `(n, columns)` of float32, a frame of texts
            one array `(n, columns)` of texts.
        y: Labels; None for data without labels. A series, or a frame of one column, becomes an
            array `(n,)`.
        weights: Weight of each example, `(n,)`, or the structure of `y`.

    Returns:
        The part, with the names of the frame's columns.

    Raises:
        DataError: A column contains values that are neither numbers nor texts, rows have different
            lengths, or an argument is a generator or another stream.
    """
    count = lists.count_of(y) or lists.count_of(x)
    x, y, weights = (lists.as_arrays(each, count) for each in (x, y, weights))
    columns = {
        name: tuple(map(str, frame.columns))
        for name, frame in trees.named(x, "x")
        if _is_pandas(frame) and frame.ndim == 2
    }
    return Part(
        trees.mapped(_array, x),
        trees.mapped(_labels, y),
        trees.mapped(_labels, weights),
        columns=columns or None,
    )


def split(
    whole: Part,
    validation: float | Part = 0.2,
    test: float | Part | None = 0.2,
    *,
    seed: int = 0,
    class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
) -> Data:
    """Split a part into training, validation and test data.

    Labels that are texts or integers (one per example) are classes, and the split is stratified.
    Texts become 0, 1, ... in sorted order, and their names become `Data.class_names`.

    Args:
        whole: The part to split.
        validation: Fraction of `whole` for validation, or an existing part.
        test: Fraction of `whole` for the test, an existing part, or None for no test data.
        seed: Seed of the split; equal seeds give equal parts.
        class_weight: As for `Data`; keys may also be class names.

    Returns:
        The data of a problem.

    Raises:
        UsageError: The fractions leave a part empty, or class weights do not fit the labels.
        DataError: A given part has a label that `whole` lacks.
    """
    import numpy as np

    given = [one for one in (validation, test) if isinstance(one, Part)]
    names = _class_names([whole, *given])
    whole, *rest = [_numbered(one, names) for one in (whole, *given)]
    fractions = [one for one in (validation, test) if isinstance(one, int | float)]
    if any(not 0 < one < 1 for one in fractions) or sum(fractions) >= 1:
        raise UsageError(
            f"The fractions {fractions} of validation and test must each be between 0 and 1, with "
            "a sum below 1. Change them."
        )
    order = _order(whole, np.random.default_rng(seed))
    counts = [round(whole.size * one) for one in fractions]
    if 0 in counts or sum(counts) >= whole.size:
        raise UsageError(
            f"{whole.size} examples are too few for fractions {fractions}: each part needs at "
            "least one example. Add examples, or change the fractions."
        )
    cuts = np.split(order, np.cumsum(counts))
    drawn = [whole.take(np.sort(rows)) for rows in cuts[:-1]]
    train = whole.take(np.sort(cuts[-1]))
    parts = [
        rest.pop(0) if isinstance(one, Part) else drawn.pop(0)
        for one in (validation, test)
        if one is not None
    ]
    return Data(train, parts[0], parts[1] if test is not None else None, names, class_weight)


def _is_pandas(thing: Any) -> bool:
    return type(thing).__module__.partition(".")[0] == "pandas"


def _array(thing: Any) -> Any:
    import numpy as np

    if _is_pandas(thing):
        return from_frames.array_of(thing)
    lists.refuse_stream("x", thing)
    return np.asarray(thing)


def _labels(thing: Any) -> Any:
    """Convert labels or weights: one column becomes `(n,)`, texts stay texts."""
    import numpy as np

    if _is_pandas(thing):
        return from_frames.labels_of(thing)
    lists.refuse_stream("y", thing)
    return np.asarray(thing)


def _single(one: Part) -> bool:
    """Return whether there is one label per example, which may be a class."""
    y: Any = one.y
    return getattr(y, "ndim", 0) == 1 or (getattr(y, "ndim", 0) == 2 and y.shape[1] == 1)


def _class_names(parts: list[Part]) -> tuple[str, ...]:
    import numpy as np

    labels: list[Any] = [one.y for one in parts]
    if not _single(parts[0]) or labels[0].dtype.kind not in "OSU":
        return ()
    every = [np.unique(_texts(y)) for y in labels]
    for names in every[1:]:
        for name in np.setdiff1d(names, every[0]):
            raise DataError(
                f"{unknown_name('label', str(name), map(str, every[0]))}. The training part has no "
                "example of it."
            )
    return tuple(map(str, every[0]))


def _numbered(one: Part, names: tuple[str, ...]) -> Part:
    import numpy as np

    labels: Any = one.y
    if not names:
        return one
    return replace(one, y=np.searchsorted(np.array(names), _texts(labels)))


def _texts(labels: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Convert labels to str; bytes are decoded."""
    import numpy as np

    flat = labels.reshape(-1)
    if labels.dtype.kind == "S" or (flat.size and isinstance(flat[0], bytes)):
        return np.array([label.decode("utf-8", "replace") for label in flat])
    return np.asarray(flat.astype(str))


def _order(whole: Part, generator: "np.random.Generator") -> "np.ndarray[Any, Any]":
    """Return a random order of the rows; for classes, each stretch has nearly the class shares."""
    import numpy as np

    order = generator.permutation(whole.size)
    given: Any = whole.y
    if not _single(whole) or given.dtype.kind not in "biu":
        return order
    labels = given.reshape(-1)[order]
    # example k of the m examples of a class gets the position (k + offset) / m
    position = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        position[rows] = (np.arange(len(rows)) + generator.random()) / len(rows)
    return order[np.argsort(position, kind="stable")]
