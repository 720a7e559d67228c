"""Random draws while Keras's `fit` trains: seeded in each epoch, as the platform's loop seeds them.

Two kinds of draws cannot be made equal: those of TensorFlow's kernels with a state that nothing
reaches, and those of Python and NumPy while a step is traced, which become constants of the graph.
"""

import contextlib
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from search.state import random_draws
from search.study.rules import TrainingRules

if TYPE_CHECKING:
    import keras

_STEPS = ("train", "test")


class FitDraws:
    """Seeds each epoch of one call of `fit`, and notes draws that cannot be compared.

    `seed`: that of the trial. Within `seeded`, `fit` must be given `first` before all other
    callbacks, and `last` after them.
    """

    def __init__(self, seed: int, model: "keras.Model", rules: TrainingRules) -> None:
        import keras

        self._seed = seed
        self._model = model
        self._rules = rules
        self._kernels: set[str] = set()
        self._before: dict[str, str] = {}
        self._drawn: dict[str, list[bool]] = {step: [] for step in _STEPS}
        first, last = keras.callbacks.Callback(), keras.callbacks.Callback()
        first.on_epoch_begin = self._epoch_begin
        if not model.run_eagerly:
            for step in _STEPS:
                setattr(last, f"on_{step}_batch_begin", self._noting(self._step_begin, step))
                setattr(first, f"on_{step}_batch_end", self._noting(self._step_end, step))
        self.first, self.last = first, last

    @contextlib.contextmanager
    def seeded(self) -> Iterator[None]:
        """Within, TensorFlow's operations draw as they do in the platform's loop."""
        rules = self._rules
        context = random_draws.repeatable if rules.seeds_each_epoch else random_draws.kernels_noted
        with context(self._kernels):
            yield

    @property
    def unseeded(self) -> bool:
        """Whether the model draws numbers that no seed of an epoch reaches."""
        # a draw in the first step alone was made while the step was traced
        traced = any(drawn[0] and not any(drawn[1:]) for drawn in self._drawn.values() if drawn)
        return bool(self._kernels) or traced

    def _epoch_begin(self, epoch: int, logs: Any = None) -> None:
        random_draws.seed_epoch(self._seed, epoch + 1, self._model, self._rules, own_fit=False)

    @staticmethod
    def _noting(note: Any, step: str) -> Any:
        def hook(batch: int, logs: Any = None) -> None:
            note(step)

        return hook

    def _step_begin(self, step: str) -> None:
        if len(self._drawn[step]) < 2:
            self._before[step] = _generators()

    def _step_end(self, step: str) -> None:
        if len(self._drawn[step]) < 2:
            self._drawn[step].append(self._before[step] != _generators())


def _generators() -> str:
    """The state of the generators that code without a generator of its own draws from."""
    from keras.src.random import seed_generator

    own = getattr(seed_generator, "python_random", random)  # of Keras, see random_draws.seed_keras
    return repr((random.getstate(), np.random.get_state(), own.getstate()))
