"""Whether a model and its data fit each other, told before the first trial of a process trains."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from search.data import texts, trees
from search.data.parts import Part
from search.errors import DataError, UsageError
from search.problem import _data_checks
from search.problem.objective import Objective
from search.training import model_steps

if TYPE_CHECKING:
    import keras

Shape: TypeAlias = tuple[int | None, ...]


def check(model: "keras.Model", part: Part) -> None:
    """Refuse a built model whose shapes, dtypes or loss do not match these examples.

    The model is inspected and not called. If Keras raises an exception in training, the trial
    fails.

    Raises: DataError that names inputs, outputs and labels.
    """
    expected = _declared(model, "input")
    if expected is not None:
        _data_checks.check_inputs(expected, part.x)
    _check_dtypes(model, part.x)
    if part.y is None:
        _check_loss_without_labels(model)
    given = _declared(model, "output")
    loss = _name(model.loss) if model.compiled else None
    if loss is not None and isinstance(given, tuple) and isinstance(part.y, np.ndarray):
        _data_checks.check_labels(loss, part.y, given)


def check_given(model: "keras.Model", part: Part) -> None:
    """Refuse a model to which the user's `fit` passes other inputs than the data have.

    Raises: DataError that says where to change the inputs.
    """
    expected = _declared(model, "input")
    if expected is None:
        return
    try:
        _data_checks.check_inputs(expected, part.x)
    except DataError as error:
        problem = str(error).partition(". ")[0]
        raise DataError(
            f"{problem}. Where fit cuts or changes the inputs, do it inside the model: begin with "
            "an Input of the data's shape, then slice, crop or scale it by layers, so that "
            "validation, test, export and predictions do it too"
        ) from error


def _check_dtypes(model: "keras.Model", x: Any) -> None:
    """Refuse texts for an input of numbers, and the reverse, where the model declares one input."""
    inputs: Any = getattr(model, "inputs", None) or ()
    found = dict(trees.named(x, "x"))
    if len(inputs) != 1 or len(found) != 1:
        return
    place, array = next(iter(found.items()))
    wanted = str(inputs[0].dtype)
    if texts.is_text(array) == (wanted == texts.STRING):
        return
    got = "texts" if texts.is_text(array) else str(array.dtype)
    remedy = 'give it keras.Input(..., dtype="string") and a TextVectorization or StringLookup'
    if wanted == texts.STRING:
        remedy = "give it texts (x.astype(str)), or an Input of numbers"
    raise DataError(f"{place}: the model's input is of {wanted}, got {got}; {remedy}")


def _check_loss_without_labels(model: "keras.Model") -> None:
    """Refuse a loss of `compile` for data without labels, where Keras's own step would need them.

    Raises: DataError.
    """
    if not model.compiled or model.loss is None:
        return
    if any(model_steps.defines(model, own) for own in ("train_step", "compute_loss", "fit")):
        return
    raise DataError(
        "train.y: the model is compiled with a loss, which needs labels, and the data have none. "
        "Give labels (an autoencoder has Part(x, x)), or define train_step in the model"
    )


def call(model: "keras.Model", part: Part, rows: int = 1) -> None:
    """Have an unbuilt model build itself for the first of these examples.

    A model that cannot be called with its inputs alone, as a GAN or a diffusion model, is built by
    a trace of its `train_step`.

    Raises: DataError if its first layer does not accept them; any other exception of Keras.
    """
    if not model_steps.is_callable(model):
        _build_by_step(model, part)
        return
    x = model_steps.as_tensors(part.take(slice(rows)).x)
    try:
        model(x)
    except ValueError as error:
        first = model.layers[0].name if model.layers else ""
        said = " ".join(str(error).split())
        if f"layer '{first}' is incompatible" not in said:
            raise
        shape = ", ".join(str(array.shape[1:]) for _, array in trees.named(x, "x"))
        raise DataError(
            f"x: the model's first layer, {first}, cannot take examples of shape {shape} "
            f"({said.partition('incompatible with the layer: ')[2].partition('.')[0]}); reshape "
            "the data, or begin with a Reshape"
        ) from error


def check_batches(
    model: "keras.Model", part: Part, size: int, counts: Mapping[str, tuple[int, int]]
) -> None:
    """Refuse data whose last batches a model of one batch size does not take.

    `size`: the model's. `counts`: the examples of each part, and in which batches it gets them. The
    model is called with each other number of rows that comes up; its variables stay as they were.

    Raises: DataError.
    """
    for name, (count, batch) in counts.items():
        for rows in sorted({min(batch, count), count % batch} - {0, size}):
            if not _takes(model, part, rows):
                raise DataError(
                    f"the model takes batches of {size} examples, and {count} {name} examples in "
                    f"batches of {batch} give it one of {rows}. Give a number of examples that "
                    f"{size} divides and batch_size={size}, or a model that takes any batch"
                )


def _takes(model: "keras.Model", part: Part, rows: int) -> bool:
    states = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    try:
        x = model_steps.as_tensors(part.take(np.resize(np.arange(part.size), rows)).x)
        model(x, training=False)
    except Exception:  # noqa: BLE001 - the model is the user's code: whatever it raises, it does not
        return False
    finally:
        for variable, value in states:
            variable.assign(value)
    return True


def _build_by_step(model: "keras.Model", part: Part) -> None:
    if model_steps.defines(model, "train_step") and model.compiled:
        model_steps.trace(model.train_step, model_steps.packed(part.take(slice(1))))
        # its layers are: Keras saves and counts without a warning only where the model says so too
        model.built = True


def check_evaluation(model: "keras.Model", objective: Objective) -> None:
    """Refuse an objective on validation data for a model that Keras cannot evaluate.

    Raises: UsageError with what to define.
    """
    reason = model_steps.why_not_evaluated(model) if model.compiled else None
    if reason is not None and objective.metric.startswith("val_"):
        raise UsageError(
            f"the objective {objective.metric} cannot be had: {reason}. Define `call` and "
            "`test_step`, give the problem a fit= that returns val_ metrics, or choose a metric of "
            "the training"
        )


def _declared(model: "keras.Model", side: str) -> dict[str, Shape] | Shape | None:
    """The shapes of a model's "input" or "output" without the batch, by name where it has several.

    None where it declares none, as a subclass of keras.Model that was built by a call.
    """
    try:
        shape = getattr(model, f"{side}_shape")
        tensors = getattr(model, f"{side}s")
    except (AttributeError, ValueError):
        return None
    if isinstance(shape, dict):
        return {name: tuple(one[1:]) for name, one in shape.items()}
    if len(tensors) > 1:
        return {tensor.name: tuple(tensor.shape[1:]) for tensor in tensors}
    return tuple(tensors[0].shape[1:])


def _name(loss: Any) -> str | None:
    """Keras's name of a loss that is one of its own; None for others, and for several."""
    import keras

    try:
        found = keras.losses.get(loss) if isinstance(loss, str) else loss
    except ValueError:
        return None
    if found is None or not getattr(found, "__module__", "").startswith("keras."):
        return None
    if not isinstance(found, keras.losses.Loss):
        return str(getattr(found, "__name__", ""))
    function = getattr(found, "fn", None)  # Keras's losses are classes around its functions
    return None if function is None else str(getattr(function, "__name__", ""))
