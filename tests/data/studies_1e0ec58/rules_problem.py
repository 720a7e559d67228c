"""A small problem whose scores depend on the rules of a study.

The loss is a root of a mean over a batch, so the evaluation depends on the size of its batches. A
callback draws from NumPy's generator, so the training depends on when that was seeded. The digest
of this file is in the headers of the studies, so it must never change.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search import Data, Int, Objective, Part, Problem, Space
from search.parameters import Params

if TYPE_CHECKING:
    import keras


def points(data_dir: Path | None) -> Data:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (1308, 3)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + rng.standard_t(2, 1308)).astype(np.float32)
    whole = Part(x, y)
    return Data(
        train=whole.take(slice(96)),
        validation=whole.take(slice(96, 1276)),
        test=whole.take(slice(1276, None)),
    )


def root_mean_square(y_true: Any, y_pred: Any) -> Any:
    import keras

    return keras.ops.sqrt(keras.ops.mean(keras.ops.square(y_true - y_pred)))


def build(params: Params) -> "keras.Model":
    import keras

    model = keras.Sequential([keras.Input((3,))])
    model.add(keras.layers.Dense(int(params["neurons"]), "relu"))
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.SGD(0.01), root_mean_square)
    return model


def callbacks(params: Params) -> "list[keras.callbacks.Callback]":
    import keras

    class RandomRate(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.model.optimizer.learning_rate = 10 ** np.random.uniform(-3, -1)

    return [RandomRate()]


PROBLEM = Problem(
    name="rules",
    space=Space(Int("neurons", 2, 8)),
    objective=Objective("val_loss", "min"),
    load=points,
    build=build,
    callbacks=callbacks,
    patience=None,
    max_epochs=4,
)
