"""The trials through an Optuna script: an objective that calls `fit`, `study.optimize`.

As in optuna-examples, keras/keras_simple.py, and optuna.samplers.GridSampler; in its favour the
data are loaded once, and the score is read from the history instead of by `evaluate`.
"""

import time

import keras
import optuna

from benchmarks.peers import _arguments
from benchmarks.problems import _tasks

arguments = _arguments.read()
task = arguments.task
numbers = list(range(len(task.configurations)))
scores: dict[int, float] = {}
seconds: dict[int, float] = {}

keras.utils.set_random_seed(arguments.seed)
data = arguments.data()


def objective(trial: optuna.Trial) -> float:
    """Train one of the listed configurations; its score after the last epoch."""
    started = time.perf_counter()
    # Clear clutter from previous Keras graphs, as the example says.
    keras.backend.clear_session()
    number = trial.suggest_categorical("configuration", numbers)
    model = _tasks.build(task, task.configurations[number])
    history = model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validation.x, data.validation.y),
        shuffle=True,
        batch_size=task.batch_size,
        epochs=task.epochs,
        verbose=False,
    )
    scores[number] = history.history[task.metric][-1]
    seconds[number] = time.perf_counter() - started
    return scores[number]


sampler = optuna.samplers.GridSampler({"configuration": numbers}, seed=arguments.seed)
direction = "maximize" if task.direction == "max" else "minimize"
study = optuna.create_study(direction=direction, sampler=sampler)
study.optimize(objective)
arguments.write([scores[n] for n in numbers], [seconds[n] for n in numbers])
