"""Random generators seeded while a problem's code is imported, in every process alike."""

import contextlib
import importlib.abc
import importlib.util
import random
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np


@contextlib.contextmanager
def seeded_import(seed: int) -> Iterator[None]:
    """Seed Python, NumPy, TensorFlow and Keras for the code that is imported within.

    What a file makes at its top is then the same in each process of a study. TensorFlow and Keras
    are seeded once they are imported, which is left to the file. Python's and NumPy's generators
    are as they were afterwards.
    """
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    finders = [_SeededModule(name, seed) for name in _SEEDED if name not in sys.modules]
    for name in _SEEDED:
        if name in sys.modules:
            _SEEDED[name](seed)
    sys.meta_path[:0] = finders
    try:
        yield
    finally:
        for finder in finders:
            finder.remove()
        random.setstate(python)
        np.random.set_state(numpy)


def _seed_tensorflow(seed: int) -> None:
    import tensorflow as tf

    tf.random.set_seed(seed)


def _seed_keras(seed: int) -> None:
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator

    # Keras 3.15 draws the seeds of initializers and layers from this one
    seed_generator.python_random = random.Random(seed)
    global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, None)


_SEEDED = {"tensorflow": _seed_tensorflow, "keras": _seed_keras}


class _SeededModule(importlib.abc.MetaPathFinder):
    """Finds one library as Python would, and seeds it when it is imported.

    The import itself may draw numbers: Python's and NumPy's generators are put back after it, so
    that a process that had the library before gives the file the same numbers.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._seed = seed

    def remove(self) -> None:
        """Leave the import system, where that has not happened yet."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the specification of the library; None for every other module."""
        if name != self._name:
            return None
        self.remove()
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def seeded(module: ModuleType) -> None:
            python, numpy = random.getstate(), np.random.get_state()
            try:
                execute(module)
            finally:
                random.setstate(python)
                np.random.set_state(numpy)
            _SEEDED[name](self._seed)

        spec.loader.exec_module = seeded  # type: ignore[method-assign]
        return spec
