"""The steps of a model: which of them it defines itself, and whether it can be evaluated."""

import inspect
from typing import TYPE_CHECKING, Any

from search.data import texts, trees
from search.data.parts import Data, Part

if TYPE_CHECKING:
    import keras


def packed(part: Part) -> Any:
    """Return the arrays of a part as Keras's `fit` gives them to a step of training.

    Without labels that is x itself, or `(x,)` where x is a tuple or list.
    """
    import keras

    return keras.utils.pack_x_y_sample_weight(part.x, part.y, part.weights)


def tensors(batch: Any) -> Any:
    """Return the arrays of a batch as tensors."""
    import tensorflow as tf

    return trees.mapped(tf.convert_to_tensor, batch)


def as_tensors(structure: Any) -> Any:
    """Return a structure with texts in it as tensors: Keras 3.15 accepts few NumPy arrays of texts.

    Its `fit`, `evaluate` and `predict` accept arrays of texts only as `(n,)` of str objects; a call
    of a model does not accept arrays together with tensors. A structure without texts is returned
    unchanged.
    """
    if not any(texts.is_text(array) for _, array in trees.named(structure, "x")):
        return structure
    return tensors(texts.as_objects(structure))


def for_fit(data: Data) -> Data:
    """Return data that the user's `fit` can pass to Keras: other texts as tensors."""

    def given(array: Any) -> Any:
        plain = not texts.is_text(array) or (array.ndim == 1 and isinstance(array[0], str))
        return array if plain else as_tensors(array)

    return texts.with_inputs(lambda x: trees.mapped(given, x), texts.for_keras(data))


def variables(model: "keras.Model") -> list[Any]:
    """Return the variables of a model and of all its optimizers."""
    import keras

    kinds = keras.optimizers.Optimizer
    own = [one for one in vars(model).values() if isinstance(one, kinds)]
    if model.compiled and model.optimizer is not None:
        own.append(model.optimizer)
    found = [*model.variables, *(variable for one in own for variable in one.variables)]
    return list({id(variable): variable for variable in found}.values())


def defines(model: "keras.Model", name: str) -> bool:
    """Return whether a model overrides a method of `keras.Model`."""
    import keras

    return name in vars(model) or getattr(type(model), name) is not getattr(keras.Model, name)


def is_callable(model: "keras.Model") -> bool:
    """Return whether a model can be called with its inputs alone, as in evaluation."""
    if not defines(model, "call"):
        return False
    try:
        inspect.signature(model.call).bind(None)
    except TypeError:
        return False
    except ValueError:  # written in C, without a signature
        return True
    return True


def why_not_evaluated(model: "keras.Model") -> str | None:
    """Return why Keras cannot evaluate a compiled model, in words; None where it can.

    `fit` without validation data trains such a model all the same.
    """
    name = type(model).__name__
    if any(defines(model, own) for own in ("test_step", "make_test_function", "evaluate")):
        return None
    if not defines(model, "call"):
        return f"{name} defines no `call` and no `test_step`"
    if not is_callable(model):
        return f"{name} defines no `test_step`, and its `call` takes more than the inputs"
    if defines(model, "train_step") and not _has_loss(model):
        return f"{name} defines no `test_step` and is compiled without a loss"
    return None


def _has_loss(model: "keras.Model") -> bool:
    """Whether Keras's own `test_step` finds a loss: compiled, computed, or added by a layer."""
    if defines(model, "compute_loss") or model._compile_loss is not None or model.losses:
        return True
    return any(map(_adds_loss, model._flatten_layers()))


def _adds_loss(layer: "keras.Layer") -> bool:
    """Whether a layer may add a loss when it is called; it is not called here."""
    import keras

    if layer.activity_regularizer is not None:
        return True
    own = [kind for kind in type(layer).__mro__ if not kind.__module__.startswith("keras.")]
    methods = [method for kind in own for method in vars(kind).values()]
    names = (getattr(getattr(m, "__code__", None), "co_names", ()) for m in methods)
    return isinstance(layer, keras.layers.ActivityRegularization) or any(
        "add_loss" in found for found in names
    )


def trace(step: Any, batch: Any) -> Any:
    """Trace a step of a model for batches like this one, without any calculation.

    Variables that the step creates are there afterwards, with their first values. Return the
    structure of what it gives, as tensors of the graph.
    """
    import tensorflow as tf

    def described(array: Any) -> "tf.TensorSpec":
        return tf.TensorSpec([None, *array.shape[1:]], array.dtype)

    batches = trees.mapped(described, tensors(batch))
    traced = tf.function(step, input_signature=[batches], autograph=False)
    return traced.get_concrete_function().structured_outputs
