"""What is kept of a winner's predictions: classes or values, mistakes, pictures; small, exact."""

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from search.data.parts import Part
from search.errors import SearchError
from search.export.evaluation import FILE, Classified, Regressed, gathered, packed, read

RNG = np.random.default_rng(0)


def of(outputs, x, y, *, names=(), class_names=(), metric="val_accuracy"):
    return gathered(outputs, names, Part(x, y), "test", class_names, metric)


def softmax(n: int, k: int):
    powers = np.exp(RNG.normal(size=(n, k)))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("form", ["labels", "column", "one-hot", "logits"])
def test_counts_are_those_of_scikit_learn_however_classes_are_written(form):
    shares, y = softmax(200, 5), RNG.integers(0, 5, 200)
    written = {"column": y[:, None], "one-hot": np.eye(5)[y]}.get(form, y)
    found = of(np.log(shares) - 3 if form == "logits" else shares, np.zeros((200, 3)), written)
    assert isinstance(found, Classified)
    assert found.confusion.tolist() == confusion_matrix(y, shares.argmax(axis=1)).tolist()
    assert found.class_names == ("0", "1", "2", "3", "4")
    ahead = found.probability - found.true_probability
    assert len(found.rows) == 12
    assert (np.diff(ahead) <= 0).all()
    wrong = shares.argmax(axis=1) != y
    assert ahead[0] == pytest.approx((shares.max(axis=1) - shares[range(200), y])[wrong].max())


def test_one_probability_is_about_the_second_of_two_classes():
    said, y = np.array([[0.2], [0.9], [0.7], [0.4]]), np.array([0, 1, 0, 1])
    found = of(said, np.zeros((4, 2)), y, class_names=("no", "yes"))
    assert isinstance(found, Classified)
    assert found.confusion.tolist() == [[1, 1], [1, 1]]
    assert found.rows.tolist() == [2, 3]
    assert found.probability == pytest.approx([0.7, 0.6])


@pytest.mark.parametrize("y", [np.array([0.5, 2.0, 1.0]), np.array([[0.0], [1.0], [1.0]])])
def test_numbers_are_residuals_also_where_they_happen_to_be_0_and_1(y):
    found = of(np.array([[0.4], [2.5], [-0.5]]), np.zeros((3, 2)), y, metric="val_loss")
    assert isinstance(found, Regressed)
    assert found.true == pytest.approx(y.reshape(-1))
    assert found.predicted == pytest.approx([0.4, 2.5, -0.5])


def test_of_many_values_some_are_kept_and_those_not_finite_left_out():
    said, y = RNG.normal(size=(20_000, 1)), RNG.normal(size=20_000)
    said[0] = math.nan
    found = of(said, np.zeros((20_000, 1)), y)
    assert isinstance(found, Regressed)
    assert (found.size, len(found.true)) == (20_000, 4999)
    assert len(packed(found)) < 50_000


def test_of_several_outputs_the_objectives_is_looked_at_else_the_first():
    outputs = {"main": np.zeros((4, 1)), "main_odd": softmax(4, 2)}
    y = {"main_odd": np.array([0, 1, 1, 0]), "main": np.arange(4.0)}
    assert of(outputs, np.zeros((4, 1)), y, metric="val_main_loss").output == "main"
    assert of(outputs, np.zeros((4, 1)), y, metric="val_main_odd_accuracy").output == "main_odd"
    listed = of([*outputs.values()], np.zeros((4, 1)), [y["main"], y["main_odd"]], names=("a", "b"))
    assert (listed.output, type(listed)) == ("a", Regressed)
    assert of(outputs, np.zeros((4, 1)), np.zeros(4)) is None


def test_images_are_kept_as_bytes_and_made_smaller():
    x = RNG.random((30, 200, 100, 3)).astype(np.float32)
    found = of(softmax(30, 3), x, RNG.integers(0, 3, 30))
    assert isinstance(found, Classified)
    assert (found.images.shape[1:], found.images.dtype) == ((67, 50, 3), np.uint8)
    grey = of(softmax(30, 3), x[:, :8, :8, :1], RNG.integers(0, 3, 30))
    assert isinstance(grey, Classified)
    assert grey.images.shape[1:] == (8, 8)


def test_many_classes_have_no_matrix_and_no_mistakes_no_examples():
    y = np.arange(150)
    found = of(np.eye(150), np.zeros((150, 2)), y)
    assert isinstance(found, Classified)
    assert (found.confusion.shape, len(found.rows), found.images.shape) == ((0, 0), 0, (0,))


@pytest.mark.parametrize(
    "evidence",
    [
        of(softmax(50, 3), np.zeros((50, 8, 8), np.uint8), RNG.integers(0, 3, 50)),
        of(np.zeros((5, 1)), np.zeros((5, 2)), np.arange(5.0) / 2),
    ],
    ids=["classes", "values"],
)
def test_the_file_gives_back_what_was_written(evidence, tmp_path):
    (tmp_path / FILE).write_bytes(packed(evidence))
    again = read(tmp_path)
    assert type(again) is type(evidence)
    for name in evidence.__slots__:
        np.testing.assert_array_equal(getattr(again, name), getattr(evidence, name))


def test_an_export_without_the_file_has_none_and_a_damaged_one_is_told(tmp_path):
    assert read(tmp_path) is None
    (tmp_path / FILE).write_bytes(b"PK nonsense")
    with pytest.raises(SearchError, match="is damaged"):
        read(tmp_path)
