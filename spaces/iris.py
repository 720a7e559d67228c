"""Iris: is a perceptron enough, or are hidden layers worth it? No layer at all is in the space."""

from typing import TYPE_CHECKING

from search import Choice, Float, Int, Objective, Part, Problem, Space
from search.datasets import iris
from search.parameters import Params
from spaces import _mlp

if TYPE_CHECKING:
    import keras
    from sklearn.preprocessing import StandardScaler

SPACE = Space(
    Choice("layers", (0, 1, 2)),  # 0: a perceptron
    Int("neurons", 4, 32, log=True, levels=(4, 32), per="layers", shapes=("same", "free")),
    Choice("activation", ("relu", "tanh"), per="layers", shapes=("same",)),
    Choice("optimizer", ("sgd", "adam")),
    Float("learning_rate", 1e-3, 1.0, log=True, levels=(1e-2, 1e-1, 1.0)),
    Choice("batch_size", (8, 16)),
)


def statistics(train: Part) -> "StandardScaler":
    """Mean and deviation of each measurement in the training part."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit(train.x)


def build(params: Params, scaler: "StandardScaler") -> "keras.Model":
    """A compiled network that takes the four measurements in centimetres."""
    import keras

    widths = SPACE.per_layer(params, "neurons")
    activations = SPACE.per_layer(params, "activation")
    layers = [
        keras.Input((4,)),
        keras.layers.Normalization(mean=scaler.mean_, variance=scaler.var_),
        *_mlp.hidden(widths, activations),
        keras.layers.Dense(3, "softmax"),
    ]
    model = keras.Sequential(layers)
    return _mlp.compiled(model, str(params["optimizer"]), float(params["learning_rate"]))


PROBLEM = Problem(
    name="iris",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=iris.load,
    build=build,
    statistics=statistics,
    baseline={"layers": 0, "optimizer": "sgd", "learning_rate": 0.01, "batch_size": 8},
    max_epochs=27,
    patience=9,
    description="scikit-learn's iris (4 measurements, 3 classes), perceptron against hidden layers",
)
