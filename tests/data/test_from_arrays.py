"""Data as users have them become parts and Data, or an error in their words."""

import numpy as np
import pandas as pd
import pytest

from search.data.from_arrays import csv_part, dataset_part, frame_part, part, split
from search.data.parts import Data, Part
from search.errors import DataError, UsageError
from search.problem._data_checks import check_data, check_inputs, check_labels

FRAME = pd.DataFrame(
    {
        "age": [31, 54, 23, 40],
        "income": [1.5, 2.5, 0.5, 3.0],
        "city": ["Rome", "Oslo", "Rome", "Lima"],
        "buys": ["no", "yes", "no", "yes"],
        "counts": [1.0, 2.0, 1.0, 1.0],
    }
)


def many(n=100, classes=4) -> Part:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, 3)).astype("float32")
    return Part(x, np.arange(n) % classes, np.arange(n, dtype="float32"))


def test_a_frame_goes_to_named_inputs_with_labels_and_weights():
    one = frame_part(FRAME, "buys", {"who": ["age"], "has": ["income"]}, weights="counts")
    assert {name: (a.shape, a.dtype.name) for name, a in one.x.items()} == {
        "who": ((4, 1), "float32"),
        "has": ((4, 1), "float32"),
    }
    assert list(one.y) == ["no", "yes", "no", "yes"]
    assert list(one.weights) == [1.0, 2.0, 1.0, 1.0]


def test_without_names_the_other_columns_are_one_array():
    one = frame_part(FRAME.drop(columns="city"), "buys", weights="counts")
    np.testing.assert_array_equal(one.x, FRAME[["age", "income"]].to_numpy("float32"))


def test_a_column_of_texts_or_an_unknown_one_is_refused():
    with pytest.raises(DataError, match=r"column 'city' must contain numbers, but is .*'Rome'"):
        frame_part(FRAME, "buys")
    with pytest.raises(DataError, match="unknown column 'incme'; did you mean 'income'"):
        frame_part(FRAME, "buys", {"has": ["incme"]})


def test_a_csv_file_is_a_frame(tmp_path):
    file = tmp_path / "buyers.csv"
    FRAME.drop(columns="city").to_csv(file, index=False)
    one = csv_part(file, "buys", weights="counts")
    assert one.x.shape == (4, 2)
    with pytest.raises(DataError, match=r"buyers.csv: unknown column 'bus'"):
        csv_part(file, "bus")
    with pytest.raises(DataError, match=r"Cannot read .* as a CSV file"):
        csv_part(tmp_path / "none.csv", "buys")


def test_pandas_become_arrays():
    one = part(FRAME[["age", "income"]], FRAME["age"])
    assert (one.x.dtype.name, one.y.shape) == ("float32", (4,))
    two = part({"a": FRAME[["age"]], "b": FRAME["income"]}, (FRAME["buys"], FRAME["counts"]))
    assert {name: array.shape for name, array in two.x.items()} == {"a": (4, 1), "b": (4, 1)}
    assert [label[0] for label in two.y] == ["no", 1.0]


def test_classes_are_split_in_their_shares_and_the_same_way_each_time():
    whole = many()
    data = split(whole, 0.2, 0.2, seed=3)
    assert data.test is not None
    parts = (data.train, data.validation, data.test)
    assert [one.size for one in parts] == [60, 20, 20]
    assert [np.bincount(one.y).tolist() for one in parts] == [[15] * 4, [5] * 4, [5] * 4]
    # the weights number the rows: each is in one part, with its own x
    rows = np.concatenate([one.weights for one in parts]).astype(int)
    assert sorted(rows) == list(range(100))
    np.testing.assert_array_equal(np.concatenate([one.x for one in parts]), whole.x[rows])
    again = split(whole, 0.2, 0.2, seed=3)
    np.testing.assert_array_equal(again.train.x, data.train.x)
    assert not np.array_equal(split(whole, seed=4).train.x, data.train.x)


def test_texts_as_labels_become_numbers_with_class_names():
    data = split(Part(np.zeros((10, 1)), np.array(["b", "a"] * 5)), 0.2, None)
    assert data.class_names == ("a", "b")
    assert set(data.train.y) == {0, 1}
    assert data.test is None


def test_parts_that_are_there_already_are_kept():
    validation = many(20)
    data = split(Part(many().x, many().y), validation, 0.1, class_weight={0: 2.0})
    assert data.validation.size == 20
    assert (data.train.size, data.test.size) == (90, 10)
    other = Part(validation.x, np.array(["new"] * 20))
    with pytest.raises(DataError, match="unknown label 'new'"):
        split(Part(many().x, np.array(["old"] * 100)), other)


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.0, 0.2), (0.001, 0.2)])
def test_fractions_must_leave_examples_in_each_part(fractions):
    with pytest.raises(
        UsageError, match=r"with a sum below 1|each part needs at least one example"
    ):
        split(many(), *fractions)


def test_a_pipeline_is_taken_into_memory_with_its_weights():
    import tensorflow as tf

    x = {"a": np.arange(6.0), "b": np.ones((6, 2))}
    y, weights = np.arange(6), np.full(6, 0.5)
    examples = tf.data.Dataset.from_tensor_slices((x, y, weights))
    for dataset in (examples, examples.batch(4)):
        one = dataset_part(dataset)
        np.testing.assert_array_equal(one.x["a"], x["a"])
        assert one.x["b"].shape == (6, 2)
        np.testing.assert_array_equal(one.y, y)
        np.testing.assert_array_equal(one.weights, weights)


def test_a_pipeline_that_cannot_be_taken_is_refused():
    import tensorflow as tf

    pairs = tf.data.Dataset.from_tensor_slices((np.zeros((8, 2)), np.zeros((8, 1))))
    with pytest.raises(DataError, match="infinite"):
        dataset_part(pairs.repeat())
    with pytest.raises(DataError, match="Pass batched=True"):
        dataset_part(pairs.batch(4, drop_remainder=True))
    with pytest.raises(DataError, match="more than 0 MB"):
        dataset_part(pairs, megabytes=0, batched=False)
    with pytest.raises(DataError, match=r"must yield x, \(x, y\)"):
        dataset_part(tf.data.Dataset.from_tensor_slices(tuple(np.zeros((4, 3)))))


X, Y = np.zeros((4, 2), "float32"), np.zeros(4, int)
NAN = np.array([[0.0], [np.nan], [0.0]])


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        (Part(X, Y[:3]), Part(X, Y), r"train.y has 3 examples, but train.x has 4"),
        (Part(X, Y, Y[:2]), Part(X, Y), "train.weights has 2 examples"),
        (Part(X[:0], Y[:0]), Part(X, Y), "at least one example"),
        (Part(X, Y, NAN[[0, 1, 2, 0]].ravel()), Part(X, Y), "has NaN in 1 of 4 examples.*row 1"),
        (Part(X, np.array(["a", "b"] * 2)), Part(X, Y), "train.y must contain numbers.*Number the"),
        (Part({"a": 1.0}, Y[:1]), Part(X, Y), "train.x.a: data must be NumPy arrays"),
        (
            Part(X, Y),
            Part(X[:, :1], Y),
            r"validation.x has examples of shape \(1,\), but train has",
        ),
        (Part({"a": X}, Y), Part({"b": X}, Y), "validation: unknown array 'x.a'"),
    ],
)
def test_data_that_cannot_be_trained_on_are_refused(train, validation, message):
    with pytest.raises(DataError, match=message):
        check_data(Data(train, validation))


@pytest.mark.parametrize(
    ("loss", "labels", "shape", "message"),
    [
        ("sparse_categorical_crossentropy", np.array([0, 10]), (10,), "0 to 10. Use 11 units"),
        ("sparse_categorical_crossentropy", np.array([-1, 1]), (2,), "Number the classes from 0"),
        (
            "sparse_categorical_crossentropy",
            np.array([0.5]),
            (2,),
            "requires integers, but a label is 0.5",
        ),
        ("sparse_categorical_crossentropy", np.eye(3), (3,), "not one-hot labels"),
        ("categorical_crossentropy", np.array([0, 1]), (2,), "Compile with sparse_categorical"),
        (
            "categorical_crossentropy",
            np.eye(3),
            (4,),
            r"shape \(4,\).*the labels have shape \(3,\)",
        ),
        ("binary_crossentropy", np.array([1, 2]), (1,), "labels from 0 to 1, but they are 1 to 2"),
        (
            "binary_crossentropy",
            np.array([0, 1]),
            (2,),
            r"shape \(2,\).*the labels have one number",
        ),
        (
            "mean_squared_error",
            np.zeros((3, 2)),
            (1,),
            r"the labels have shape \(2,\)\. Change the",
        ),
    ],
)
def test_labels_that_do_not_fit_the_loss_are_refused(loss, labels, shape, message):
    with pytest.raises(DataError, match=message):
        check_labels(loss, labels, shape)


def test_labels_that_fit_are_let_through():
    check_labels("sparse_categorical_crossentropy", np.array([[0.0], [9.0]]), (10,))
    check_labels("binary_crossentropy", np.array([0, 1]), (1,))
    check_labels("mean_squared_error", np.zeros(3), (1,))
    check_labels("categorical_crossentropy", np.eye(3), (3,))


def test_inputs_are_held_to_the_models():
    check_inputs((8, 8), np.zeros((2, 8, 8)))
    check_inputs((None, 8), {"only": np.zeros((2, 5, 8))})
    check_inputs((8, 8), np.zeros((2, 8, 8, 1)))
    with pytest.raises(
        DataError, match=r"requires examples of shape \(64,\), but they have \(8, 8\)"
    ):
        check_inputs((64,), np.zeros((2, 8, 8)))
    with pytest.raises(DataError, match="unknown input 'wide'; did you mean 'wid'"):
        check_inputs({"wide": (1,), "deep": (1,)}, {"wid": X, "deep": X})
    with pytest.raises(DataError, match="x must be one array"):
        check_inputs((2,), (X, X))
