"""Data as users have them: arrays, frames, CSV files, `tf.data`. They become parts, parts Data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from search import arrays
from search.errors import DataError, UsageError, unknown_name
from search.problem import Data, Part

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import tensorflow as tf

_MEGABYTE = 2**20


def part(x: Any, y: Any, weights: Any | None = None) -> Part:
    """A part of arrays, pandas frames and series, or dictionaries and tuples of them.

    As `x` a frame of numbers becomes one array `(n, columns)` of float32; as `y` or `weights` a
    series, or a frame of one column, becomes `(n,)`. All else is taken as `numpy.asarray` has it.

    Raises: DataError for a column that holds no numbers.
    """
    return Part(
        arrays.mapped(_array, x),
        arrays.mapped(_labels, y),
        None if weights is None else arrays.mapped(_labels, weights),
    )


def frame_part(
    frame: "pd.DataFrame",
    target: str | Sequence[str],
    inputs: Mapping[str, Sequence[str]] | None = None,
    weights: str | None = None,
) -> Part:
    """A part from a frame with one row for each example.

    `target`: the column of labels, or several of them for outputs of those names. `inputs`: which
    columns go to which named input of the model; without it all others are one array, in their
    order. `weights`: a column with the weight of each example.

    Raises: DataError for an unknown column, naming the nearest, one that holds no numbers, or one
    that is input and target at once; UsageError for inputs that are no mapping.
    """
    targets = [target] if isinstance(target, str) else list(target)
    special = [*targets, *([] if weights is None else [weights])]
    if inputs is not None and not isinstance(inputs, Mapping):
        raise UsageError(
            f"inputs must map the model's inputs to columns, got {inputs!r}; write "
            'inputs={"name": ["column", ...]}, or leave it out for one input of all columns'
        )
    groups = inputs or {"": [name for name in frame.columns if name not in special]}
    for name in (*special, *(name for group in groups.values() for name in group)):
        if name not in frame.columns:
            raise DataError(f"{unknown_name('column', name, map(str, frame.columns))}")
    for name in targets:
        if any(name in group for group in groups.values()):
            raise DataError(
                f"column {name!r} is the target and cannot be an input too: the model would be "
                "told the answer; leave it out of inputs"
            )
    matrices = {name: _array(frame[list(group)]) for name, group in groups.items()}
    x = matrices if inputs else matrices[""]
    labels = {name: _labels(frame[name]) for name in targets}
    return Part(
        x,
        labels[target] if isinstance(target, str) else labels,
        None if weights is None else _labels(frame[weights]),
    )


def csv_part(
    path: str | Path,
    target: str | Sequence[str],
    inputs: Mapping[str, Sequence[str]] | None = None,
    weights: str | None = None,
) -> Part:
    """A part from a CSV file with a first line of names; the rest is as for `frame_part`.

    Raises: DataError also for a file that cannot be read as one.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: must be a readable CSV file, got {error}; correct it") from error
    try:
        return frame_part(frame, target, inputs, weights)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def dataset_part(
    dataset: "tf.data.Dataset", megabytes: int = 2048, batched: bool | None = None
) -> Part:
    """A part from a finite `tf.data` pipeline of `(x, y)` or `(x, y, weights)`, run once.

    The examples are kept in memory, as all training here is from memory: what the pipeline draws
    at random it draws once. `batched`: whether an element is a batch; by default as the element's
    shapes say.

    Raises: DataError for an endless pipeline, one larger than `megabytes`, or other elements.
    """
    import numpy as np
    import tensorflow as tf

    if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise DataError("a pipeline must come to an end, got an endless one; drop repeat()")
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        raise DataError(f"a pipeline must give (x, y) or (x, y, weights), got {spec}; map it so")
    if batched is None:
        batched = _is_batched(spec)
    rows: list[tuple[Any, ...]] = []
    size = 0
    for element in dataset.as_numpy_iterator():
        rows.append(element)
        size += sum(np.asarray(array).nbytes for _, array in arrays.named(element, ""))
        if size > megabytes * _MEGABYTE:
            raise DataError(
                f"a pipeline must fit into {megabytes} MB of memory, got more; raise megabytes, or "
                "take(...) fewer examples"
            )
    if not rows:
        raise DataError("a pipeline must give examples, got none; see what it reads")
    join = np.concatenate if batched else np.stack
    return Part(*_joined(rows, join))


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

    if not _is_pandas(thing):
        return np.asarray(thing)
    frame = thing.to_frame() if thing.ndim == 1 else thing
    for name in frame.columns:
        if frame[name].dtype.kind not in "biuf":
            raise DataError(
                f"column {name!r} must hold numbers, got {frame[name].dtype} "
                f"({frame[name].iloc[0]!r}, ...); encode it (pandas.get_dummies for categories), "
                "or leave it out"
            )
    return frame.to_numpy("float32")


def _labels(thing: Any) -> Any:
    """Labels and weights as they are: one column `(n,)`, texts as texts."""
    import numpy as np

    if not _is_pandas(thing):
        return np.asarray(thing)
    if thing.ndim == 2 and thing.shape[1] == 1:
        thing = thing.iloc[:, 0]
    return thing.to_numpy(str) if thing.ndim == 1 and _is_text(thing) else thing.to_numpy()


def _is_text(series: "pd.Series[Any]") -> bool:
    if series.isna().any():
        raise DataError(
            f"column {series.name!r}: every example needs a label, got {int(series.isna().sum())} "
            "without; drop those rows"
        )
    return series.dtype.kind not in "biuf"


def _is_batched(spec: tuple[Any, ...]) -> bool:
    shapes = [tensor.shape for _, tensor in arrays.named(spec, "")]
    if any(shape.rank == 0 for shape in shapes):
        return False
    if all(shape.rank is not None and shape[0] is None for shape in shapes):
        return True
    raise DataError(
        f"a pipeline's elements must be told as batches or examples, got shapes {shapes}, which "
        "may be either; say batched=True or batched=False"
    )


def _joined(rows: list[tuple[Any, ...]], join: Any) -> list[Any]:
    """Each array of all elements as one, in the structure of an element."""

    def deep(pieces: list[Any]) -> Any:
        one = pieces[0]
        if isinstance(one, Mapping):
            return {name: deep([piece[name] for piece in pieces]) for name in one}
        if isinstance(one, list | tuple):
            return type(one)([deep([piece[i] for piece in pieces]) for i in range(len(one))])
        return join(pieces)

    return list(deep(rows))


def _single(one: Part) -> bool:
    """Whether the labels are single ones that may be classes."""
    y = one.y
    return getattr(y, "ndim", 0) == 1 or (getattr(y, "ndim", 0) == 2 and y.shape[1] == 1)


def _class_names(parts: list[Part]) -> tuple[str, ...]:
    import numpy as np

    if not _single(parts[0]) or parts[0].y.dtype.kind not in "OSU":
        return ()
    every = [np.unique(one.y.astype(str)) for one in parts]
    for other in every[1:]:
        for name in np.setdiff1d(other, every[0]):
            raise DataError(
                f"{unknown_name('label', str(name), map(str, every[0]))}; train lacks it"
            )
    return tuple(map(str, every[0]))


def _numbered(one: Part, names: tuple[str, ...]) -> Part:
    import numpy as np

    if not names:
        return one
    return Part(one.x, np.searchsorted(np.array(names), one.y.astype(str).reshape(-1)), one.weights)


def _order(whole: Part, generator: "np.random.Generator") -> "np.ndarray[Any, Any]":
    """All rows at random; where labels are classes, any stretch has about its share of each."""
    import numpy as np

    order = generator.permutation(whole.size)
    if not _single(whole) or whole.y.dtype.kind not in "biu":
        return order
    labels = whole.y.reshape(-1)[order]
    # the k-th of m examples of a class stands at (k + 1/2) / m of the way
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        place[rows] = (np.arange(len(rows)) + generator.random()) / len(rows)
    return order[np.argsort(place, kind="stable")]
