"""Parts from `tf.data` pipelines, which must yield the same rows in every pass."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from search.data import lists, trees
from search.data.parts import Part
from search.errors import DataError
from search.runtime.clock import SystemClock

if TYPE_CHECKING:
    import tensorflow as tf

_MEGABYTE = 2**20
_SECONDS = 0.5  # limit of the second pass, which detects random rows


def dataset_part(
    dataset: "tf.data.Dataset", megabytes: int = 2048, batched: bool | None = None
) -> Part:
    """Make a part from a finite `tf.data` pipeline of x, `(x, y)` or `(x, y, weights)`.

    The pipeline is read once, and the examples are kept in memory.

    Args:
        dataset: The pipeline.
        megabytes: Limit on the size of the examples in memory, in MiB.
        batched: Whether each element is a batch. Default: decided by the shapes of the elements.

    Returns:
        The part.

    Raises:
        DataError: The pipeline is infinite, empty, larger than `megabytes`, or random, its rows
            have different lengths, or `dataset` is another kind of stream.
    """
    import numpy as np
    import tensorflow as tf

    if not isinstance(dataset, tf.data.Dataset):
        lists.refuse_stream("dataset", dataset)
        raise DataError(
            f"dataset must be a tf.data.Dataset, not {type(dataset).__name__}. For arrays, use "
            "search.data.part."
        )
    if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise DataError(
            "The tf.data pipeline is infinite. Remove repeat(), or limit the number of examples "
            "with dataset.take(...)."
        )
    spec = dataset.element_spec
    elements = (1, 2, 3) if isinstance(spec, tuple) else (0,)
    if isinstance(spec, tuple) and len(spec) not in elements:
        raise DataError(
            f"The tf.data pipeline must yield x, (x, y) or (x, y, weights), not {len(spec)} parts "
            f"({spec}). Add a map(...) to it."
        )
    for name, one in trees.named(spec, "element"):
        if not isinstance(one, tf.TensorSpec):
            lists.refuse_stream(name, one)
            raise DataError(
                f"{name} must be a dense tensor, not {one}. {lists.PAD}, or use to_tensor()."
            )
    if batched is None:
        batched = _is_batched(spec)
    rows: list[Any] = []
    size = 0
    for element in dataset.as_numpy_iterator():
        rows.append(element)
        size += sum(np.asarray(array).nbytes for _, array in trees.named(element, ""))
        if size > megabytes * _MEGABYTE:
            raise DataError(
                f"The examples of the tf.data pipeline need more than {megabytes} MB of memory. "
                "Increase the megabytes argument, or limit the number of examples with "
                "dataset.take(...)."
            )
    if not rows:
        raise DataError("The tf.data pipeline has no examples. Check the data that it reads.")
    _refuse_random(dataset, rows, batched=batched)
    try:
        joined = _joined(rows, np.concatenate if batched else np.stack)
    except ValueError as error:
        raise DataError(
            f"The rows of the tf.data pipeline have different shapes. {lists.PAD}."
        ) from error
    return Part(*joined) if isinstance(spec, tuple) and len(spec) > 1 else _unlabelled(joined, spec)


def _unlabelled(joined: Any, spec: Any) -> Part:
    return Part(joined[0] if isinstance(spec, tuple) else joined, None)


def _refuse_random(dataset: Any, elements: list[Any], *, batched: bool) -> None:
    """Refuse a pipeline whose second pass yields rows that the first pass did not.

    Another order of the same rows is accepted, because training shuffles them. The second pass
    ends after _SECONDS.
    """
    first_pass = {row for element in elements for row in _rows(element, batched=batched)}
    clock = SystemClock()
    started = clock.seconds()
    for element in dataset.as_numpy_iterator():
        if not first_pass.issuperset(_rows(element, batched=batched)):
            raise DataError(
                "The tf.data pipeline yields other rows in a second pass, so all epochs would "
                "train on the same random draw. Give shuffle, sample and random maps a seed, or "
                "put random layers (keras.layers.RandomFlip) into the model."
            )
        if clock.seconds() - started > _SECONDS:
            return


def _rows(element: Any, *, batched: bool) -> Iterator[bytes]:
    """Yield a digest of each row of an element."""
    import numpy as np

    found = [np.asarray(array) for _, array in trees.named(element, "")]
    rows = zip(*found, strict=True) if batched else [found]
    for row in rows:
        digest = hashlib.blake2b(digest_size=16)
        for value in map(np.asarray, row):
            plain = value.tobytes() if not value.dtype.hasobject else repr(value.tolist()).encode()
            digest.update(plain + b"\x1e")
        yield digest.digest()


def _is_batched(spec: Any) -> bool:
    shapes = [tensor.shape for _, tensor in trees.named(spec, "")]
    if any(shape.rank == 0 for shape in shapes):
        return False
    if all(shape.rank is not None and shape[0] is None for shape in shapes):
        return True
    raise DataError(
        f"The elements of the tf.data pipeline, of shapes {shapes}, may be batches or single "
        "examples. Pass batched=True or batched=False."
    )


def _joined(elements: list[Any], join: Any) -> Any:
    """Join each array of all elements; keep the structure of an element."""
    one = elements[0]
    if isinstance(one, Mapping):
        return {name: _joined([each[name] for each in elements], join) for name in one}
    if isinstance(one, list | tuple):
        parts = range(len(one))
        return type(one)([_joined([each[i] for each in elements], join) for i in parts])
    return join(elements)
