"""Digits told twice: two inputs, two outputs with loss weights, example weights, a callback."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search import Data, Float, Int, Objective, Part, Problem, Space
from search.datasets import digits
from search.parameters import Params

if TYPE_CHECKING:
    import keras

SPACE = Space(Int("neurons", 4, 16), Float("main_weight", 0.5, 1.0))


def load(data_dir: Path | None) -> Data:
    data = digits.load(data_dir)
    weights = np.linspace(0.5, 1.5, data.train.size, dtype=np.float32)
    train = told_twice(data.train)
    return Data(
        train=Part(train.x, train.y, (weights, weights)),
        validation=told_twice(data.validation),
        test=told_twice(data.test),
    )


def told_twice(part: Part) -> Part:
    x = {"upper": part.x[:, :4].reshape(-1, 32), "whole": part.x.reshape(-1, 64)}
    return Part(x, (part.y, (part.y % 2).astype(np.float32)))


def build(params: Params) -> "keras.Model":
    import keras

    upper, whole = keras.Input((32,), name="upper"), keras.Input((64,), name="whole")
    both = keras.layers.Rescaling(1 / 16)(keras.layers.Concatenate()([upper, whole]))
    hidden = keras.layers.Dense(params["neurons"], "relu")(both)
    digit = keras.layers.Dense(10, "softmax", name="digit")(hidden)
    odd = keras.layers.Dense(1, "sigmoid", name="odd")(hidden)
    model = keras.Model({"upper": upper, "whole": whole}, (digit, odd))
    model.compile(
        "adam",
        ["sparse_categorical_crossentropy", "binary_crossentropy"],
        loss_weights=[params["main_weight"], 1 - params["main_weight"]],
        metrics=[["accuracy"], ["accuracy"]],
    )
    return model


def callbacks(params: Params) -> list["keras.callbacks.Callback"]:
    import keras

    return [keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1)]


PROBLEM = Problem(
    name="two_parts",
    space=SPACE,
    objective=Objective("val_digit_accuracy", "max"),
    load=load,
    build=build,
    callbacks=callbacks,
)
