"""Models with one fingerprint have one traced graph; what cannot be told has no fingerprint."""

import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from search.runtime import tensorflow_setup
from search.state.model_fingerprint import fingerprint

Make = Callable[[], keras.Model]


def network(
    *layers: Any,
    optimizer: Any = None,
    loss: Any = "mse",
    metrics: Any = ("mae",),
    inside: Any = lambda model: None,
) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2)])
    model.compile(optimizer or keras.optimizers.Adam(0.1), loss, metrics=list(metrics))
    inside(model)
    model.optimizer.build(model.trainable_variables)
    return model


def excluding(**what: Any) -> Any:
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(**what)
    return optimizer


def adapted(mean: float) -> Any:
    layer = keras.layers.Normalization(axis=None)
    layer.adapt(np.array([mean - 1, mean + 1]))
    return layer


def quantized(model: keras.Model) -> None:
    model.layers[-1].quantize("int8")


def low_rank(rank: int) -> Any:
    return lambda model: model.layers[-1].enable_lora(rank)


def frozen(model: keras.Model) -> None:
    model.layers[0].trainable = False


def without_bias_training(model: keras.Model) -> None:
    model.layers[-1].bias.trainable = False


def schedule(steps: int) -> Any:
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, steps))


def mixed() -> keras.Model:
    return network(keras.layers.Dense(3, dtype="mixed_float16"))


def with_epsilon() -> keras.Model:
    keras.config.set_epsilon(1e-2)
    return network(loss="binary_crossentropy")


def dense(**given: Any) -> Any:
    return keras.layers.Dense(3, **given)


# Each of these computes something else than all others.
MODELS: dict[str, Make] = {
    "plain": network,
    "momentum": lambda: network(optimizer=keras.optimizers.Adam(0.1, beta_1=0.5)),
    "clipping": lambda: network(optimizer=keras.optimizers.Adam(0.1, clipnorm=0.5)),
    "schedule": lambda: network(optimizer=schedule(10)),
    "longer schedule": lambda: network(optimizer=schedule(20)),
    "decay": lambda: network(optimizer=excluding(var_names=["nothing"])),
    "no decay of biases": lambda: network(optimizer=excluding(var_names=["bias"])),
    "loss": lambda: network(loss="mae"),
    "loss with a setting": lambda: network(loss=keras.losses.Huber(0.5)),
    "loss with another one": lambda: network(loss=keras.losses.Huber(0.7)),
    "metrics": lambda: network(metrics=()),
    "layer": lambda: network(dense()),
    "regularizer": lambda: network(dense(kernel_regularizer=keras.regularizers.L2(0.1))),
    "stronger regularizer": lambda: network(dense(kernel_regularizer=keras.regularizers.L2(0.2))),
    "activity": lambda: network(dense(activity_regularizer=keras.regularizers.L1(0.1))),
    "constraint": lambda: network(dense(kernel_constraint=keras.constraints.MaxNorm(1))),
    "frozen": lambda: network(dense(), inside=frozen),
    "frozen bias": lambda: network(dense(), inside=without_bias_training),
    "low rank": lambda: network(inside=low_rank(1)),
    "higher rank": lambda: network(inside=low_rank(2)),
    "normalization": lambda: network(adapted(0.0)),
    "another normalization": lambda: network(adapted(3.0)),
    "dropout": lambda: network(keras.layers.Dropout(0.5)),
    "less dropout": lambda: network(keras.layers.Dropout(0.1)),
    "mixed precision": mixed,
    "epsilon": with_epsilon,
}


def made(make: Make, seed: int) -> keras.Model:
    tensorflow_setup.fresh(seed)
    epsilon = keras.config.epsilon()
    try:
        return make()
    finally:
        keras.config.set_epsilon(epsilon)


def fingerprints(seed: int) -> dict[str, str | None]:
    found = {}
    for name, make in MODELS.items():
        tensorflow_setup.fresh(seed)
        epsilon = keras.config.epsilon()
        found[name] = fingerprint(make())
        keras.config.set_epsilon(epsilon)
    return found


def test_models_that_differ_have_different_fingerprints_and_equal_ones_the_same() -> None:
    first, second = fingerprints(seed=1), fingerprints(seed=2)
    assert first == second
    assert None not in first.values()
    assert len(set(first.values())) == len(MODELS)


def graph(model: keras.Model) -> str:
    """The definition of a traced training step, functions and constants included."""

    @tf.function(autograph=False)
    def step(x: Any, y: Any) -> Any:
        return model.train_step((x, y))

    spec = tf.TensorSpec([8, 4]), tf.TensorSpec([8, 2])
    concrete = step.get_concrete_function(*spec)
    constants = [tensor.numpy() for tensor, _ in concrete.graph.captures if is_constant(tensor)]
    # functions are numbered across the process
    return re.sub(r"[-_]\d+", "", str(concrete.graph.as_graph_def())) + repr(constants)


def is_constant(tensor: Any) -> bool:
    return bool(tensor.dtype not in (tf.resource, tf.variant))


@pytest.mark.parametrize("name", ["plain", "regularizer", "activity", "dropout", "normalization"])
def test_models_with_one_fingerprint_have_one_graph(name: str) -> None:
    graphs = [graph(made(MODELS[name], seed)) for seed in (1, 2)]
    assert graphs[0] == graphs[1]


def test_the_graphs_of_different_fingerprints_differ() -> None:
    names = ["plain", "no decay of biases", "constraint", "dropout", "less dropout"]
    assert len({graph(made(MODELS[name], 1)) for name in names}) == len(names)


class OwnLayer(keras.layers.Layer):  # type: ignore[misc]  # untyped
    def call(self, x: Any) -> Any:
        return x


def own_method(model: keras.Model) -> None:
    model.train_step = lambda data: {}


def own_object(model: keras.Model) -> None:
    model.settings = object()


@pytest.mark.parametrize(
    "make",
    [
        lambda: network(OwnLayer()),
        lambda: network(keras.layers.Lambda(lambda x: x)),
        lambda: network(loss=lambda true, predicted: true - predicted),
        lambda: network(metrics=[lambda true, predicted: true - predicted]),
        lambda: network(dense(activation=lambda x: x)),
        lambda: network(inside=own_method),
        lambda: network(inside=own_object),
    ],
)
def test_what_cannot_be_told_has_no_fingerprint(make: Make) -> None:
    tensorflow_setup.fresh(1)
    assert fingerprint(make()) is None


def test_a_class_of_keras_that_somebody_changed_has_no_fingerprint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inner = keras.layers.Dense.call
    monkeypatch.setattr(keras.layers.Dense, "call", lambda self, x, **more: 2 * inner(self, x))
    tensorflow_setup.fresh(1)
    assert fingerprint(network()) is None


def test_methods_for_pickle_that_scikeras_gives_to_keras_are_no_difference() -> None:
    tensorflow_setup.fresh(1)
    before = fingerprint(network())
    import scikeras  # noqa: F401 - it replaces methods of Keras's classes

    tensorflow_setup.fresh(2)
    assert fingerprint(network()) == before


def test_large_arrays_are_read_as_bytes() -> None:
    matrix = np.random.default_rng(0).normal(size=(20000, 50)).astype("float32")
    initializer = keras.initializers.Constant(matrix)
    layer = keras.layers.Embedding(20000, 50, embeddings_initializer=initializer)
    model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Flatten()])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    tracemalloc.start()
    assert fingerprint(model) is not None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * matrix.nbytes  # as text it takes a hundred times as much
