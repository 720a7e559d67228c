"""Data as users have them: arrays, frames, CSV files, `tf.data`. They become parts, parts Data."""

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
    """A part of arrays, pandas frames and series, lists, or dictionaries and tuples of them.

    As `x` a frame of numbers becomes one array `(n, columns)` of float32, one of texts an array of
    texts; as `y` or `weights` a series, or a frame of one column, becomes `(n,)`. A list of numbers
    or texts is an array. All else is taken as `numpy.asarray` has it. `y`: None for data without
    labels.

    Raises: DataError for a column that holds neither numbers nor texts, for rows of different
    lengths, and for a generator or another stream.
    """
    count = lists.count_of(y) or lists.count_of(x)
    x, y, weights = (lists.as_arrays(each, count) for each in (x, y, weights))
    columns = {
        place: tuple(map(str, frame.columns))
        for place, frame in trees.named(x, "x")
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
    """The data of a problem: a part in three, by fractions of it, or parts that are there already.

    Single labels that are texts or whole numbers are classes: each part gets its share of each.
    Texts become 0, 1, ... in sorted order, with `Data.class_names`. The same seed gives the same
    parts. `test=None` for no test data. `class_weight`: as for `Data`; texts are keys too.

    Raises: UsageError for fractions that leave a part empty, and for class weights that do not fit
    the labels; DataError for a label train lacks.
    """
    import numpy as np

    given = [one for one in (validation, test) if isinstance(one, Part)]
    names = _class_names([whole, *given])
    whole, *rest = [_numbered(one, names) for one in (whole, *given)]
    fractions = [one for one in (validation, test) if isinstance(one, int | float)]
    if any(not 0 < one < 1 for one in fractions) or sum(fractions) >= 1:
        raise UsageError(
            f"validation and test must be fractions that leave something to train on, got "
            f"{fractions}; lower them"
        )
    order = _order(whole, np.random.default_rng(seed))
    counts = [round(whole.size * one) for one in fractions]
    if 0 in counts or sum(counts) >= whole.size:
        raise UsageError(
            f"each part needs an example, got {whole.size} for fractions {fractions}; give more"
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
    """Labels and weights as they are: one column `(n,)`, texts as texts."""
    import numpy as np

    if _is_pandas(thing):
        return from_frames.labels_of(thing)
    lists.refuse_stream("y", thing)
    return np.asarray(thing)


def _single(one: Part) -> bool:
    """Whether the labels are single ones that may be classes."""
    y: Any = one.y
    return getattr(y, "ndim", 0) == 1 or (getattr(y, "ndim", 0) == 2 and y.shape[1] == 1)


def _class_names(parts: list[Part]) -> tuple[str, ...]:
    import numpy as np

    labels: list[Any] = [one.y for one in parts]
    if not _single(parts[0]) or labels[0].dtype.kind not in "OSU":
        return ()
    every = [np.unique(_texts(y)) for y in labels]
    for other in every[1:]:
        for name in np.setdiff1d(other, every[0]):
            raise DataError(
                f"{unknown_name('label', str(name), map(str, every[0]))}; train lacks it"
            )
    return tuple(map(str, every[0]))


def _numbered(one: Part, names: tuple[str, ...]) -> Part:
    import numpy as np

    labels: Any = one.y
    if not names:
        return one
    return replace(one, y=np.searchsorted(np.array(names), _texts(labels)))


def _texts(labels: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Labels as str, bytes decoded."""
    import numpy as np

    flat = labels.reshape(-1)
    if labels.dtype.kind == "S" or (flat.size and isinstance(flat[0], bytes)):
        return np.array([label.decode("utf-8", "replace") for label in flat])
    return np.asarray(flat.astype(str))


def _order(whole: Part, generator: "np.random.Generator") -> "np.ndarray[Any, Any]":
    """All rows at random; where labels are classes, any stretch has about its share of each."""
    import numpy as np

    order = generator.permutation(whole.size)
    given: Any = whole.y
    if not _single(whole) or given.dtype.kind not in "biu":
        return order
    labels = given.reshape(-1)[order]
    # the k-th of m examples of a class stands at (k + 1/2) / m of the way
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        place[rows] = (np.arange(len(rows)) + generator.random()) / len(rows)
    return order[np.argsort(place, kind="stable")]
