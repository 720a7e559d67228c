"""A small problem for the stored studies: points in three classes, a network with dropout.

The digest of this file is in the headers of the studies, so it must never change.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search import Choice, Data, Float, Int, Objective, Part, Problem, Space
from search.parameters import Params

if TYPE_CHECKING:
    import keras

SPACE = Space(
    Int("neurons", 4, 8, levels=(4, 8)),
    Choice("optimizer", ("sgd", "adam")),
    Float("momentum", 0.1, 0.9, levels=2, when={"optimizer": "sgd"}),
    Float("learning_rate", 1e-3, 1e-1, log=True, levels=2),
)


def points(data_dir: Path | None) -> Data:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 1308)
    x = (rng.normal(0, 1, (1308, 4)) + np.eye(3, 4)[y]).astype(np.float32)
    whole = Part(x, y.astype(np.int64))
    return Data(
        train=whole.take(slice(96)),
        # more than the 1000 rows that were a batch of the evaluation
        validation=whole.take(slice(96, 1276)),
        test=whole.take(slice(1276, None)),
        class_names=("a", "b", "c"),
    )


def build(params: Params) -> "keras.Model":
    import keras

    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(int(params["neurons"]), "relu"))
    model.add(keras.layers.Dropout(0.2))
    model.add(keras.layers.Dense(3, "softmax"))
    rate = float(params["learning_rate"])
    if params["optimizer"] == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=float(params["momentum"]))
    else:
        optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROBLEM = Problem(
    name="points",
    space=SPACE,
    objective=Objective("val_accuracy", "max"),
    load=points,
    build=build,
    baseline={"neurons": 4, "optimizer": "sgd", "momentum": 0.5, "learning_rate": 0.01},
    patience=2,
    max_epochs=4,
    trials=6,
)
