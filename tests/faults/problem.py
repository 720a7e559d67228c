"""A problem whose trials can be told to do harm: six widths, of which FAULT_UNITS is the bad one.

`FAULT`: what a bad trial does (a name of `FAULTS`), unset for nothing. `FAULT_UNITS`: which trials
are bad, as numbers with commas (default 6). `FAULT_IN`: "build" (default), or "callback" for the
end of the first epoch. `FAULT_ONCE`: a file; the trial that finds none makes it and does the harm,
all others do none.
"""

import ctypes
import os
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from search import Data, Int, Objective, Part, Problem, Space
from search.errors import DataError, SearchError, UsageError


def segfault() -> None:
    ctypes.string_at(0)


def raises(error: Any) -> Callable[[], NoReturn]:
    def fault() -> NoReturn:
        raise error

    return fault


class OfMyOwn(BaseException):
    """An error that no `except Exception` catches."""


class UnspeakableError(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def eat_memory() -> None:
    eaten = []
    while True:
        eaten.append(b"x" * 20_000_000)
        threading.Event().wait(0.02)


def change_floatx() -> None:
    import keras

    keras.config.set_floatx("float16")


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


FAULTS: dict[str, Callable[[], object]] = {
    # the process dies
    "segfault": segfault,
    "abort": os.abort,
    "_exit": lambda: os._exit(3),
    "_exit0": lambda: os._exit(0),
    "sigkill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sigterm": lambda: os.kill(os.getpid(), signal.SIGTERM),
    # what is no Exception
    "sys_exit": lambda: sys.exit("not today"),
    "keyboard_interrupt": raises(KeyboardInterrupt()),
    "generator_exit": raises(GeneratorExit()),
    "of_my_own": raises(OfMyOwn("mine")),
    # what never ends
    "hang": lambda: threading.Event().wait(),
    "eat_memory": eat_memory,
    # what is an Exception
    "exception": raises(RuntimeError("no layers today")),
    "unspeakable": raises(UnspeakableError()),
    "search_error": raises(SearchError("of mine")),
    "usage_error": raises(UsageError("of mine")),
    "data_error": raises(DataError("of mine")),
    "stop_iteration": raises(StopIteration(7)),
    "memory_error": raises(MemoryError()),
    # what changes the process
    "floatx": change_floatx,
    "warnings": lambda: warnings.simplefilter("error"),
    "recursion": lambda: sys.setrecursionlimit(120),
    "files": limit_files,
    "stderr": lambda: os.close(2),
}
# what build returns in place of a compiled model
NONSENSE = ("none", "number", "uncompiled", "a_class")


def is_bad(params: Any, where: str) -> bool:
    """Whether this trial is one that does harm here, and now."""
    units = os.environ.get("FAULT_UNITS", "6").split(",")
    if os.environ.get("FAULT_IN", "build") != where or str(params["units"]) not in units:
        return False
    once = os.environ.get("FAULT_ONCE")
    if once is None:
        return True
    if Path(once).exists():
        return False
    Path(once).touch()
    return True


def build(params: Any) -> Any:
    import keras

    fault = os.environ.get("FAULT", "")
    bad = is_bad(params, "build")
    if bad and fault in FAULTS:
        FAULTS[fault]()
    layers = [keras.layers.Dense(params["units"], "relu"), keras.layers.Dropout(0.2)]
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(2, "softmax")])
    nonsense = {"none": None, "number": 7, "uncompiled": model, "a_class": keras.Model}
    if bad and fault in NONSENSE:
        return nonsense[fault]
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def callbacks(params: Any) -> Sequence[Any]:
    import keras

    if os.environ.get("FAULT_IN") != "callback":
        return []

    class Harmful(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if is_bad(params, "callback"):
                FAULTS[os.environ["FAULT"]]()

    return [Harmful()]


def load(data_dir: Path | None) -> Data:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(240, 8)).astype("float32")
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype("int64")
    parts = [Part(x[rows], y[rows]) for rows in (slice(128), slice(128, 192), slice(192, 240))]
    return Data(*parts)


PROBLEM = Problem(
    name="faults",
    space=Space(Int("units", 4, 9)),
    objective=Objective("val_accuracy", "max"),
    load=load,
    build=build,
    callbacks=callbacks,
    patience=None,
    max_epochs=3,
)
