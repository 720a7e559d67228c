"""Whether data are fit to be trained on, told before anything trains, in the user's words."""

from collections.abc import Mapping
from typing import Any

from search.data import lists, texts, trees
from search.data.parts import Data, Part
from search.errors import DataError, unknown_name
from search.runtime.type_checks import check_kind


def check_data(data: Data) -> None:
    """Refuse data that no model can be trained on, and parts that do not go together.

    NaN is not refused here: a model may replace it, a loss may leave it out.

    Raises: DataError naming the part, the array and the place; UsageError for what is no `Data`.
    """
    check_kind("what load returns", data, Data, "return Data(train, validation, test)")
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    for name, part in parts.items():
        if part is None:
            continue
        _check_part(name, part)
        if part is not data.train:
            for place in ("x", "y"):
                _check_alike(name, place, getattr(part, place), getattr(data.train, place))


def _check_part(name: str, part: Part) -> None:
    named = [*trees.named(part.x, f"{name}.x"), *trees.named(part.y, f"{name}.y")]
    if part.weights is not None:
        if part.y is None:
            raise DataError(
                f"{name}.weights: weights go with labels, and {name} has none, so that Keras would "
                "not use them; weight the examples in train_step, or give labels"
            )
        named += trees.named(part.weights, f"{name}.weights")
    sizes = {}
    for place, array in named:
        if not _is_array(array):
            lists.refuse_stream(place, array)
            raise DataError(
                f"{place}: data must be NumPy arrays, or dictionaries or tuples of them, got "
                f"{type(array).__name__}; see search.data.part"
            )
        if not array.shape:
            raise DataError(f"{place}: must have one row for each example, got one number; reshape")
        sizes[place] = len(array)
    if part.x is None or not sizes:
        raise DataError(f"{name}.x: arrays are needed, got none; give the examples")
    first, count = next(iter(sizes.items()))
    if not count:
        raise DataError(f"{first}: at least one example is needed, got none; add some")
    for place, size in sizes.items():
        if size != count:
            raise DataError(
                f"{place}: must have as many examples as {first}, got {size} and {count}; see how "
                "they were loaded"
            )
    for place, array in named:
        _check_values(place, array, labels=not place.startswith(f"{name}.x"))
        if place.startswith(f"{name}.weights"):
            wrong = missing(array)
            if wrong.any():
                raise DataError(
                    f"{place}: every weight must be a number, got NaN in {_count(wrong)}; write 0 "
                    "for an example that is not to count"
                )


def _is_array(thing: Any) -> bool:
    return all(getattr(thing, word, None) is not None for word in ("dtype", "shape", "tobytes"))


def missing(array: Any) -> Any:
    """Return which rows of an array hold NaN, `(n,) bool`."""
    flat = array.reshape(len(array), -1)
    if array.dtype.kind not in "fc":
        flat = flat[:, :0]
    return (flat != flat).any(1)  # NaN alone is not itself


def missing_in_words(place: str, array: Any, columns: tuple[str, ...] = ()) -> str:
    """Return where an array has NaN: how many examples, the first row, and the columns' names."""
    text = f"{place} has NaN in {_count(missing(array))}"
    if array.ndim == 2 and len(columns) == array.shape[1]:
        found = [name for name, some in zip(columns, (array != array).any(0), strict=True) if some]
        text += f", in {_columns(found)}"
    return text


def _count(wrong: Any) -> str:
    return f"{int(wrong.sum())} of {len(wrong)} examples, the first in row {int(wrong.argmax())}"


def _columns(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "")
    return f"column{'s' if len(names) > 1 else ''} {shown}"


def _check_values(place: str, array: Any, *, labels: bool) -> None:
    if array.dtype.kind in "biufc" or not array.size:
        return
    if array.dtype.kind == "V":  # bfloat16 and other types of Keras
        return
    if not labels:
        other = texts.first_other(array)
        if other is None:
            return
        value = array.flat[other]
        row = other // max(array[0].size if array.ndim > 1 else 1, 1)
        said = f"{place}: must hold numbers or texts, got {array.dtype} with {value!r} in row {row}"
        raise DataError(f"{said}; {_remedy(value, array)}")
    value = array.reshape(-1)[0]
    remedy = "number the classes: search.data.split does"
    if isinstance(value, list | tuple) or getattr(value, "shape", None):
        remedy = lists.PAD
    raise DataError(f"{place}: must hold numbers, got {array.dtype} ({value!r}, ...); {remedy}")


def _remedy(value: Any, array: Any) -> str:
    """What to do with an array of objects that holds this one."""
    if isinstance(value, list | tuple) or getattr(value, "shape", None):
        return f"its rows have different lengths: {lists.PAD}"
    if value is None or value != value:
        return "write an empty text for one that is missing, or drop the row"
    if isinstance(value, int | float):
        mixed = any(isinstance(one, str | bytes) for one in array.flat)
        return "give numbers and texts an input each" if mixed else 'use astype("float32")'
    return "encode it"


def _check_alike(name: str, place: str, structure: Any, train: Any) -> None:
    """The parts hold the same arrays, of the same shapes."""
    if (structure is None) != (train is None):
        has, lacks = (name, "train") if train is None else ("train", name)
        raise DataError(f"{lacks}.y: {has} has labels and {lacks} has none; give both, or neither")
    ours = dict(trees.named(structure, place))
    theirs = dict(trees.named(train, place))
    for missing in theirs.keys() - ours.keys():
        raise DataError(f"{name}: {unknown_name('array', missing, ours)}; give what train has")
    for found in ours.keys() - theirs.keys():
        raise DataError(f"{name}.{found}: train has no such array; drop it or add it there")
    for word, array in ours.items():
        if array.shape[1:] != theirs[word].shape[1:]:
            raise DataError(
                f"{name}.{word}: must have examples of shape {theirs[word].shape[1:]} as in train, "
                f"got {array.shape[1:]}; reshape it"
            )


def check_labels(loss: str, labels: Any, shape: tuple[int | None, ...], place: str = "y") -> None:
    """Refuse labels `(n, ...)` that do not fit a loss and the shape of an output without its batch.

    `loss`: Keras's name of it, as sparse_categorical_crossentropy; of others nothing is said.

    Raises: DataError with what to do.
    """
    if missing(labels).any():
        raise DataError(
            f"{missing_in_words(place, labels)}, and {loss} is then not finite. Write a loss that "
            "leaves NaN out, or a number that stands for missing and give it weight 0, or drop "
            "those rows"
        )
    units = shape[-1] if shape else None
    own = tuple(labels.shape[1:])
    if loss == "sparse_categorical_crossentropy":
        _check_sparse(labels, own, shape, units, place)
    elif loss == "categorical_crossentropy" and own != shape and (not own or own == (1,)):
        raise DataError(
            f"{place}: categorical_crossentropy takes one-hot labels of shape {shape}, got single "
            "labels; compile with sparse_categorical_crossentropy"
        )
    elif loss in ("binary_crossentropy", "categorical_crossentropy"):
        low, high = labels.min(), labels.max()
        if low < 0 or high > 1:
            raise DataError(
                f"{place}: {loss} takes labels from 0 to 1, got {low} to {high}; number the two "
                "classes 0 and 1, or compile with sparse_categorical_crossentropy for more"
            )
    if loss in _ELEMENTWISE and _squeezed(own) != _squeezed(shape) and None not in shape:
        raise DataError(
            f"{place}: the model gives {_said(shape)} for an example, got labels of {_said(own)}; "
            "change the last layer or the labels"
        )


_ELEMENTWISE = {
    *("binary_crossentropy", "categorical_crossentropy", "mean_squared_error"),
    *("mean_absolute_error", "mean_squared_logarithmic_error", "huber", "log_cosh", "poisson"),
}


def _check_sparse(
    labels: Any, own: tuple[int, ...], shape: tuple[int | None, ...], units: int | None, place: str
) -> None:
    if own == shape and units is not None and units > 1:
        raise DataError(
            f"{place}: sparse_categorical_crossentropy takes single labels, got one-hot ones of "
            f"shape {own}; compile with categorical_crossentropy, or take y.argmax(-1)"
        )
    if labels.dtype.kind == "f" and (labels % 1 != 0).any():
        raise DataError(
            f"{place}: sparse_categorical_crossentropy takes whole numbers, got "
            f"{labels[labels % 1 != 0].reshape(-1)[0]}; number the classes, or use a regression "
            "loss such as mse"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (units is not None and high >= units):
        remedy = "number the classes from 0" if low < 0 else f"give it {high + 1} units"
        raise DataError(
            f"{place}: labels must lie in 0..{units - 1 if units else '...'} as the last layer has "
            f"{units} units, got {low} to {high}; {remedy}"
        )


def _squeezed(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Keras takes (n,) for (n, 1), and the reverse."""
    return shape[:-1] if shape and shape[-1] == 1 else shape


def _said(shape: tuple[int | None, ...]) -> str:
    return "one number" if not shape else f"shape {shape}"


def check_inputs(
    expected: Mapping[str, tuple[int | None, ...]] | tuple[int | None, ...], x: Any
) -> None:
    """Refuse inputs that the model does not take: by name where it has several, else one array.

    `expected`: shapes without the batch.

    Raises: DataError with the nearest name, or both shapes.
    """
    if isinstance(expected, Mapping):
        if _is_array(x):
            raise DataError(
                f"x must have an array for each of the model's inputs, {', '.join(expected)}, got "
                "one array; give a dictionary of arrays by those names"
            )
        if not isinstance(x, Mapping):
            return  # by their order, which Keras checks
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
            f"x must be one array, as the model has one input, got {type(x).__name__}; give the "
            "model an Input for each"
        )
    _check_shape("x", expected, x)


def _check_shape(place: str, expected: tuple[int | None, ...], array: Any) -> None:
    got = tuple(array.shape[1:])
    shorter, longer = _squeezed(got), _squeezed(expected)  # Keras adds or drops a last axis of 1
    fits = len(shorter) == len(longer) and all(
        theirs in (None, ours) for ours, theirs in zip(shorter, longer, strict=True)
    )
    if not fits:
        raise DataError(
            f"{place}: the model takes examples of shape {expected}, got {got}; change the Input "
            "or reshape the data"
        )
