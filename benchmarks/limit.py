"""(c) The trainer against the limit: an epoch of ours, of `fit`, and of the matrix products alone.

One TensorFlow thread, steady state: everything traced, compiled and warm. The products are those of
a training step (forward, to the weights, to the layer before) at the same batch size, as many times
as an epoch has steps, in one tf.while_loop; their inputs lie in the cache, nothing else is done.
"""

import argparse
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from benchmarks.problems import _tasks
from benchmarks.results import FOLDER, QUICK_FOLDER, Results, spread
from search.data.parts import Data, Part
from search.runtime import tensorflow_setup

Epoch: TypeAlias = Callable[[], None]
BATCH = 32
EPOCHS = 10
LEAST_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Model:
    """A network by its layers' widths, input and output included, and its optimizer."""

    task: str
    hidden: tuple[int, ...]
    optimizer: str

    @property
    def widths(self) -> tuple[int, ...]:
        """All widths."""
        first, last = (8, 1) if self.task == "regression" else (784, 10)
        return (first, *self.hidden, last)

    def build(self) -> Any:
        """A compiled model of its own."""
        rate = {"sgd": 0.05, "adam": 0.001}[self.optimizer]
        configuration = {
            "hidden": list(self.hidden),
            "optimizer": self.optimizer,
            "learning_rate": rate,
        }
        return _tasks.build(_tasks.task(self.task), configuration, raw=True)


MODELS = (
    Model("twelve", (300, 100), "sgd"),
    Model("twelve", (300, 100), "adam"),
    Model("twelve", (100,), "sgd"),
    Model("twelve", (100,), "adam"),
    Model("twelve", (32,), "sgd"),
    Model("twelve", (32,), "adam"),
    Model("regression", (30,), "sgd"),
    Model("regression", (30,), "adam"),
)


def floating_operations(widths: Sequence[int], rows: int) -> int:
    """Of an epoch's products, two for each weight, row and pass.

    Passes: forward, to the weights, and, in all layers but the first, to the layer before.
    """
    products = [2 * before * after for before, after in itertools.pairwise(widths)]
    return rows * (3 * sum(products) - products[0])


def products(widths: Sequence[int], rows: int, batch: int) -> Epoch:
    """An epoch of matrix products alone; each step's feed each other as in training."""
    import tensorflow as tf

    generator = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        # small enough that nothing overflows, not so small that numbers become denormal
        scaled = generator.normal(scale=1 / math.sqrt(shape[0]), size=shape)
        return tf.constant(scaled.astype("float32"))

    x = tf.constant(generator.normal(size=(batch, widths[0])).astype("float32"))
    weights = [normal(a, b) for a, b in itertools.pairwise(widths)]
    steps = math.ceil(rows / batch)

    def body(step: Any, *_: Any) -> Any:
        inputs = [x]
        for weight in weights:
            inputs.append(tf.matmul(inputs[-1], weight))
        error = inputs.pop()
        gradients = []
        for layer in reversed(range(len(weights))):
            gradients.append(tf.matmul(inputs[layer], error, transpose_a=True))
            if layer:
                error = tf.matmul(error, weights[layer], transpose_b=True)
        # the loop hands them on, so that none may be left out; it adds nothing else
        return (step + 1, *reversed(gradients))

    @tf.function(autograph=False)
    def epoch() -> Any:
        start = (tf.constant(0), *(tf.zeros_like(weight) for weight in weights))
        return tf.while_loop(lambda step, *_: step < steps, body, start, parallel_iterations=1)

    def run() -> None:
        epoch()[-1].numpy()

    return run


def ours(model: Model, data: Data, way: str | None) -> tuple[Epoch, str]:
    """Our training epoch without validation, and how it trains; `way` None: as the rule says."""
    from search.training.graph_cache import SharedGraphs
    from search.training.graph_loop import GraphLoop, TensorData

    tensors, built = TensorData(data), model.build()
    built.optimizer.build(built.trainable_variables)
    if way is None:
        _, epochs = SharedGraphs(data, tensors).of(built, BATCH, EPOCHS)
    else:
        epochs = GraphLoop(built, tensors, BATCH if way == "compiled" else None)
    order = np.random.default_rng(0).permutation(data.train.size)

    def run() -> None:
        epochs.train(order, BATCH)

    return run, epochs.way


def fit(model: Model, data: Data) -> Epoch:
    """`fit` as everyone calls it, on floats, but with one thread as the others here."""
    whole = _tasks.scaled(data)
    built = _tasks.build(
        _tasks.task(model.task),
        {"hidden": list(model.hidden), "optimizer": model.optimizer, "learning_rate": 0.001},
    )

    def run() -> None:
        built.fit(whole.train.x, whole.train.y, batch_size=BATCH, verbose=0)

    return run


def seconds(epoch: Epoch, times: int) -> float:
    """Mean seconds of an epoch, over so many in a row."""
    started = time.perf_counter()
    for _ in range(times):
        epoch()
    return (time.perf_counter() - started) / times


def times_needed(epoch: Epoch, least: float = LEAST_SECONDS) -> int:
    """How many epochs in a row take long enough to be timed; the first one is a warm-up."""
    epoch()
    return max(1, math.ceil(least / max(seconds(epoch, 1), 1e-4)))


def measure(model: Model, data: Data, results: Results, *, repeats: int, fits: int) -> None:
    """All ways to train one model, interleaved; one measurement a line."""
    rows = data.train.size
    run, rule = ours(model, data, None)
    ways = {"products": products(model.widths, rows, BATCH), rule: run, "fit": fit(model, data)}
    other = "graph" if rule == "compiled" else "compiled"
    ways[other] = ours(model, data, other)[0]
    # the smaller last batch makes an epoch's products fewer than whole batches have
    share = {"products": rows / (math.ceil(rows / BATCH) * BATCH)}
    times = {name: times_needed(epoch) for name, epoch in ways.items()}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(1, repeats + 1):
        for name, epoch in ways.items():
            if name == "fit" and number > fits:
                continue
            value = seconds(epoch, times[name]) * share.get(name, 1.0)
            found[name].append(value)
            about = {
                "widths": model.widths,
                "optimizer": model.optimizer,
                "batch_size": BATCH,
                "rows": rows,
                "way": name,
                "rule": rule,
                "repeat": number,
            }
            results.append(about | {"seconds": round(value, 6)})
    medians = {name: spread(values).median for name, values in found.items()}
    shown = ", ".join(f"{name} {value:.4f}" for name, value in medians.items())
    ratio = medians[rule] / medians["products"]
    print(f"{'-'.join(map(str, model.widths))} {model.optimizer}: {shown} s; {rule} {ratio:.2f}x")


def main() -> None:
    """Measure all models anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limit", description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="of each way (default 9)")
    parser.add_argument("--fits", type=int, default=3, help="repeats of fit (default 3)")
    parser.add_argument("--only", type=int, help="how many of the models (default: all)")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that all of it runs")
    parser.add_argument("--folder", type=Path, help="where results go")
    options = parser.parse_args()
    quick = options.quick
    tensorflow_setup.prepare(threads=1)
    results = Results("limit", options.folder or (QUICK_FOLDER if quick else FOLDER))
    results.clear()  # interleaved within one process: measurements of two do not belong together
    for model in MODELS[: options.only]:
        whole = _tasks.load(_tasks.task(model.task, quick=quick), None)
        data = Data(whole.train, Part(whole.validation.x[:1], whole.validation.y[:1]))
        repeats, fits = (2, 1) if quick else (options.repeats, options.fits)
        measure(model, data, results, repeats=repeats, fits=fits)


if __name__ == "__main__":
    main()
