"""Fashion-MNIST with a multilayer perceptron: which layers, neurons and learning rate are best."""

from typing import TYPE_CHECKING

from search import Objective, Problem
from search.datasets import fashion_mnist
from search.parameters import Params
from spaces import _mlp

if TYPE_CHECKING:
    import keras

SPACE = _mlp.space(neurons=(100, 300), batch_sizes=(32, 64, 128, 256))


def build(params: Params) -> "keras.Model":
    """A compiled network that takes images `(n, 28, 28) uint8` as they come."""
    return _mlp.classifier(SPACE, params, shape=(28, 28), dtype="uint8", scale=1 / 255, classes=10)


PROBLEM = Problem(
    name="fashion",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=fashion_mnist.load,
    build=build,
    baseline={
        "layers": 2,
        "neurons_shape": "free",
        "neurons_1": 300,
        "neurons_2": 100,
        "activation_shape": "same",
        "activation_1": "relu",
        "initializer": "glorot_uniform",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "batch_size": 32,
        "dropout": 0.0,
        "epochs": 9,
    },
    max_epochs=9,
    description="Fashion-MNIST (28 x 28 images of clothing, 10 classes), multilayer perceptron",
)
