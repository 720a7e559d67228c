"""MNIST with a multilayer perceptron: the handwritten digits that Keras downloads."""

from typing import TYPE_CHECKING

from search import Objective, Problem
from search.datasets import mnist
from search.parameters import Params
from spaces import _mlp

if TYPE_CHECKING:
    import keras

SPACE = _mlp.space(neurons=(64, 256), batch_sizes=(32, 64, 128, 256))


def build(params: Params) -> "keras.Model":
    """A compiled network that takes images `(n, 28, 28) uint8` as they come."""
    return _mlp.classifier(SPACE, params, shape=(28, 28), dtype="uint8", scale=1 / 255, classes=10)


PROBLEM = Problem(
    name="mnist",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=mnist.load,
    build=build,
    baseline={
        "layers": 1,
        "neurons_1": 128,
        "activation_1": "relu",
        "initializer": "glorot_uniform",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "batch_size": 32,
        "dropout": 0.0,
        "epochs": 9,
    },
    max_epochs=9,
    description="MNIST (28 x 28 images of digits, 10 classes), multilayer perceptron",
)
