"""Handwritten digits with a small multilayer perceptron: no download, seconds per study."""

from typing import TYPE_CHECKING

from search import Objective, Problem
from search.datasets import digits
from search.parameters import Params
from spaces import _mlp

if TYPE_CHECKING:
    import keras

SPACE = _mlp.space(neurons=(8, 64), batch_sizes=(16, 32, 64), levels=(16, 64))


def build(params: Params) -> "keras.Model":
    """A compiled network that takes images `(n, 8, 8) float32`, 0 to 16, as they come."""
    return _mlp.classifier(SPACE, params, shape=(8, 8), dtype="float32", scale=1 / 16, classes=10)


PROBLEM = Problem(
    name="digits",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=digits.load,
    build=build,
    baseline={
        "layers": 1,
        "neurons_1": 32,
        "activation_1": "relu",
        "initializer": "glorot_uniform",
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "batch_size": 32,
        "dropout": 0.0,
        "epochs": 9,
    },
    max_epochs=9,
    description="scikit-learn's digits (8 x 8 images, 10 classes), multilayer perceptron",
)
