"""Cross-validation: split the training and validation parts together into K folds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from search.data import trees
from search.data.parts import Arrays, Data, Part
from search.errors import UsageError

Rows: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


@dataclass(frozen=True, slots=True)
class FoldData:
    """The training and validation examples of one model, as rows of the shared data.

    `rows`: rows of the training part for training. `first`, `stop`: range of rows of the validation
    part for evaluation.
    """

    rows: Rows
    first: int
    stop: int

    def part(self, data: Data) -> Part:
        """Return the training examples of this model; without a copy if they are the whole part."""
        whole = data.train
        return whole if len(self.rows) == whole.size else whole.take(self.rows)

    def parts(self, data: Data) -> Data:
        """Return the data for the user's `fit`: the examples of this model, without test data."""
        held_out = data.validation.take(slice(self.first, self.stop))
        return Data(self.part(data), held_out, None, data.class_names, data.class_weight)


def undivided(data: Data) -> FoldData:
    """Return the rows of all data, for training without folds."""
    return FoldData(np.arange(data.train.size), 0, data.validation.size)


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """K-fold cross-validation. `count`: number of folds, from 2. `seed`: of the shuffle."""

    count: int
    seed: int

    def check(self, data: Data) -> None:
        """Check that the data can be split into this number of folds.

        Raises: UsageError if there are more folds than examples, or than examples of a class.
        """
        labels = _labels(_both(data.train.y, data.validation.y))
        if labels is None:
            size = data.train.size + data.validation.size
            if size < self.count:
                raise UsageError(
                    f"--cv must be at most the {size} examples of training and validation data "
                    f"together, got {self.count}; lower it"
                )
            return
        values, counts = np.unique(labels, return_counts=True)
        rarest = counts.argmin()
        if counts[rarest] < self.count:
            raise UsageError(
                f"--cv must be at most the {counts[rarest]} examples of the rarest label, "
                f"{values[rarest]}, got {self.count}; lower it, or give y as floats"
            )

    def of(self, data: Data) -> tuple[Data, list[FoldData]]:
        """Return the data sorted by fold, and the rows of each fold.

        The data contain the training and validation examples in one copy for all folds: `train` and
        `validation` are the same arrays of x and y. `train` has weights if the training part of the
        problem has weights, `validation` if the validation part has. Examples of a part without
        weights then have weight 1.
        """
        parts = list(self.splits(data))
        place = np.concatenate([rows for _, rows in parts])
        x, y = (
            trees.mapped(lambda array: array[place], _both(one, other))
            for one, other in (
                (data.train.x, data.validation.x),
                (data.train.y, data.validation.y),
            )
        )
        whole = Data(
            Part(x, y, _weights(data.train, data.validation, place, training=True)),
            Part(x, y, _weights(data.train, data.validation, place, training=False)),
            data.test,
            data.class_names,
            data.class_weight,
        )
        every, grounds, first = np.arange(len(place)), [], 0
        for _, rows in parts:
            stop = first + len(rows)
            others = np.concatenate([every[:first], every[stop:]])
            grounds.append(FoldData(others, first, stop))
            first = stop
        return whole, grounds

    def splits(self, data: Data) -> Iterator[tuple[Rows, Rows]]:
        """Yield the training rows and the validation rows of each fold.

        Rows are numbered through the training part, then the validation part. The folds are those
        of scikit-learn: StratifiedKFold if y contains one integer label per example, else KFold.
        """
        from sklearn.model_selection import KFold, StratifiedKFold

        labels = _labels(_both(data.train.y, data.validation.y))
        kind = KFold if labels is None else StratifiedKFold
        folds = kind(self.count, shuffle=True, random_state=self.seed)
        yield from folds.split(np.zeros(data.train.size + data.validation.size), labels)


def _both(one: Arrays, other: Arrays) -> Arrays:
    return trees.paired(lambda mine, its: np.concatenate([mine, its]), one, other)


def _labels(y: Arrays) -> "np.ndarray[Any, Any] | None":
    """Return the class of each example; None if y is not one integer label per example."""
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iub" or y.size != len(y):
        return None
    return y.reshape(-1)


def _weights(train: Part, validation: Part, place: Rows, *, training: bool) -> Arrays | None:
    """Return weights for all examples; None if the part that `training` selects has no weights."""
    given = (train if training else validation).weights
    if given is None:
        return None

    def ones(part: Part) -> Arrays:
        return trees.mapped(
            lambda array: np.ones((part.size, *array.shape[1:]), array.dtype), given
        )

    both = (
        part.weights if part.weights is not None else ones(part) for part in (train, validation)
    )
    return trees.mapped(lambda array: array[place], _both(*both))
