"""TensorFlow as every trial finds it: one thread, quiet, seeded."""

import contextlib
import functools
import gc
import importlib.abc
import importlib.util
import logging
import os
import random
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.runtime.keras_configuration import KerasConfiguration

_SILENCE = threading.RLock()


def settle(threads: int = 1) -> None:
    """Say what TensorFlow is to find when it is imported, by whomever: threads, and quiet.

    One thread makes equal runs equal bit for bit, and small models faster. The import itself takes
    seconds and is left to `prepare`, to a problem's loader, or to a backend.
    """
    quieten()
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")  # TensorFlow 2.21 reads these once
    os.environ.update(dict.fromkeys(names, str(threads)))
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    waiting = any(isinstance(finder, _QuietImport) for finder in sys.meta_path)
    if "tensorflow" not in sys.modules and not waiting:
        sys.meta_path[:0] = [_QuietImport(), _Seldom()]


@functools.cache
def prepare(threads: int = 1) -> None:
    """Import TensorFlow with `threads` threads and memory growth on GPUs; harmless when repeated.

    Where TensorFlow is at work already in this process its thread count stays. May be called from
    a thread, so that the import is over when TensorFlow is needed.
    """
    settle(threads)
    import keras  # noqa: F401 - the import is what takes the time
    import tensorflow as tf

    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with _no_stderr():
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
            for gpu in tf.config.list_physical_devices("GPU"):
                tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            # TensorFlow 2.21 refuses both once its runtime is up; `settle` came before that
            return


class _QuietImport(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as Python would, and keeps C++ from standard error while it is imported.

    TensorFlow 2.21 logs there before it has read its settings. Exceptions carry everything that
    matters; these lines only say that there is no GPU.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of TensorFlow; None for every other module."""
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def quietly(module: ModuleType) -> None:
            with _no_stderr():
                execute(module)

        spec.loader.exec_module = quietly  # type: ignore[method-assign]
        return spec


class _Seldom(importlib.abc.MetaPathFinder):
    """Finds what Keras imports for the few who draw or use its wrappers, to be loaded when touched.

    Keras 3.15 brings in scikit-learn for the one and pyplot for the other: a third of the time that
    its import takes, for each worker and for this process.
    """

    NAMES = frozenset(
        {
            "keras.wrappers",
            "keras.src.wrappers",
            "keras._tf_keras.keras.wrappers",
            "matplotlib.pyplot",
        }
    )

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of one of the names, with a lazy loader; None for any other module."""
        spec = PathFinder.find_spec(name, path, target) if name in self.NAMES else None
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """Turn file 2 away for a while, in one thread at a time: another would keep what is turned."""
    with _SILENCE:
        sys.stderr.flush()
        kept = os.dup(2)
        try:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def gradients_released() -> Iterator[None]:
    """Forget on leaving what TensorFlow has registered meanwhile for the gradients of its graphs.

    TensorFlow 2.21 (python/framework/ops.py) keeps each loop's gradient function for ever, and with
    it the model: about 5 MB a trial. Nothing made in this block may be trained after it.
    """
    from tensorflow.python.framework import ops

    registry = ops.gradient_registry._registry
    before = set(registry)
    try:
        yield
    finally:
        for name in set(registry) - before:
            del registry[name]


def quieten() -> None:
    """Keep TensorFlow's start-up messages off the terminal; it reads this when it is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def settled() -> None:
    """Leave all that is imported by now out of garbage collections.

    Keras collects before each new model, which takes a quarter of a second with TensorFlow's
    modules in the heap and a hundredth without them.
    """
    import keras  # noqa: F401 - so that it is imported by now

    gc.freeze()


def fresh(seed: int, configuration: "KerasConfiguration | None" = None) -> None:
    """Clear the Keras session, and seed Python, NumPy and TensorFlow for the next model.

    `configuration`: is restored, because Keras clears parts of it together with the models.
    """
    import keras

    keras.backend.clear_session()
    if configuration is not None:
        configuration.apply()
    seeded(seed)


def seeded(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow for what draws from their generators next."""
    import keras
    from keras.src.random import seed_generator

    keras.utils.set_random_seed(seed)
    # Keras 3.15 draws the seeds of initializers and dropout from Python's global generator. In a
    # worker Dask's own threads draw from it too, so that now and then a model began with other
    # weights. Keras gets a generator for itself, which gives what the global one would give; see
    # test_other_threads_that_draw_change_no_model.
    seed_generator.python_random = random.Random(seed)
