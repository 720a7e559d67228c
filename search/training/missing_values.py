"""Missing values (NaN): allowed where a step of the model makes finite numbers of them."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data import trees
from search.data.parts import Data, Part
from search.errors import DataError
from search.problem._data_checks import missing, missing_in_words
from search.training import model_steps

if TYPE_CHECKING:
    import keras

_FILL_X = "Replace NaN in a layer of the model, fill the values in, or drop those rows"
_FILL_Y = (
    "Leave NaN out of the loss and of its gradient, or write a number that stands for missing and "
    "give it weight 0, or drop those rows"
)


class MissingValues:
    """The NaN in the data of a study, for which each trial's model is checked.

    The values are looked through once; data without NaN cost a trial nothing.
    """

    def __init__(self, data: Data) -> None:
        self._data = data

    @cached_property
    def _found(self) -> dict[str, dict[str, Any]]:
        """The arrays that hold NaN, by part and place."""
        parts = ((name, getattr(self._data, name)) for name in ("train", "validation", "test"))
        return {name: _places(part, name) for name, part in parts if part is not None}

    def check(self, model: "keras.Model", batch_size: int) -> None:
        """Refuse NaN of which the first batch that holds some makes a loss or metric not finite.

        Each trial may have another loss, and other metrics and layers. The model is as before
        afterwards.

        Raises: DataError naming the array, the rows, and what to do.
        """
        for name, step in (("train", "train_step"), ("validation", "test_step")):
            part, found = getattr(self._data, name), self._found[name]
            if not found or (step == "test_step" and model_steps.why_not_evaluated(model)):
                continue
            wrong = _not_finite(model, getattr(model, step), _first_batch(part, found, batch_size))
            if wrong:
                raise _refused(part, found, f"{wrong} of the model is then not finite", name)
        self._check_test()

    def _check_test(self) -> None:
        """Refuse NaN in test data where no model of the study has been tried on some."""
        known = {place[len(n) :] for n in ("train", "validation") for place in self._found[n]}
        found = self._found.get("test", {})
        new = {place: array for place, array in found.items() if place[len("test") :] not in known}
        if new:
            reason = "train and validation have none there"
            raise _refused(self._data.test, new, reason, "test")


def _places(part: Part, name: str) -> dict[str, Any]:
    """The arrays of a part that hold NaN, by their places."""
    named: Iterator[tuple[str, Any]] = (
        pair for side in ("x", "y") for pair in trees.named(getattr(part, side), f"{name}.{side}")
    )
    return {place: array for place, array in named if missing(array).any()}


def _first_batch(part: Part, found: dict[str, Any], size: int) -> Any:
    """The first batch, else the first that holds NaN, as a step of the model is given it."""
    row = min(int(missing(array).argmax()) for array in found.values())
    first = row - row % size
    return model_steps.tensors(model_steps.packed(part.take(slice(first, first + size))))


def _not_finite(model: "keras.Model", step: Any, batch: Any) -> str:
    """Return the names of values that are not finite after a step; undo the step."""
    variables = model_steps.variables(model)
    before = [variable.numpy() for variable in variables]
    logs = step(batch)
    values = {name: np.asarray(value, dtype=float) for name, value in dict(logs).items()}
    wrong = [name for name, value in values.items() if not np.isfinite(value).all()]
    if not wrong and any(not np.isfinite(v.numpy()).all() for v in model.trainable_variables):
        wrong = ["the gradient"]
    model.reset_metrics()
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return ", ".join(wrong)


def _refused(part: Part | None, found: dict[str, Any], reason: str, name: str) -> DataError:
    place, array = next(iter(found.items()))
    columns = ((part and part.columns) or {}).get(place.removeprefix(f"{name}."), ())
    remedy = _FILL_X if place.startswith(f"{name}.x") else _FILL_Y
    return DataError(f"{missing_in_words(place, array, columns)}, and {reason}. {remedy}")
