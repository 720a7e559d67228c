"""Tiny data, a tiny model and one trained trial: what the field cases share."""

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from search import Data, Float, Objective, Part, Problem, Space
from search.runtime.clock import SystemClock
from search.study.trial import Budget, Decision, EpochReport, Outcome, Proposal, Task
from search.training.checkpoint import CheckpointFolder
from search.training.trainer import KerasTrainer

RATE = {"rate": 0.01}


def table(n: int = 400, width: int = 8, classes: int = 3, seed: int = 0) -> tuple[Any, Any]:
    """Return x: (n, width) float32, and y: (n,) int64, the column of the largest number."""
    x = np.random.default_rng(seed).normal(size=(n, width)).astype("float32")
    return x, x[:, :classes].argmax(1).astype("int64")


def data(x: Any, y: Any, **more: Any) -> Data:
    """Split arrays into 60 % training, 20 % validation and 20 % test rows, in their order."""
    first, second = len(x) * 6 // 10, len(x) * 8 // 10
    rows = slice(first), slice(first, second), slice(second, None)
    return Data(*(Part(x[cut], y[cut]) for cut in rows), **more)


def train(
    problem: Problem,
    params: dict[str, Any],
    *budgets: tuple[int, int],
    patience: int | None = None,
    trainer: KerasTrainer | None = None,
    trial: str = "1",
    seed: int = 7,
) -> tuple[list[dict[str, float]], Outcome]:
    """Train one trial for its budgets; return the metrics of each epoch, and the outcome.

    Each budget has a trainer of its own, as in a new process, unless `trainer` is given.
    """
    folder = CheckpointFolder(Path(tempfile.mkdtemp()), "me")
    curve: list[EpochReport] = []
    for start, stop in budgets or [(0, 2)]:
        used = trainer or new_trainer(problem, folder, patience)
        task = Task(Proposal(trial, params, Budget(start, stop)), seed, tuple(curve))
        work = used.train(task)
        try:
            report = next(work)
            while True:
                curve.append(report)
                report = work.send(Decision.CONTINUE)
        except StopIteration as end:
            outcome = end.value
    return [dict(report.metrics) for report in curve], outcome


def new_trainer(
    problem: Problem,
    folder: CheckpointFolder | None = None,
    patience: int | None = None,
    **more: Any,
) -> KerasTrainer:
    """Make the trainer of a problem, as a process that has trained nothing has it."""
    folder = folder or CheckpointFolder(Path(tempfile.mkdtemp()), "me")
    settings = {"patience": patience, "most_epochs": 9} | more
    return KerasTrainer(problem, problem.load(None), folder, SystemClock(), **settings)


def dense(
    loss: Any = "sparse_categorical_crossentropy",
    metrics: Any = ("accuracy",),
    rate: float = 0.01,
    units: int = 3,
    activation: str = "softmax",
    width: int = 8,
) -> keras.Model:
    """Build a compiled network of one layer."""
    model = keras.Sequential([keras.Input((width,)), keras.layers.Dense(units, activation)])
    model.compile(keras.optimizers.Adam(rate), loss, metrics=list(metrics))
    return model


def problem(
    build: Any, d: Data, goal: tuple[str, str] = ("val_loss", "min"), **more: Any
) -> Problem:
    """Return a problem with one parameter, "rate"."""
    space = Space(Float("rate", 1e-3, 1e-1))
    return Problem("p", space, Objective(*goal), lambda _: d, build, **more)
