"""Parts of data from `tf.data` pipelines, which must give the same rows each time."""

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
_SECONDS = 0.5  # for the second pass, which looks for what is drawn at random


def dataset_part(
    dataset: "tf.data.Dataset", megabytes: int = 2048, batched: bool | None = None
) -> Part:
    """A part from a finite `tf.data` pipeline of x, `(x, y)` or `(x, y, weights)`, run once.

    The examples are kept in memory, as all training here is from memory. `batched`: whether an
    element is a batch; by default as the element's shapes say.

    Raises: DataError for an endless pipeline, one larger than `megabytes`, one that draws its rows
    at random, one of rows of different lengths, or another kind of stream.
    """
    import numpy as np
    import tensorflow as tf

    if not isinstance(dataset, tf.data.Dataset):
        lists.refuse_stream("dataset", dataset)
        raise DataError(
            f"dataset must be a tf.data.Dataset, got {type(dataset).__name__}; see part"
        )
    if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise DataError("a pipeline must come to an end, got an endless one; drop repeat()")
    spec = dataset.element_spec
    elements = (1, 2, 3) if isinstance(spec, tuple) else (0,)
    if isinstance(spec, tuple) and len(spec) not in elements:
        raise DataError(
            f"a pipeline must give x, (x, y) or (x, y, weights), got {len(spec)} parts ({spec}); "
            "map it so"
        )
    for place, one in trees.named(spec, "element"):
        if not isinstance(one, tf.TensorSpec):
            lists.refuse_stream(place, one)
            raise DataError(f"{place}: must be a dense tensor, got {one}; {lists.PAD}, to_tensor()")
    if batched is None:
        batched = _is_batched(spec)
    rows: list[Any] = []
    size = 0
    for element in dataset.as_numpy_iterator():
        rows.append(element)
        size += sum(np.asarray(array).nbytes for _, array in trees.named(element, ""))
        if size > megabytes * _MEGABYTE:
            raise DataError(
                f"a pipeline must fit into {megabytes} MB of memory, got more; raise megabytes, or "
                "take(...) fewer examples"
            )
    if not rows:
        raise DataError("a pipeline must give examples, got none; see what it reads")
    _refuse_random(dataset, rows, batched=batched)
    try:
        joined = _joined(rows, np.concatenate if batched else np.stack)
    except ValueError as error:
        raise DataError(
            f"a pipeline must give rows of one shape, got several; {lists.PAD}"
        ) from error
    return Part(*joined) if isinstance(spec, tuple) and len(spec) > 1 else _unlabelled(joined, spec)


def _unlabelled(joined: Any, spec: Any) -> Part:
    return Part(joined[0] if isinstance(spec, tuple) else joined, None)


def _refuse_random(dataset: Any, elements: list[Any], *, batched: bool) -> None:
    """Refuse a pipeline of which a second pass gives rows that the first one did not.

    Another order of the same rows is none of it: training has an order of its own. A pass that
    takes long is looked at in part.
    """
    known = {row for element in elements for row in _rows(element, batched=batched)}
    clock = SystemClock()
    started = clock.seconds()
    for element in dataset.as_numpy_iterator():
        if not known.issuperset(_rows(element, batched=batched)):
            raise DataError(
                "a pipeline must give the same rows each time, got others in a second pass: one "
                "random draw would be kept for all epochs. Give shuffle, sample and random maps a "
                "seed, or put random layers (keras.layers.RandomFlip) into the model"
            )
        if clock.seconds() - started > _SECONDS:
            return


def _rows(element: Any, *, batched: bool) -> Iterator[bytes]:
    """A digest of each row of an element."""
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
        f"a pipeline's elements must be told as batches or examples, got shapes {shapes}, which "
        "may be either; say batched=True or batched=False"
    )


def _joined(elements: list[Any], join: Any) -> Any:
    """Each array of all elements as one, in the structure of an element."""
    one = elements[0]
    if isinstance(one, Mapping):
        return {name: _joined([each[name] for each in elements], join) for name in one}
    if isinstance(one, list | tuple):
        parts = range(len(one))
        return type(one)([_joined([each[i] for each in elements], join) for i in parts])
    return join(elements)
