"""The folds of cross-validation: training and validation part together, cut into K parts."""

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
    """What one model is trained and evaluated on, of the data that all models share.

    `rows`: those of the training part that it is trained on. `first`, `stop`: the rows of the
    validation part that it is evaluated on.
    """

    rows: Rows
    first: int
    stop: int

    def part(self, data: Data) -> Part:
        """The examples that it is trained on; no copy where those are all."""
        whole = data.train
        return whole if len(self.rows) == whole.size else whole.take(self.rows)

    def parts(self, data: Data) -> Data:
        """Return the data for the user's `fit`: this model's rows, and no test data."""
        held_out = data.validation.take(slice(self.first, self.stop))
        return Data(self.part(data), held_out, None, data.class_names, data.class_weight)


def undivided(data: Data) -> FoldData:
    """All of the data: without cross-validation, or where a model is trained on everything."""
    return FoldData(np.arange(data.train.size), 0, data.validation.size)


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """How many folds there are, from 2, and the seed that shuffles the examples into them."""

    count: int
    seed: int

    def check(self, data: Data) -> None:
        """Refuse data that cannot be cut so.

        Raises: UsageError when there are more folds than examples, or than examples of a class.
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
        """The data to train on, and what each fold takes of them.

        Those data hold training and validation examples together, fold by fold, so that one copy
        serves all folds: their `train` and `validation` are the same examples. Each is weighted
        where the problem's part was; an example of a part without weights then counts 1.
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
        """Training and validation rows of each fold; those of the validation part come last.

        Stratified where labels are integers, one for each example; scikit-learn's own folds.
        """
        from sklearn.model_selection import KFold, StratifiedKFold

        labels = _labels(_both(data.train.y, data.validation.y))
        kind = KFold if labels is None else StratifiedKFold
        folds = kind(self.count, shuffle=True, random_state=self.seed)
        yield from folds.split(np.zeros(data.train.size + data.validation.size), labels)


def _both(one: Arrays, other: Arrays) -> Arrays:
    return trees.paired(lambda mine, its: np.concatenate([mine, its]), one, other)


def _labels(y: Arrays) -> "np.ndarray[Any, Any] | None":
    """The class of each example; None where y is something else."""
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iub" or y.size != len(y):
        return None
    return y.reshape(-1)


def _weights(train: Part, validation: Part, place: Rows, *, training: bool) -> Arrays | None:
    """The weights of all examples where `train`, or else `validation`, has some."""
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
