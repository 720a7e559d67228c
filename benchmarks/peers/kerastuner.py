"""The trials through KerasTuner: a HyperModel, GridSearch, `tuner.search`.

As in keras.io/guides/keras_tuner/getting_started: `HyperModel.fit` may be overridden, here only to
keep the last epoch's score beside the best one, which KerasTuner keeps itself.
"""

import tempfile
import time
from typing import Any

import keras
import keras_tuner

from benchmarks.peers import _arguments
from benchmarks.problems import _tasks

arguments = _arguments.read()
task = arguments.task
numbers = list(range(len(task.configurations)))
scores: dict[int, float] = {}
seconds: dict[int, float] = {}


class Listed(keras_tuner.HyperModel):
    """One of the listed configurations."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """The model of the configuration that the tuner has chosen."""
        configuration = task.configurations[hp.Choice("configuration", numbers)]
        return _tasks.build(task, configuration)

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> Any:
        """Train as the tuner says, and note the end."""
        started = time.perf_counter()
        history = model.fit(*args, **kwargs)
        number = hp.get("configuration")
        scores[number] = history.history[task.metric][-1]
        seconds[number] = time.perf_counter() - started
        return history


keras.utils.set_random_seed(arguments.seed)
data = arguments.data()
with tempfile.TemporaryDirectory() as directory:
    tuner = keras_tuner.GridSearch(
        Listed(),
        objective=keras_tuner.Objective(task.metric, task.direction),
        seed=arguments.seed,
        directory=directory,
        project_name=task.name,
    )
    tuner.search(
        data.train.x,
        data.train.y,
        epochs=task.epochs,
        batch_size=task.batch_size,
        validation_data=(data.validation.x, data.validation.y),
        verbose=0,
    )
arguments.write([scores[n] for n in numbers], [seconds[n] for n in numbers])
