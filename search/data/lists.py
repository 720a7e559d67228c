"""Conversion of lists to arrays; refusal of streams, ragged and sparse rows."""

from collections.abc import Iterator, Mapping
from typing import Any

from search.errors import DataError

PAD = "Pad them to one length (keras.utils.pad_sequences)"


def as_arrays(structure: Any, count: int | None = None) -> Any:
    """Convert lists of numbers or texts in a structure of inputs or outputs to arrays.

    A list of arrays means several inputs. It means the examples if it has `count` arrays (the
    number of examples) and none of them has `count` rows.

    Raises:
        DataError: Rows have different lengths, or a list mixes numbers and texts.
    """
    if isinstance(structure, Mapping):
        return {name: as_arrays(part, count) for name, part in structure.items()}
    if type(structure) not in (list, tuple) or not structure:
        return structure
    if all(map(_is_scalar, structure)):
        return _array(structure)
    lengths = {_length(item) for item in structure}
    are_inputs = count is not None and lengths == {count} and len(structure) != count
    if all(isinstance(item, list | tuple) for item in structure) and not are_inputs:
        if all(map(_holds_values, structure)):
            return _array(structure)
    elif count == len(structure) and count not in lengths and all(map(_is_array, structure)):
        return _array(structure)
    return type(structure)([as_arrays(part, count) for part in structure])


def count_of(structure: Any) -> int | None:
    """Return the number of examples in arrays or in a list of values; None if unclear."""
    if isinstance(structure, Mapping):
        return next((count_of(part) for part in structure.values()), None)
    if isinstance(structure, list | tuple):
        values = structure and all(map(_is_scalar, structure))
        return len(structure) if values else None
    return _length(structure)


def refuse_stream(where: str, thing: Any) -> None:
    """Refuse streams of examples, and ragged and sparse rows.

    Raises:
        DataError: `thing` is one of these. The message says how to convert it to arrays, and
            `where` it is.
    """
    kinds = {kind.__name__ for kind in type(thing).__mro__}
    name = type(thing).__name__
    if "DatasetV2" in kinds:
        got, remedy = "a tf.data pipeline", "Use search.data.dataset_part(dataset)"
    elif "PyDataset" in kinds:
        got, remedy = f"the PyDataset {name}", "Join its batches to arrays (numpy.concatenate)"
    elif isinstance(thing, Iterator) or _is_function(thing):
        remedy = (
            "Join its examples to arrays (numpy.stack), or pass "
            "tf.data.Dataset.from_generator(...) to search.data.dataset_part"
        )
        got = "a generator"
    elif "RaggedTensor" in kinds or "RaggedTensorValue" in kinds:
        got, remedy = "rows of different lengths", PAD
    elif hasattr(thing, "toarray") or "SparseTensor" in kinds:
        got, remedy = "a sparse matrix", "Convert it (toarray(), or tf.sparse.to_dense)"
    elif hasattr(thing, "__iter__") and hasattr(thing, "batch_size"):
        got, remedy = f"a {name}", "Join its batches to arrays (numpy.concatenate)"
    else:
        return
    raise DataError(f"{where}: data must be arrays in memory, not {got}. {remedy}.")


def _is_function(thing: Any) -> bool:
    return callable(thing) and not hasattr(thing, "shape")


def _array(rows: Any) -> Any:
    import numpy as np

    try:
        array = np.asarray(rows)
    except ValueError as error:
        raise DataError(f"The rows of a list have different lengths. {PAD}.") from error
    if array.dtype.kind in "US" and not all(map(_is_text, _flat(rows))):
        raise DataError(
            "A list contains both numbers and texts. Use a separate input for each, or write all "
            "as texts."
        )
    return array


def _flat(rows: Any) -> Iterator[Any]:
    for item in rows:
        if isinstance(item, list | tuple):
            yield from _flat(item)
        else:
            yield item


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes) or getattr(getattr(value, "dtype", None), "kind", "") in (
        *"US",
    )


def _is_array(thing: Any) -> bool:
    return hasattr(thing, "shape") and hasattr(thing, "dtype") and not _is_scalar(thing)


def _is_scalar(value: Any) -> bool:
    if value is None or isinstance(value, str | bytes | int | float | complex):
        return True
    return hasattr(value, "dtype") and getattr(value, "shape", None) == ()


def _holds_values(item: Any) -> bool:
    return all(_is_scalar(value) for value in _flat(item))


def _length(thing: Any) -> int | None:
    try:
        return None if isinstance(thing, str | bytes) else len(thing)
    except TypeError:
        return None
