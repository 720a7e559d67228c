"""Few examples, for cross-validation: digits as classes, diabetes as values with statistics."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search import Data, Float, Objective, Part, Problem, Space
from search.datasets import digits
from search.parameters import Params

if TYPE_CHECKING:
    import keras


RATES = (1e-5, 3e-3, 3e-2)


def few_digits(data_dir: Path | None) -> Data:
    whole = digits.load(data_dir)
    return replace(
        whole,
        train=whole.train.take(slice(180)),
        validation=whole.validation.take(slice(61)),
        test=whole.test.take(slice(60)),
    )


def classifier(params: Params) -> "keras.Model":
    import keras

    layers = [keras.layers.Rescaling(1 / 16), keras.layers.Flatten()]
    layers += [keras.layers.Dense(12, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((8, 8)), *layers])
    optimizer = keras.optimizers.Adam(params["learning_rate"])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


CLASSES = Problem(
    name="few_classes",
    space=Space(Float("learning_rate", 1e-5, 3e-2, log=True, levels=RATES)),
    objective=Objective("val_accuracy", "max", score_at="last"),
    load=few_digits,
    build=classifier,
    patience=None,
    max_epochs=6,
)


def diabetes(data_dir: Path | None) -> Data:
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True, scaled=False)
    whole = Part(x.astype(np.float32), (y / 100).astype(np.float32))
    return Data(whole.take(slice(150)), whole.take(slice(150, 220)), whole.take(slice(220, 300)))


def moments(train: Part) -> tuple[Any, Any]:
    return train.x.mean(0), train.x.var(0)


def regressor(params: Params, statistics: tuple[Any, Any]) -> "keras.Model":
    import keras

    mean, variance = statistics
    layers = [keras.layers.Normalization(mean=mean, variance=variance)]
    layers += [keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((10,)), *layers])
    model.compile(keras.optimizers.Adam(params["learning_rate"]), "mse")
    return model


VALUES = Problem(
    name="few_values",
    space=Space(Float("learning_rate", 1e-5, 3e-2, log=True, levels=RATES)),
    objective=Objective("val_loss", "min", score_at="last"),
    load=diabetes,
    build=regressor,
    statistics=moments,
    patience=None,
    max_epochs=6,
)


def own_fit(params: Params, model: "keras.Model", data: Data, callbacks: Any) -> dict[str, float]:
    """A loop of its own over shuffled batches; step by step, as tracing it would take seconds."""
    model.reset_metrics()
    for rows in np.array_split(np.random.permutation(data.train.size), 2):
        trained = model.train_step((data.train.x[rows], data.train.y[rows]))
    right = np.argmax(model(data.validation.x), axis=1) == data.validation.y
    return {"loss": float(trained["loss"]), "val_accuracy": float(right.mean())}


OWN_FIT = replace(CLASSES, name="own_fit", fit=own_fit)
