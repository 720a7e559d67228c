"""A fit that returns single numbers, and a metric by class that is first met on the test data."""

import keras
import numpy as np

from search import Float, Objective, Problem, Space
from tests.field.tables import data, table

x, y = table(200)
hot = np.eye(3, dtype="float32")[y]


def build(params):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, "softmax")])
    model.compile(
        keras.optimizers.Adam(params["rate"]),
        "categorical_crossentropy",
        metrics=["accuracy", keras.metrics.F1Score()],
    )
    return model


def fit(params, model, data, callbacks):
    h = model.fit(
        data.train.x,
        data.train.y,
        verbose=0,
        callbacks=callbacks,
        validation_data=(data.validation.x, data.validation.y),
    )
    return {
        "val_macro_f1": float(np.mean(h.history["val_f1_score"][-1])),
        "loss": h.history["loss"][-1],
    }


PROBLEM = Problem(
    "late",
    Space(Float("rate", 1e-3, 1e-1, log=True)),
    Objective("val_macro_f1", "max"),
    lambda _: data(x, hot),
    build,
    fit=fit,
)
