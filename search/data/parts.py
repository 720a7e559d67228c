"""The data of a problem: training, validation and test parts."""

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

    `x` and `y`: arrays `(n, ...)`, or dictionaries, tuples or lists of them for a model with
    several inputs or outputs, as the model names or orders them; `y` is None for data without
    labels, and the model's `train_step` is then given x, as by `fit(x)`. `weights`: what each
    example counts in the loss and in weighted metrics, `(n,)`, or the structure of `y`; None counts
    all alike. `given`: arrays that are no examples and that `statistics` may hand on to `build`,
    such as an earlier model's weights; they stay with whatever is taken from the part. `columns`:
    the names of the columns of an array of x, by its place ("x", or "x.wide"), for messages.

    Lists of numbers or of texts become arrays.

    Raises: DataError for a list of rows of different lengths, or one of numbers and texts.
    """

    x: Arrays
    y: Arrays | None
    weights: Arrays | None = None
    given: Arrays | None = None
    columns: Mapping[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        count = lists.count_of(self.y) or lists.count_of(self.x)
        for place in ("x", "y", "weights"):
            object.__setattr__(self, place, lists.as_arrays(getattr(self, place), count))

    @property
    def size(self) -> int:
        """n, the number of examples."""
        return len(trees.first(self.x))

    def take(self, rows: "slice | np.ndarray[Any, Any]") -> "Part":
        """The examples that `rows` picks, in that order."""

        def picked(array: Any) -> Any:
            return array[rows]

        weights = None if self.weights is None else trees.mapped(picked, self.weights)
        x, y = trees.mapped(picked, self.x), trees.mapped(picked, self.y)
        return replace(self, x=x, y=y, weights=weights)


_PARTS = "write Part(x, y), or make one with search.data"


@dataclass(frozen=True, slots=True)
class Data:
    """Training, validation and test parts, as a client of the finished model would feed them.

    `test` is touched once, by the winner. `class_names[k]` says what label k means.
    `class_weight`: what a training example of each label counts in the loss (1.0 for a label that
    is left out), by label or by class name, or "balanced": n / (classes * examples of the class).
    It is for a model with one output, and goes with no weights of the training part.

    Raises: UsageError for what is no `Part`, for both kinds of weights at once, and for class
    weights that do not fit the labels of the training part.
    """

    train: Part
    validation: Part
    test: Part | None = None
    class_names: tuple[str, ...] = ()
    class_weight: Mapping[Any, float] | Literal["balanced"] | None = None

    def __post_init__(self) -> None:
        for place, part in (("train", self.train), ("validation", self.validation)):
            check_kind(f"Data's {place}", part, Part, _PARTS)
        if self.test is not None:
            check_kind("Data's test", self.test, Part, _PARTS)
        if self.class_weight is not None and self.train.weights is not None:
            raise UsageError(
                "data must have class_weight or weights of the training part, got both; multiply "
                "them into the weights"
            )
        if self.class_weight is not None:
            checked = class_weights(self.class_weight, self.train.y, self.class_names)
            object.__setattr__(self, "class_weight", checked)
