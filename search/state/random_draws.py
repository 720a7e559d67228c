"""Random draws that follow from a trial's seed and epoch, however they are made.

TensorFlow's `tf.random.normal` and the like have their seed fixed when a graph is traced, and count
their draws inside the graph's kernels, where no checkpoint reaches. Within `repeatable` they draw
by TensorFlow's stateless operations instead, from a seed and a counter in one variable that `seed`
sets. The same holds for Keras's draws without a `SeedGenerator`.
"""

import contextlib
import functools
import random
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from search.runtime import tensorflow_setup
from search.seeds import seed_for
from search.study.rules import TrainingRules

if TYPE_CHECKING:
    import keras


def seed_epoch(
    trial_seed: int, epoch: int, model: "keras.Model", rules: TrainingRules, *, own_fit: bool
) -> None:
    """Seed the random generators for an epoch of a trial; `own_fit`: the user's `fit` trains it.

    The user's `fit`, and a model that runs eagerly, may draw by TensorFlow's kernels.
    """
    if not own_fit and not rules.seeds_each_epoch:
        return
    number = seed_for(trial_seed, "epoch", epoch)
    if own_fit:
        tensorflow_setup.seeded(seed_for(trial_seed, "fit", epoch))
    elif model.run_eagerly:
        tensorflow_setup.seeded(number)
    else:
        seed(number)
        return
    if rules.seeds_each_epoch:
        seed_keras(number)


def seed(number: int) -> None:
    """Seed Python, NumPy, Keras and TensorFlow, without the cost of `tf.random.set_seed`.

    `tf.random.set_seed` makes TensorFlow instantiate every graph again, which takes longer than an
    epoch of a small model. Only kernels with an internal state are not seeded; see `repeatable`.
    """
    from tensorflow.python.eager import context

    current = context.context()
    # TensorFlow 2.21, python/eager/context.py, _set_global_seed without TFE_ContextClearCaches
    current._seed, current._rng = number, random.Random(number)
    random.seed(number)
    np.random.seed(number)
    seed_keras(number)


def seed_keras(number: int) -> None:
    """Seed what Keras draws from by itself, and the variables that graphs draw from.

    Keras 3.15 takes the seeds of initializers and dropout from Python's global generator, from
    which Dask's own threads draw too: Keras gets one for itself, which gives the same numbers; see
    test_other_threads_that_draw_change_no_model. Its generator for draws without a seed is one
    and the same object for all trials, so that a graph that is used again draws from it.
    """
    import tensorflow as tf
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator

    seed_generator.python_random = random.Random(number)
    keras_generator, counter, tensorflow_generator = _generators()
    keras_generator.state.assign(np.array([number, 0], dtype=keras_generator.state.dtype))
    counter.assign([number, 0])
    tensorflow_generator.reset_from_seed(number)
    tf.random.set_global_generator(tensorflow_generator)
    global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, keras_generator)


@contextlib.contextmanager
def repeatable(unknown: set[str]) -> Iterator[None]:
    """Draw repeatably in this thread within the block; `unknown`: as in `kernels_noted`."""
    from tensorflow.python.ops import gen_random_ops

    thread = threading.get_ident()
    plain = {name: getattr(gen_random_ops, name) for name in _STATELESS}
    for name, stateless in _STATELESS.items():
        setattr(gen_random_ops, name, _in_thread(thread, stateless, plain[name]))
    try:
        with kernels_noted(unknown):
            yield
    finally:
        for name, function in plain.items():
            setattr(gen_random_ops, name, function)


@contextlib.contextmanager
def kernels_noted(unknown: set[str]) -> Iterator[None]:
    """Add the names of random operations with an internal state in graphs traced in the block."""
    from tensorflow.python.framework import ops

    create = ops.Graph._create_op_internal

    def noted(
        graph: Any, kind: str, inputs: Any, dtypes: Any = None, input_types: Any = None,
        name: Any = None, attrs: Any = None, *args: Any, **settings: Any,
    ) -> Any:  # fmt: skip
        if "seed2" in (attrs or ()) and not _in_dataset():
            unknown.add(kind)
        return create(graph, kind, inputs, dtypes, input_types, name, attrs, *args, **settings)

    ops.Graph._create_op_internal = noted
    try:
        yield
    finally:
        ops.Graph._create_op_internal = create


def _in_dataset() -> bool:
    """Whether a function of a `tf.data` pipeline is being traced (TensorFlow 2.21 names it so).

    It runs ahead in threads of TensorFlow's, so that a counter of ours would be read at any moment.
    Its draws begin with each iterator, and follow from the seed of the epoch.
    """
    from tensorflow.python.framework import ops

    graph: Any = ops.get_default_graph()
    while graph is not None:
        if str(getattr(graph, "name", "")).startswith("Dataset_"):
            return True
        graph = getattr(graph, "outer_graph", None)
    return False


def _in_thread(thread: int, stateless: Any, plain: Any) -> Callable[..., Any]:
    def draw(*args: Any, seed: Any = 0, seed2: Any = 0, name: Any = None, **settings: Any) -> Any:
        if threading.get_ident() != thread or _in_dataset():
            return plain(*args, seed=seed, seed2=seed2, name=name, **settings)
        return stateless(_next_seed(), *args, **settings)

    return draw


def _next_seed() -> Any:
    import tensorflow as tf

    counter = _generators()[1]
    return tf.identity(counter.assign_add([0, 1]))


@functools.cache
def _generators() -> tuple[Any, Any, Any]:
    """Keras's generator for draws without a seed, ours for operations, and TensorFlow's own."""
    import keras
    import tensorflow as tf

    with tf.init_scope():
        return (
            keras.random.SeedGenerator(0, name="draws_without_a_seed"),
            tf.Variable([0, 0], dtype=tf.int64, trainable=False),
            tf.random.Generator.from_seed(0),
        )


def _normal(seed: Any, shape: Any, dtype: Any) -> Any:
    import tensorflow as tf

    return tf.random.stateless_normal(shape, seed, dtype=dtype)


def _truncated(seed: Any, shape: Any, dtype: Any) -> Any:
    import tensorflow as tf

    return tf.random.stateless_truncated_normal(shape, seed, dtype=dtype)


def _parameterized(seed: Any, shape: Any, means: Any, stds: Any, low: Any, high: Any) -> Any:
    import tensorflow as tf

    return tf.random.stateless_parameterized_truncated_normal(shape, seed, means, stds, low, high)


def _uniform(seed: Any, shape: Any, dtype: Any) -> Any:
    import tensorflow as tf

    return tf.random.stateless_uniform(shape, seed, dtype=dtype)


def _uniform_int(seed: Any, shape: Any, minval: Any, maxval: Any) -> Any:
    import tensorflow as tf

    dtype = tf.convert_to_tensor(minval).dtype
    return tf.random.stateless_uniform(shape, seed, minval, maxval, dtype)


def _shuffle(seed: Any, value: Any) -> Any:
    import tensorflow as tf

    return tf.random.experimental.stateless_shuffle(value, seed)


def _multinomial(seed: Any, logits: Any, num_samples: Any, output_dtype: Any = None) -> Any:
    import tensorflow as tf

    return tf.random.stateless_categorical(logits, num_samples, seed, output_dtype or tf.int64)


def _gamma(seed: Any, shape: Any, alpha: Any) -> Any:
    import tensorflow as tf

    alpha = tf.convert_to_tensor(alpha)
    whole = tf.concat([shape, tf.shape(alpha)], 0)
    return tf.random.stateless_gamma(whole, seed, alpha, dtype=alpha.dtype)


def _poisson(seed: Any, shape: Any, rate: Any, dtype: Any = None) -> Any:
    import tensorflow as tf

    rate = tf.convert_to_tensor(rate)
    whole = tf.concat([shape, tf.shape(rate)], 0)
    return tf.random.stateless_poisson(whole, seed, rate, dtype or tf.float32)


# By the functions of TensorFlow's gen_random_ops, which all others call.
_STATELESS: dict[str, Callable[..., Any]] = {
    "random_standard_normal": _normal,
    "truncated_normal": _truncated,
    "parameterized_truncated_normal": _parameterized,
    "random_uniform": _uniform,
    "random_uniform_int": _uniform_int,
    "random_shuffle": _shuffle,
    "multinomial": _multinomial,
    "random_gamma": _gamma,
    "random_poisson_v2": _poisson,
}
