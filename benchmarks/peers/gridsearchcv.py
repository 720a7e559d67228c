"""The trials through scikit-learn's GridSearchCV and scikeras, on two processes.

As in scikeras' quick start and scikit-learn's user guide: a function that builds the layers, its
arguments and the optimizer's in a list of grids, one PredefinedSplit, no refit.
"""

from typing import Any

import keras
import numpy as np
from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from benchmarks.peers import _arguments
from benchmarks.problems._tasks import Configuration


def classifier(hidden: list[int], activation: str) -> keras.Model:
    """The layers of a classifier of images; scikeras compiles them."""
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            *[keras.layers.Dense(width, activation) for width in hidden],
            keras.layers.Dense(10, "softmax"),
        ]
    )


def regressor(hidden: list[int], activation: str) -> keras.Model:
    """The layers of a regression on 8 columns; scikeras compiles them."""
    return keras.Sequential(
        [
            keras.Input((8,)),
            *[keras.layers.Dense(width, activation) for width in hidden],
            keras.layers.Dense(1),
        ]
    )


def grid(configuration: Configuration) -> dict[str, list[Any]]:
    """A grid of this one configuration."""
    name = configuration["optimizer"]
    values = {
        "hidden": configuration["hidden"],
        "activation": configuration.get("activation", "relu"),
        "optimizer": "adam" if name == "adam" else "sgd",
        "optimizer__learning_rate": configuration["learning_rate"],
    }
    if name == "momentum":
        values["optimizer__momentum"] = 0.9
    return {key: [value] for key, value in values.items()}


if __name__ == "__main__":
    arguments = _arguments.read()
    task = arguments.task
    data = arguments.data()
    settings: dict[str, Any] = {
        "hidden": [1],
        "activation": "relu",
        "batch_size": task.batch_size,
        "epochs": task.epochs,
        "verbose": 0,
        "random_state": arguments.seed,
    }
    if task.metric == "val_accuracy":
        loss = "sparse_categorical_crossentropy"
        estimator = KerasClassifier(classifier, loss=loss, **settings)
        scoring, sign = "accuracy", 1
    else:
        estimator = KerasRegressor(regressor, loss="mse", **settings)
        scoring, sign = "neg_mean_squared_error", -1
    x = np.concatenate([data.train.x, data.validation.x])
    y = np.concatenate([data.train.y, data.validation.y])
    fold = np.repeat([-1, 0], [len(data.train.x), len(data.validation.x)])
    search = GridSearchCV(
        estimator,
        [grid(configuration) for configuration in task.configurations],
        scoring=scoring,
        n_jobs=2,
        cv=PredefinedSplit(fold),
        refit=False,
        error_score="raise",
    )
    search.fit(x, y)
    results = search.cv_results_
    times = results["mean_fit_time"] + results["mean_score_time"]
    arguments.write([sign * float(score) for score in results["mean_test_score"]], times.tolist())
