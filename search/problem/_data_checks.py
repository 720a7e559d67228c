"""Validation of the data of a problem, before the first trial."""

from collections.abc import Mapping
from typing import Any

from search.data import lists, texts, trees
from search.data.parts import Data, Part
from search.errors import DataError, unknown_name
from search.runtime.type_checks import check_kind


def check_data(data: Data) -> None:
    """Check the arrays of each part, and that the parts have the same arrays and shapes.

    NaN is accepted: a model may replace it, and a loss may ignore it.

    Raises:
        DataError: An array is unusable, or the parts do not match. The message names the part, the
            array and the row.
        UsageError: `data` is not a `Data`.
    """
    check_kind("the result of load", data, Data, "Return Data(train, validation, test)")
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    for name, part in parts.items():
        if part is None:
            continue
        _check_part(name, part)
        if part is not data.train:
            for word in ("x", "y"):
                _check_same_shapes(name, word, getattr(part, word), getattr(data.train, word))


def _check_part(name: str, part: Part) -> None:
    named = [*trees.named(part.x, f"{name}.x"), *trees.named(part.y, f"{name}.y")]
    if part.weights is not None:
        if part.y is None:
            raise DataError(
                f"{name}.weights: Keras ignores weights without labels, and {name} has no labels. "
                "Weight the examples in train_step, or add labels."
            )
        named += trees.named(part.weights, f"{name}.weights")
    sizes = {}
    for where, array in named:
        if not _is_array(array):
            lists.refuse_stream(where, array)
            raise DataError(
                f"{where}: data must be NumPy arrays, or dictionaries or tuples of them, not "
                f"{type(array).__name__}. Convert it with search.data.part."
            )
        if not array.shape:
            raise DataError(
                f"{where} is a single number, without a row for each example. Reshape it."
            )
        sizes[where] = len(array)
    if part.x is None or not sizes:
        raise DataError(f"{name}.x has no arrays. Add the examples.")
    first, count = next(iter(sizes.items()))
    if not count:
        raise DataError(f"{first} is empty. Add at least one example.")
    for where, size in sizes.items():
        if size != count:
            raise DataError(
                f"{where} has {size} examples, but {first} has {count}. Check how they were loaded."
            )
    for where, array in named:
        _check_values(where, array, labels=not where.startswith(f"{name}.x"))
        if where.startswith(f"{name}.weights"):
            wrong = missing(array)
            if wrong.any():
                raise DataError(
                    f"{where} has NaN in {_count(wrong)}. Use weight 0 for an example that the "
                    "loss must ignore."
                )


def _is_array(thing: Any) -> bool:
    return all(getattr(thing, word, None) is not None for word in ("dtype", "shape", "tobytes"))


def missing(array: Any) -> Any:
    """Return which rows of an array contain NaN, `(n,)` bool."""
    flat = array.reshape(len(array), -1)
    if array.dtype.kind not in "fc":
        flat = flat[:, :0]
    return (flat != flat).any(1)  # NaN alone is not itself


def missing_in_words(where: str, array: Any, columns: tuple[str, ...] = ()) -> str:
    """Describe the NaN in an array: number of examples, first row, names of the columns."""
    text = f"{where} has NaN in {_count(missing(array))}"
    if array.ndim == 2 and len(columns) == array.shape[1]:
        found = [name for name, some in zip(columns, (array != array).any(0), strict=True) if some]
        text += f", in {_columns(found)}"
    return text


def _count(wrong: Any) -> str:
    return f"{int(wrong.sum())} of {len(wrong)} examples, the first in row {int(wrong.argmax())}"


def _columns(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "")
    return f"column{'s' if len(names) > 1 else ''} {shown}"


def _check_values(where: str, array: Any, *, labels: bool) -> None:
    if array.dtype.kind in "biufc" or not array.size:
        return
    if array.dtype.kind == "V":  # bfloat16 and other types of Keras
        return
    if not labels:
        index = texts.first_other(array)
        if index is None:
            return
        value = array.flat[index]
        row = index // max(array[0].size if array.ndim > 1 else 1, 1)
        raise DataError(
            f"{where} must contain numbers or texts, but is {array.dtype} with {value!r} in row "
            f"{row}. {_remedy(value, array)}."
        )
    value = array.reshape(-1)[0]
    remedy = "Number the classes, for instance with search.data.split"
    if isinstance(value, list | tuple) or getattr(value, "shape", None):
        remedy = lists.PAD
    raise DataError(
        f"{where} must contain numbers, but is {array.dtype} ({value!r}, ...). {remedy}."
    )


def _remedy(value: Any, array: Any) -> str:
    """Return what to do with an array of objects that contains this value."""
    if isinstance(value, list | tuple) or getattr(value, "shape", None):
        return f"Its rows have different lengths. {lists.PAD}"
    if value is None or value != value:
        return "Write an empty text for a missing one, or remove the row"
    if isinstance(value, int | float):
        mixed = any(isinstance(one, str | bytes) for one in array.flat)
        return "Use separate inputs for numbers and texts" if mixed else 'Use astype("float32")'
    return "Encode it"


def _check_same_shapes(name: str, word: str, structure: Any, train: Any) -> None:
    """Check that a part has the same arrays as the training part, with examples of equal shapes."""
    if (structure is None) != (train is None):
        has, lacks = (name, "train") if train is None else ("train", name)
        raise DataError(
            f"{lacks}.y: {has} has labels, but {lacks} has none. Add them, or remove the others."
        )
    ours = dict(trees.named(structure, word))
    theirs = dict(trees.named(train, word))
    for missing in theirs.keys() - ours.keys():
        raise DataError(
            f"{name}: {unknown_name('array', missing, ours)}. Add the arrays that train has."
        )
    for found in ours.keys() - theirs.keys():
        raise DataError(f"{name}.{found}: train has no such array. Remove it, or add it to train.")
    for path, array in ours.items():
        if array.shape[1:] != theirs[path].shape[1:]:
            raise DataError(
                f"{name}.{path} has examples of shape {array.shape[1:]}, but train has examples of "
                f"shape {theirs[path].shape[1:]}. Reshape it."
            )


def check_labels(loss: str, labels: Any, shape: tuple[int | None, ...], where: str = "y") -> None:
    """Check that labels fit a loss and the shape of an output.

    Args:
        loss: Keras's name of the loss, such as sparse_categorical_crossentropy. Only NaN is
            checked for a loss that is not known here.
        labels: Labels `(n, ...)`.
        shape: Shape of the output without the batch axis.
        where: Name of the labels in messages.

    Raises:
        DataError: The labels do not fit. The message says what to do.
    """
    if missing(labels).any():
        raise DataError(
            f"{missing_in_words(where, labels)}, and {loss} is then not finite. Write a loss that "
            "ignores NaN, or replace NaN by a number with weight 0, or remove these rows."
        )
    units = shape[-1] if shape else None
    own = tuple(labels.shape[1:])
    if loss == "sparse_categorical_crossentropy":
        _check_sparse(labels, own, shape, units, where)
    elif loss == "categorical_crossentropy" and own != shape and (not own or own == (1,)):
        raise DataError(
            f"{where}: categorical_crossentropy requires one-hot labels of shape {shape}, not "
            "single labels. Compile with sparse_categorical_crossentropy."
        )
    elif loss in ("binary_crossentropy", "categorical_crossentropy"):
        low, high = labels.min(), labels.max()
        if low < 0 or high > 1:
            raise DataError(
                f"{where}: {loss} requires labels from 0 to 1, but they are {low} to {high}. "
                "Number the two classes 0 and 1, or compile with sparse_categorical_crossentropy "
                "for more classes."
            )
    if loss in _ELEMENTWISE and _squeezed(own) != _squeezed(shape) and None not in shape:
        raise DataError(
            f"{where}: the model returns {_shape_text(shape)} for each example, but the labels "
            f"have {_shape_text(own)}. Change the last layer or the labels."
        )


_ELEMENTWISE = {
    *("binary_crossentropy", "categorical_crossentropy", "mean_squared_error"),
    *("mean_absolute_error", "mean_squared_logarithmic_error", "huber", "log_cosh", "poisson"),
}


def _check_sparse(
    labels: Any, own: tuple[int, ...], shape: tuple[int | None, ...], units: int | None, where: str
) -> None:
    if own == shape and units is not None and units > 1:
        raise DataError(
            f"{where}: sparse_categorical_crossentropy requires single labels, not one-hot labels "
            f"of shape {own}. Compile with categorical_crossentropy, or use y.argmax(-1)."
        )
    if labels.dtype.kind == "f" and (labels % 1 != 0).any():
        raise DataError(
            f"{where}: sparse_categorical_crossentropy requires integers, but a label is "
            f"{labels[labels % 1 != 0].reshape(-1)[0]}. Number the classes, or use a regression "
            "loss such as mse."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (units is not None and high >= units):
        remedy = "Number the classes from 0" if low < 0 else f"Use {high + 1} units"
        raise DataError(
            f"{where}: labels must be in 0..{units - 1 if units else '...'}, because the last "
            f"layer has {units} units, but they are {low} to {high}. {remedy}."
        )


def _squeezed(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Remove a last axis of size 1: Keras accepts (n,) for (n, 1), and the reverse."""
    return shape[:-1] if shape and shape[-1] == 1 else shape


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return "one number" if not shape else f"shape {shape}"


def check_inputs(
    expected: Mapping[str, tuple[int | None, ...]] | tuple[int | None, ...], x: Any
) -> None:
    """Check the inputs of a model.

    Args:
        expected: Shape of the model's input without the batch axis, or a mapping from names to
            shapes for several inputs.
        x: The inputs.

    Raises:
        DataError: An input is missing, or has another shape. The message has the nearest name, or
            both shapes.
    """
    if isinstance(expected, Mapping):
        if _is_array(x):
            raise DataError(
                f"x is one array, but the model has the inputs {', '.join(expected)}. Pass a "
                "dictionary of arrays with these names."
            )
        if not isinstance(x, Mapping):
            return  # inputs by their order, which Keras checks
        for name, shape in expected.items():
            if name not in x:
                error = unknown_name("input", name, x)
                raise DataError(f"x has no array for the model's input: {error}")
            _check_shape(f"x[{name!r}]", shape, x[name])
        return
    if isinstance(x, Mapping) and len(x) == 1:
        x = next(iter(x.values()))
    if not _is_array(x):
        raise DataError(
            f"x must be one array, because the model has one input, not {type(x).__name__}. Add an "
            "Input to the model for each array."
        )
    _check_shape("x", expected, x)


def _check_shape(where: str, expected: tuple[int | None, ...], array: Any) -> None:
    got = tuple(array.shape[1:])
    shorter, longer = _squeezed(got), _squeezed(expected)  # Keras adds or drops a last axis of 1
    fits = len(shorter) == len(longer) and all(
        theirs in (None, ours) for ours, theirs in zip(shorter, longer, strict=True)
    )
    if not fits:
        raise DataError(
            f"{where}: the model requires examples of shape {expected}, but they have {got}. "
            "Change the Input, or reshape the data."
        )
