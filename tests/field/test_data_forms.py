"""Data as lists, with missing values, as streams and drawn at random."""

import functools
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.model_selection import train_test_split

import search
from search import Choice, Data, Int, Objective, Part, Problem, Space
from search.data.from_arrays import dataset_part, frame_part, part, split
from search.engine.resolve import ResolvedStudy
from search.engine.worker_setup import load_twice
from search.errors import DataError
from search.problem._data_checks import check_data
from search.runtime.clock import SystemClock
from search.study.config import StudyConfig
from tests.field.tables import RATE, data, dense, new_trainer, problem, table, train

X, Y = table(60)
REAL = X[:, :1] * 2 + 1


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y.tolist()),
        (X.tolist(), Y),
        (list(X), Y),
        (tuple(map(tuple, X.tolist())), tuple(Y.tolist())),
        (X.tolist(), list(Y)),
        (X.tolist(), Y.tolist()),
        (pd.DataFrame(X), pd.Series(Y)),
    ],
)
def test_lists_of_numbers_are_arrays(x: Any, y: Any) -> None:
    for whole in (part(x, y),) if isinstance(x, pd.DataFrame) else (part(x, y), Part(x, y)):
        found = split(whole)
        check_data(found)
        assert found.train.x.shape == (36, 8)
        assert found.train.y.shape == (36,)


def test_a_list_of_arrays_with_a_row_for_each_example_is_several_inputs() -> None:
    found = part([X, X[:, :2]], Y)
    assert [array.shape for array in found.x] == [(60, 8), (60, 2)]
    lists = part([X[:, 0].tolist(), X[:, 1].tolist()], Y)
    assert [array.shape for array in lists.x] == [(60,), (60,)]
    taken = found.take(slice(2))
    assert [array.shape for array in taken.x] == [(2, 8), (2, 2)]


def test_labels_in_a_list_of_texts_are_classes() -> None:
    found = split(part(X, ["a", "b", "c"] * 20))
    assert found.class_names == ("a", "b", "c")
    assert split(part(X, [b"a", b"b", b"c"] * 20)).class_names == ("a", "b", "c")


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """A stream of Keras."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, place: int) -> Any:
        return X, Y


def _rows() -> Any:
    yield from X


RAGGED = [[1.0], [1.0, 2.0]] * 30
REFUSED = {
    "ragged list": (RAGGED, "pad"),
    "ragged arrays": ([np.ones(n % 3 + 1) for n in range(60)], "pad"),
    "ragged objects": (np.array([np.ones(n % 3 + 1) for n in range(60)], object), "pad"),
    "ragged tensor": (tf.ragged.constant(RAGGED), "pad"),
    "numbers and texts": (["a", 1] * 30, "both numbers and texts"),
    "generator": (_rows(), "generator.*numpy.stack"),
    "generator function": (_rows, "generator.*from_generator"),
    "PyDataset": (Batches(), "PyDataset Batches"),
    "pipeline": (tf.data.Dataset.from_tensor_slices(X), "dataset_part"),
    "sparse": (tf.sparse.from_dense(X), "sparse"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_no_array_is_refused_with_what_to_do(form: str) -> None:
    given, remedy = REFUSED[form]
    with pytest.raises(DataError, match=remedy):
        check_data(Data(part(given, Y), part(X, Y)))


@pytest.mark.filterwarnings("ignore:Your `PyDataset` class:UserWarning")
def test_a_pipeline_that_is_none_or_ends_not_is_refused() -> None:
    pairs = tf.data.Dataset.from_tensor_slices((X, Y))
    ragged = tf.data.Dataset.from_tensor_slices(tf.ragged.constant(RAGGED))
    uneven = tf.data.Dataset.from_generator(
        lambda: iter([*RAGGED, [1.0] * 3]), output_signature=tf.TensorSpec([None])
    )
    for given, remedy in (
        (Batches(), "PyDataset"),
        (_rows(), "from_generator"),
        (X, "tf.data.Dataset, not ndarray"),
        (pairs.repeat(), "infinite"),
        (ragged, "pad"),
        (uneven.padded_batch(2), "pad"),
    ):
        with pytest.raises(DataError, match=remedy):
            dataset_part(given)
    with pytest.raises(DataError, match="pad"):
        dataset_part(uneven, batched=False)


def test_random_maps_and_unseeded_samples_are_refused() -> None:
    tf.random.set_seed(None)  # as load finds it
    pairs = tf.data.Dataset.from_tensor_slices((X, Y))
    noisy = pairs.map(lambda x, y: (x + tf.random.normal([8]), y))
    sampled = pairs.shuffle(60).take(20)
    for dataset in (noisy, noisy.batch(7), sampled):
        with pytest.raises(DataError, match=r"other rows in a second pass.* seed"):
            dataset_part(dataset)
    shuffled = dataset_part(pairs.shuffle(60, seed=1).batch(7))
    assert shuffled.size == 60


def _setup(load: Any) -> ResolvedStudy:
    given = Problem(
        "drawn",
        problem(dense, data(X, Y)).space,
        problem(dense, data(X, Y)).objective,
        load,
        lambda params: dense(),
    )
    from search.engine.resolve import resolve
    from search.problem import pickling

    return resolve(StudyConfig(problem="<drawn>", backend="randomized"), pickling.pack(given))


def _drawn(x: Any, y: Any) -> Data:
    first, second, one, other = train_test_split(x, y, test_size=0.4)
    return Data(Part(first, one), Part(second, other))


def _by_generator(_: Any) -> Data:
    rows = np.random.default_rng().permutation(60)
    return data(X[rows], Y[rows])


def _by_pipeline(_: Any) -> Data:
    pairs = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(60)
    return split(dataset_part(pairs.batch(10)))


@pytest.mark.parametrize(
    "load", [lambda _: _drawn(X, Y), _by_generator, _by_pipeline], ids=["split", "rng", "tf.data"]
)
def test_a_load_without_a_seed_is_named(load: Any) -> None:
    with pytest.raises(DataError, match=r"second call of load returned other data.*random_state=0"):
        load_twice(_setup(load), None, SystemClock())


class Slow:
    """A clock by which every load takes a minute."""

    def __init__(self) -> None:
        self.now = 0.0

    def seconds(self) -> float:
        self.now += 60
        return self.now


def test_a_slow_load_is_called_again_only_where_it_drew(tmp_path: Path) -> None:
    calls = tmp_path / "calls"

    def load(_: Any) -> Data:
        calls.write_text((calls.read_text() if calls.exists() else "") + "x")
        return data(X, Y)

    load_twice(_setup(load), None, Slow())
    assert calls.read_text() == "x"
    with pytest.raises(DataError, match="seed"):
        load_twice(_setup(lambda _: _drawn(X, Y)), None, Slow())
    load_twice(_setup(lambda _: split(part(X, Y), seed=3)), None, SystemClock())


SLOW = """
import time

import numpy as np

from search import Float, Objective, Problem, Space
from tests.field.tables import data, dense, table

X, Y = table(60)

def load(data_dir):
    begun = time.thread_time()
    while time.thread_time() - begun < 0.4:  # work, as long as a second load is left out for
        sum(range(1000))
    rows = ROWS
    return data(X[rows], Y[rows])

SPACE, OBJECTIVE = Space(Float("rate", 1e-3, 1e-1)), Objective("val_loss", "min")
PROBLEM = Problem("slow", SPACE, OBJECTIVE, load, lambda params: dense(rate=params["rate"]))
"""
DRAWN = {
    "generator": "np.random.default_rng().permutation(60)",
    "set": "[len(Y) % 7 + int(n) for n in {str(n) for n in range(40)}]",
}


@pytest.mark.parametrize(
    ("drawn", "workers", "said"),
    [
        ("generator", 1, r"differ from the study's \(digest .*load draws at random.*random_state"),
        ("set", 1, r"differ from the study's \(digest .*the order of a set.*sort"),
        ("generator", 0, "second call of load returned other data.*random_state=0"),
    ],
)
def test_a_slow_load_without_a_seed_is_refused_before_the_first_trial(
    drawn: str, workers: int, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "slow.py"
    file.write_text(SLOW.replace("ROWS", DRAWN[drawn]))
    store = tmp_path / "store"
    options = {"backend": "randomized", "trials": 1, "max_epochs": 1, "mlflow": False}
    with pytest.raises(DataError, match=said):
        search.tune(str(file), workers=workers, store=store, quiet=True, **options)
    journals = [one.read_text() for one in store.rglob("*.jsonl")]
    assert not any('"epoch"' in text for text in journals)


@pytest.mark.parametrize("load", [_by_generator, functools.partial(_by_generator)])
def test_where_no_other_process_loads_a_slow_load_is_called_again_for_its_generator(
    load: Any,
) -> None:
    load_twice(_setup(load), None, Slow())  # a worker's own load is compared instead
    with pytest.raises(DataError, match="second call of load returned other data"):
        load_twice(_setup(load), None, Slow(), alone=True)


def _masked(y: Any, p: Any) -> Any:
    known = keras.ops.cast(keras.ops.logical_not(keras.ops.isnan(y)), "float32")
    squares = keras.ops.square(keras.ops.nan_to_num(y) - p)
    return keras.ops.sum(known * squares) / keras.ops.maximum(keras.ops.sum(known), 1.0)


def _finite_but_not_its_gradient(y: Any, p: Any) -> Any:
    return keras.ops.mean(keras.ops.where(keras.ops.isnan(y), 0.0, keras.ops.square(y - p)))


def _regression(loss: Any, metrics: Any = (), layer: Any = None) -> Any:
    def build(params: Any) -> keras.Model:
        layers = [keras.Input((8,)), *([] if layer is None else [layer()]), keras.layers.Dense(1)]
        model = keras.Sequential(layers)
        model.compile(keras.optimizers.Adam(params["rate"]), loss, metrics=list(metrics))
        return model

    return build


def _holed(array: Any) -> Any:
    found = array.copy()
    found[np.random.default_rng(1).random(array.shape) < 0.6] = np.nan
    return found


def test_missing_labels_are_trained_with_a_loss_that_leaves_them_out() -> None:
    y = _holed(REAL)
    curve, _ = train(problem(_regression(_masked), data(X, y)), RATE, (0, 2))
    known = ~np.isnan(y[:, 0])
    assert known.sum() < 40
    assert all(map(math.isfinite, curve[1].values()))
    assert curve[1]["val_loss"] < curve[0]["val_loss"]


@pytest.mark.parametrize(
    ("loss", "metrics", "what"),
    [
        ("mse", (), "mean_squared_error is then not finite"),
        (_masked, ("mae",), "mae of the model is then not finite"),
        (_finite_but_not_its_gradient, (), "the gradient of the model is then not finite"),
    ],
)
def test_missing_labels_that_reach_the_loss_are_refused(loss: Any, metrics: Any, what: str) -> None:
    with pytest.raises(DataError, match=rf"y has NaN in \d+ of \d+ .*{what}.*weight 0"):
        train(problem(_regression(loss, metrics), data(X, _holed(REAL))), RATE, (0, 1))


def _with_searched_loss(params: Any) -> keras.Model:
    name = params["loss"]
    loss, metrics = (_masked, ("mae",)) if name == "metric" else (_LOSSES[name], ())
    return _regression(loss, metrics)(RATE)


_LOSSES = {"masked": _masked, "mse": "mse", "gradient": _finite_but_not_its_gradient}


@pytest.mark.parametrize("later", ["mse", "gradient", "metric"])
def test_each_trial_is_checked_where_labels_are_missing(later: str) -> None:
    y = REAL.copy()
    y[20:24] = np.nan  # in the second batch of 16, in the first of 32
    space = Space(Choice("loss", ["metric", *_LOSSES]), Int("batch_size", 16, 32))
    given = Problem(
        "p", space, Objective("val_loss", "min"), lambda _: data(X, y), _with_searched_loss
    )
    trainer = new_trainer(given)
    train(given, {"loss": "masked", "batch_size": 32}, (0, 1), trainer=trainer)
    with pytest.raises(DataError, match=r"y has NaN in 4 of 36 .*is then not finite") as refused:
        train(given, {"loss": later, "batch_size": 16}, (0, 1), trainer=trainer, trial="2")
    assert refused.value.scope == "problem"  # once a trial has trained, this one alone fails


class Impute(keras.layers.Layer):  # type: ignore[misc]
    """Replaces what is missing by zero."""

    def call(self, x: Any) -> Any:
        return keras.ops.nan_to_num(x)


def test_missing_inputs_are_trained_with_a_layer_that_replaces_them() -> None:
    given = problem(_regression("mse", layer=Impute), data(_holed(X), REAL))
    curve, _ = train(given, RATE, (0, 1))
    assert math.isfinite(curve[0]["val_loss"])


def test_missing_inputs_are_refused_by_the_names_of_their_columns() -> None:
    frame = pd.DataFrame(X, columns=list("abcdefgh")).assign(y=REAL)
    frame.loc[5, "c"] = np.nan
    with pytest.warns(UserWarning, match="column 'c' has no value in 1 of 60 rows, .* row 5"):
        whole = frame_part(frame, "y")
    with pytest.raises(DataError, match=r"x has NaN in 1 of .* column 'c', and loss .*Replace NaN"):
        train(problem(_regression("mse"), split(whole)), RATE, (0, 1))


def test_a_missing_weight_is_refused() -> None:
    weights = np.where(np.arange(60) == 3, np.nan, 1.0)
    with pytest.raises(DataError, match=r"train.weights has NaN in 1 of 60.*weight 0"):
        check_data(Data(Part(X, Y, weights), Part(X, Y)))
