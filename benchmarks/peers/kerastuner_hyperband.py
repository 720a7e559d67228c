"""KerasTuner's own Hyperband on the space of `spaces/fashion.py`, with every epoch's time.

As in keras.io/guides/keras_tuner/getting_started: conditional parameters in a loop over the layers,
the batch size in `HyperModel.fit`, the data once as floats.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner

ACTIVATIONS = ["relu", "elu", "selu", "gelu", "tanh", "sigmoid"]
INITIALIZERS = ["glorot_uniform", "he_normal", "lecun_normal"]
OPTIMIZERS = ["sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam"]


class Timeline(keras.callbacks.Callback):
    """Notes when each epoch ended, in seconds since the process was started, and its accuracy."""

    def __init__(self, started: float, epochs: list[Any]) -> None:
        super().__init__()
        self._started = started
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the epoch."""
        score = (logs or {})["val_accuracy"]
        self._epochs.append([round(time.time() - self._started, 3), score])


class Network(keras_tuner.HyperModel):
    """A multilayer perceptron for images."""

    def __init__(self, started: float) -> None:
        super().__init__()
        self._started = started
        self.epochs: list[Any] = []

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model with the tuner's choices."""
        initializer = hp.Choice("initializer", INITIALIZERS)
        dropout = hp.Float("dropout", 0.0, 0.2, step=0.1)
        model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
        for width, activation in zip(*layers(hp), strict=True):
            model.add(keras.layers.Dense(width, activation, kernel_initializer=initializer))
            if dropout:
                model.add(keras.layers.Dropout(dropout))
        model.add(keras.layers.Dense(10, "softmax", kernel_initializer=initializer))
        rate = hp.Float("learning_rate", 5e-4, 1e-1, sampling="log")
        model.compile(
            optimizer=optimizer(hp.Choice("optimizer", OPTIMIZERS), rate),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> Any:
        """Train with the tuner's batch size."""
        callbacks = [*kwargs.pop("callbacks"), Timeline(self._started, self.epochs)]
        batch_size = hp.Choice("batch_size", [32, 64, 128, 256])
        return model.fit(*args, batch_size=batch_size, callbacks=callbacks, **kwargs)


def layers(hp: keras_tuner.HyperParameters) -> tuple[list[int], list[str]]:
    """Width and activation of each hidden layer."""
    count = hp.Int("layers", 1, 3)
    shape = hp.Choice("neurons_shape", ["free", "same", "funnel"]) if count > 1 else "same"
    tie = hp.Choice("activation_shape", ["same", "free"]) if count > 1 else "same"
    widths: list[int] = []
    activations: list[str] = []
    for index in range(count):
        if index == 0 or shape == "free":
            widths.append(hp.Int(f"neurons_{index + 1}", 100, 300, sampling="log"))
        else:
            widths.append(widths[0] if shape == "same" else widths[-1] // 2)
        if index == 0 or tie == "free":
            activations.append(hp.Choice(f"activation_{index + 1}", ACTIVATIONS))
        else:
            activations.append(activations[0])
    return widths, activations


def optimizer(name: str, rate: float) -> Any:
    """The optimizer of this name; momentum and nesterov are SGD with 0.9."""
    if name in ("momentum", "nesterov"):
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=name == "nesterov")
    return keras.optimizers.get({"class_name": name, "config": {"learning_rate": rate}})


def main() -> None:
    """Search, and leave the timeline."""
    from benchmarks.problems import _tasks

    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--started", type=float, required=True, help="seconds since 1970")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    data = _tasks.scaled(_tasks.load(_tasks.task("twelve", quick=options.quick), None))
    network = Network(options.started)
    with tempfile.TemporaryDirectory() as directory:
        tuner = keras_tuner.Hyperband(
            network,
            objective="val_accuracy",
            max_epochs=3 if options.quick else 9,
            factor=3,
            hyperband_iterations=1,
            seed=options.seed,
            directory=directory,
            project_name="fashion",
        )
        tuner.search(
            data.train.x,
            data.train.y,
            validation_data=(data.validation.x, data.validation.y),
            verbose=0,
        )
        trials = len(tuner.oracle.trials)
    answer = {"timeline": network.epochs, "trials": trials}
    options.out.write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
