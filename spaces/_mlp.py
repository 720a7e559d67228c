"""What the problems on small grey images share: a multilayer perceptron and its search space."""

from typing import TYPE_CHECKING, Any

from search import Choice, Float, Int, Space
from search.parameters import Params

if TYPE_CHECKING:
    import keras

ACTIVATIONS = ("relu", "elu", "selu", "gelu", "tanh", "sigmoid")
INITIALIZERS = ("glorot_uniform", "he_normal", "lecun_normal")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")


def space(*, neurons: Int, batch_size: Choice, epochs: Int) -> Space:
    """The space of a multilayer perceptron; `neurons` is repeated per layer and may take any shape.

    One range of learning rates serves every optimizer: its upper half is for sgd, its middle for
    momentum and its lower half for the adaptive ones. Dropout moves in steps so that many
    configurations have none: those train fastest.
    """
    return Space(
        Int("layers", 1, 3),
        neurons,
        Choice("activation", ACTIVATIONS, per="layers", shapes=("same", "free")),
        Choice("initializer", INITIALIZERS),
        Choice("optimizer", OPTIMIZERS),
        Float("learning_rate", 5e-4, 1e-1, log=True, levels=(1e-3, 1e-2, 1e-1)),
        batch_size,
        Float("dropout", 0.0, 0.2, step=0.1, levels=(0.0, 0.2)),
        epochs,
    )


def classifier(
    space: Space, params: Params, *, shape: tuple[int, ...], dtype: str, scale: float, classes: int
) -> "keras.Model":
    """A compiled classifier of raw inputs `(n, *shape)` of `dtype`; `scale` brings them to 0..1."""
    import keras

    model = keras.Sequential([keras.Input(shape, dtype=dtype)])
    model.add(keras.layers.Rescaling(scale))
    model.add(keras.layers.Flatten())
    widths = space.per_layer(params, "neurons")
    activations = space.per_layer(params, "activation")
    initializer = str(params["initializer"])
    for width, activation in zip(widths, activations, strict=True):
        model.add(keras.layers.Dense(width, activation, kernel_initializer=initializer))
        if params["dropout"]:
            model.add(keras.layers.Dropout(params["dropout"]))
    model.add(keras.layers.Dense(classes, "softmax", kernel_initializer=initializer))
    model.compile(
        optimizer=optimizer(str(params["optimizer"]), float(params["learning_rate"])),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def optimizer(name: str, learning_rate: float) -> Any:
    """The optimizer that one of OPTIMIZERS stands for; momentum and nesterov are SGD with 0.9."""
    import keras

    if name in ("momentum", "nesterov"):
        return keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=name == "nesterov")
    return keras.optimizers.get({"class_name": name, "config": {"learning_rate": learning_rate}})
