"""Digits with a functional model: two hidden branches side by side."""

from typing import TYPE_CHECKING

from search import Int, Objective, Problem, Space
from search.datasets import digits
from search.parameters import Params

if TYPE_CHECKING:
    import keras

SPACE = Space(Int("neurons", 4, 16))


def build(params: Params) -> "keras.Model":
    import keras
    from keras import layers

    images = keras.Input((8, 8), dtype="float32")
    x = layers.Flatten()(layers.Rescaling(1 / 16)(images))
    branches = [layers.Dense(params["neurons"], activation=name)(x) for name in ("relu", "tanh")]
    y = layers.Dense(10, activation="softmax")(layers.Concatenate()(branches))
    model = keras.Model(images, y)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROBLEM = Problem(
    name="functional",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=digits.load,
    build=build,
)
