"""Fashion-MNIST in "stretch pants": a network larger than needed, and only what holds it back.

Layers and neurons are not searched: there are more than enough. Early stopping ends each trial in
time, and the search looks for the regularisation that keeps so large a network from overfitting.
"""

from typing import TYPE_CHECKING

from search import Choice, Float, Objective, Problem, Space
from search.datasets import fashion_mnist
from search.parameters import Params
from spaces import _mlp

if TYPE_CHECKING:
    import keras

WIDTHS = (300, 300, 300)
ACTIVATION, INITIALIZER = "relu", "he_normal"
OPTIMIZER, LEARNING_RATE = "adam", 0.001

SPACE = Space(
    Float("dropout", 0.0, 0.5, step=0.1, levels=(0.0, 0.2, 0.4)),
    Choice("l2", (0.0, 1e-6, 1e-5, 1e-4, 1e-3)),
)


def build(params: Params) -> "keras.Model":
    """A compiled network that takes images `(n, 28, 28) uint8` as they come."""
    import keras

    layers = _mlp.hidden(
        WIDTHS,
        (ACTIVATION,) * len(WIDTHS),
        initializer=INITIALIZER,
        dropout=float(params["dropout"]),
        l2=float(params["l2"]),
    )
    front = _mlp.flat_images((28, 28), "uint8", 1 / 255)
    model = keras.Sequential([*front, *layers, keras.layers.Dense(10, "softmax")])
    return _mlp.compiled(model, OPTIMIZER, LEARNING_RATE)


PROBLEM = Problem(
    name="stretch",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=fashion_mnist.load,
    build=build,
    baseline={"dropout": 0.0, "l2": 0.0},
    batch_size=128,
    max_epochs=9,
    patience=3,
    description="Fashion-MNIST, a larger network than needed: early stopping, dropout and L2 only",
)
