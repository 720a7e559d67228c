"""Fashion-MNIST with a small convolutional network: filters, kernels, blocks, pooling, dropout."""

from typing import TYPE_CHECKING

from search import Choice, Float, Int, Objective, Problem, Space
from search.datasets import fashion_mnist
from search.parameters import Params
from spaces import _mlp

if TYPE_CHECKING:
    import keras

SPACE = Space(
    Int("blocks", 1, 3),
    Int("filters", 16, 32, step=8, levels=(16, 32), per="blocks", shapes=("same", "free")),
    Choice("kernel_size", (3, 5)),  # of the first block: later ones would cost twice as much
    Choice("pooling", ("max", "average")),
    Int("neurons", 32, 128, log=True, levels=(32, 128)),
    Float("dropout", 0.0, 0.5, step=0.25, levels=(0.0, 0.25, 0.5)),
    Choice("optimizer", ("adam", "nadam")),
    Float("learning_rate", 5e-4, 5e-3, log=True, levels=(5e-4, 5e-3)),
    Choice("batch_size", (64, 128)),
)


def build(params: Params) -> "keras.Model":
    """A compiled network that takes images `(n, 28, 28) uint8` as they come.

    Each block is a convolution and a pooling that halves height and width; kernels are 3 x 3 but
    in the first block, whose size is searched. Then come dropout, one hidden layer, the classes.
    """
    import keras

    layers = [
        keras.Input((28, 28), dtype="uint8"),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Reshape((28, 28, 1)),
    ]
    size = int(params["kernel_size"])
    for filters in SPACE.per_layer(params, "filters"):
        layers.append(keras.layers.Conv2D(filters, size, padding="same", activation="relu"))
        size = 3
        if params["pooling"] == "max":
            layers.append(keras.layers.MaxPooling2D(2))
        else:
            layers.append(keras.layers.AveragePooling2D(2))
    layers.append(keras.layers.Flatten())
    if params["dropout"]:
        layers.append(keras.layers.Dropout(float(params["dropout"])))
    layers += _mlp.hidden([int(params["neurons"])], ["relu"])
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    return _mlp.compiled(model, str(params["optimizer"]), float(params["learning_rate"]))


PROBLEM = Problem(
    name="fashion_cnn",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=fashion_mnist.load,
    build=build,
    baseline={
        "blocks": 2,
        "filters_shape": "same",
        "filters_1": 16,
        "kernel_size": 3,
        "pooling": "max",
        "neurons": 64,
        "dropout": 0.0,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch_size": 64,
    },
    max_epochs=9,
    description="Fashion-MNIST (28 x 28 images of clothing, 10 classes), convolutional network",
)
