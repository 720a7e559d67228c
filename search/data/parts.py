"""Data of a problem: training, validation and test parts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from search.data import lists, trees
from search.data.class_weights import class_weights
from search.errors import UsageError
from search.runtime.type_checks import check_kind

if TYPE_CHECKING:
    import numpy as np


# An array, or a structure of them.
Arrays: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the data: n examples.

    Attributes:
        x: Inputs: an array `(n, ...)`, or a dictionary, tuple or list of arrays for a model with
            several inputs, with the names or in the order of the model's inputs. Lists of numbers
            or texts become arrays.
        y: Labels, in the same form as `x`. None for data without labels; the model's `train_step`
            then gets x, as with `fit(x)`.
        weights: Weight of each example in the loss and in weighted metrics: `(n,)`, or the
            structure of `y`. None gives all examples the same weight.
        given: Arrays that are not examples, such as weights of an earlier model. `statistics` can
            pass them to `build`. `take` keeps them whole.
        columns: Names of the columns of each array in x, for messages. Keys are "x", or "x.wide"
            for the input "wide".

    Raises:
        DataError: A list has rows of different lengths, or mixes numbers and texts.
    """

    x: Arrays
    y: Arrays | None
    weights: Arrays | None = None
    given: Arrays | None = None
    columns: Mapping[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        count = lists.count_of(self.y) or lists.count_of(self.x)
        for name in ("x", "y", "weights"):
            object.__setattr__(self, name, lists.as_arrays(getattr(self, name), count))

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(trees.first(self.x))

    def take(self, rows: "slice | np.ndarray[Any, Any]") -> "Part":
        """Return a part with the examples that `rows` selects, in this order."""

        def picked(array: Any) -> Any:
            return array[rows]

        weights = None if self.weights is None else trees.mapped(picked, self.weights)
        x, y = trees.mapped(picked, self.x), trees.mapped(picked, self.y)
        return replace(self, x=x, y=y, weights=weights)


_PARTS = "Write Part(x, y), or make a part with search.data"


@dataclass(frozen=True, slots=True)
class Data:
    """Training, validation and test parts, with raw inputs as the exported model will get them.

    Attributes:
        train: Training part.
        validation: Validation part; trials are scored on it.
        test: Test part. Only the winner is evaluated on it, once. None for no test data.
        class_names: Class names; `class_names[k]` is the class of label k.
        class_weight: Weight in the loss of the training examples of each label, by label or by
            class name (1.0 for a label that is left out), or "balanced": n / (number of classes *
            examples of the class). Requires a model with one output, and excludes weights of the
            training part.

    Raises:
        UsageError: A part is not a `Part`, both kinds of weights are given, or class weights do
            not fit the labels of the training part.
    """

    train: Part
    validation: Part
    test: Part | None = None
    class_names: tuple[str, ...] = ()
    class_weight: Mapping[Any, float] | Literal["balanced"] | None = None

    def __post_init__(self) -> None:
        for name, part in (("train", self.train), ("validation", self.validation)):
            check_kind(f"Data's {name}", part, Part, _PARTS)
        if self.test is not None:
            check_kind("Data's test", self.test, Part, _PARTS)
        if self.class_weight is not None and self.train.weights is not None:
            raise UsageError(
                "Data has both class_weight and weights of the training part. Multiply the class "
                "weights into the weights, and remove class_weight."
            )
        if self.class_weight is not None:
            checked = class_weights(self.class_weight, self.train.y, self.class_names)
            object.__setattr__(self, "class_weight", checked)
