"""What the multilayer perceptrons share: their layers and optimizers, and a space for images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from search import Choice, Float, Int, Space
from search.parameters import Params

if TYPE_CHECKING:
    import keras

ACTIVATIONS = ("relu", "elu", "selu", "gelu", "tanh", "sigmoid")
INITIALIZERS = ("glorot_uniform", "he_normal", "lecun_normal")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")


def space(
    *, neurons: tuple[int, int], batch_sizes: tuple[int, ...], levels: tuple[int, ...] = ()
) -> Space:
    """The space of a multilayer perceptron.

    `neurons`: the range for each layer, of which a grid visits `levels`, by default its ends.
    One range of learning rates serves every optimizer: its upper half is for sgd, its middle for
    momentum and its lower half for the adaptive ones. Dropout moves in steps so that many
    configurations have none: those train fastest.
    """
    return Space(
        Int("layers", 1, 3),
        Int(
            "neurons",
            *neurons,
            log=True,
            levels=levels or neurons,
            per="layers",
            shapes=("free", "same", "funnel"),
        ),
        Choice("activation", ACTIVATIONS, per="layers", shapes=("same", "free")),
        Choice("initializer", INITIALIZERS),
        Choice("optimizer", OPTIMIZERS),
        Float("learning_rate", 5e-4, 1e-1, log=True, levels=(1e-3, 1e-2, 1e-1)),
        Choice("batch_size", batch_sizes),
        Float("dropout", 0.0, 0.2, step=0.1, levels=(0.0, 0.2)),
        Int("epochs", 1, 100, levels=(3, 9, 27, 81)),
    )


def classifier(
    space: Space, params: Params, *, shape: tuple[int, ...], dtype: str, scale: float, classes: int
) -> "keras.Model":
    """A compiled classifier of raw inputs `(n, *shape)` of `dtype`; `scale` brings them to 0..1."""
    import keras

    initializer = str(params["initializer"])
    layers = hidden(
        space.per_layer(params, "neurons"),
        space.per_layer(params, "activation"),
        initializer=initializer,
        dropout=float(params["dropout"]),
    )
    last = keras.layers.Dense(classes, "softmax", kernel_initializer=initializer)
    model = keras.Sequential([*flat_images(shape, dtype, scale), *layers, last])
    return compiled(model, str(params["optimizer"]), float(params["learning_rate"]))


def flat_images(shape: tuple[int, ...], dtype: str, scale: float) -> list["keras.Layer"]:
    """The first layers: raw inputs `(n, *shape)`, brought to 0..1 by `scale` and made rows."""
    import keras

    return [
        keras.Input(shape, dtype=dtype),
        keras.layers.Rescaling(scale),
        keras.layers.Flatten(),
    ]


def hidden(
    widths: Sequence[int],
    activations: Sequence[str],
    *,
    initializer: str = "glorot_uniform",
    dropout: float = 0.0,
    l2: float = 0.0,
) -> list["keras.Layer"]:
    """Dense layers of these widths and activations, each followed by dropout where there is any."""
    import keras

    layers: list[keras.Layer] = []
    for width, activation in zip(widths, activations, strict=True):
        penalty = keras.regularizers.L2(l2) if l2 else None
        layers.append(
            keras.layers.Dense(
                width, activation, kernel_initializer=initializer, kernel_regularizer=penalty
            )
        )
        if dropout:
            layers.append(keras.layers.Dropout(dropout))
    return layers


def compiled(model: "keras.Model", name: str, learning_rate: float) -> "keras.Model":
    """The model, compiled to classify whole-number labels."""
    model.compile(
        optimizer=optimizer(name, learning_rate),
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
