"""XOR: no hidden layer, or one? Only with one can a network tell the four rows apart."""

from typing import TYPE_CHECKING

from search import Choice, Float, Int, Objective, Problem, Space
from search.datasets import xor
from search.parameters import Params
from spaces import _mlp

if TYPE_CHECKING:
    import keras

SPACE = Space(
    Choice("layers", (0, 1)),
    Int("neurons", 2, 8, levels=(2, 4, 8), per="layers"),
    Choice("activation", ("relu", "tanh"), per="layers"),
    Choice("optimizer", ("sgd", "adam")),
    Float("learning_rate", 1e-2, 1.0, log=True, levels=(1e-2, 1e-1, 1.0)),
)


def build(params: Params) -> "keras.Model":
    """A compiled network of two inputs, 0 or 1 each, and one probability."""
    import keras

    widths = SPACE.per_layer(params, "neurons")
    activations = SPACE.per_layer(params, "activation")
    layers = [keras.Input((2,)), *_mlp.hidden(widths, activations)]
    model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
    rate = float(params["learning_rate"])
    optimizer = _mlp.optimizer(str(params["optimizer"]), rate)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


PROBLEM = Problem(
    name="xor",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=xor.load,
    build=build,
    baseline={"layers": 0, "optimizer": "sgd", "learning_rate": 0.1},
    batch_size=4,
    max_epochs=9,
    description="XOR (4 rows, 2 classes), no hidden layer against one",
)
