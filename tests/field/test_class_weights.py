"""Class weights: by label, by name or balanced; refused where they fit no label."""

from typing import Any

import numpy as np
import pytest

from search import Data, Part
from search.data.from_arrays import part, split
from search.datasets.base import digest
from search.errors import UsageError
from search.training.fit_loop import weighted
from tests.field.tables import RATE, data, dense, problem, table, train

X, Y = table(200)
TEXTS = np.where(np.arange(200) % 10 == 0, "yes", "no")
NUMBERS = (np.arange(200) % 10 == 0).astype("int64")


def weights(labels: Any, class_weight: Any, **more: Any) -> Any:
    """Return the weight of each training example."""
    return weighted(
        Data(Part(X, labels), Part(X, labels), class_weight=class_weight, **more)
    ).weights


@pytest.mark.parametrize("given", [{"no": 1.0, "yes": 20.0}, {1: 20.0}, {np.int64(1): 20}])
def test_texts_are_weighted_by_class_name_or_by_number(given: Any) -> None:
    found = weighted(split(part(X, TEXTS), class_weight=given))
    assert np.array_equal(found.weights, np.where(found.y == 1, 20.0, 1.0))


def test_class_names_of_the_data_are_keys() -> None:
    found = weights(NUMBERS, {"rare": 5.0}, class_names=("common", "rare"))
    assert np.array_equal(found, np.where(NUMBERS == 1, 5.0, 1.0))


@pytest.mark.parametrize(
    "labels", [NUMBERS, NUMBERS[:, None], np.eye(2)[NUMBERS], NUMBERS == 1, NUMBERS.astype("f4")]
)
def test_balanced_gives_each_class_the_same_sum(labels: Any) -> None:
    found = weights(labels, "balanced")
    assert np.isclose(found[NUMBERS == 1].sum(), found[NUMBERS == 0].sum())
    assert np.isclose(found.sum(), 200)  # as scikit-learn: n / (classes * count)


def test_balanced_counts_the_training_part_alone() -> None:
    found = weighted(split(part(X, TEXTS), class_weight="balanced"))
    assert np.isclose(found.weights.sum(), found.size)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({2: 5.0}, r"unknown label '2'.*Known: 0, 1, no, yes"),
        ({"1": 20.0}, "did you mean '1'"),
        ({"yess": 20.0}, "did you mean 'yes'"),
        ({None: 1.0}, "unknown label 'None'"),
        ({1: -20.0}, r"class_weight\[1\] must be a finite number >= 0, not -20.0"),
        ({1: float("inf")}, "finite number"),
        ({"yes": "20"}, "finite number"),
        ({1: 2.0, "yes": 3.0}, "two weights for label 1"),
        ("balance", "did you mean 'balanced'"),
        ([1.0, 20.0], "must map each label to its weight"),
    ],
)
def test_what_fits_no_label_is_refused(given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        split(part(X, TEXTS), class_weight=given)
    assert "class_weight" in str(refused.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a": NUMBERS, "b": NUMBERS}, "labels for 2 outputs"),
        (None, "class_weight needs labels, but the training part has none. Remove class"),
        (np.linspace(0, 1, 200), "needs class labels, but y contains 0.005"),
        (
            np.zeros((200, 4, 4), "int64"),
            r"one label for each example, but y is int64 of shape \(200",
        ),
        (TEXTS, "search.data.split, which numbers"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        weights(labels, {1: 2.0})


def test_the_digest_of_weights_by_number_is_that_of_earlier_studies() -> None:
    """It was computed over the items as the user wrote them, so a study can be resumed."""
    given = {0: 1, 1: 20.0}
    d = Data(Part(X, NUMBERS), Part(X, NUMBERS), class_weight=given)
    assert sorted(d.class_weight.items()) == [(0, 1), (1, 20.0)]
    assert digest(d) != digest(Data(Part(X, NUMBERS), Part(X, NUMBERS), class_weight={1: 20.0}))


def test_a_trial_is_weighted_as_fit_weights_it() -> None:
    d = data(X, NUMBERS, class_names=("no", "yes"), class_weight={"yes": 9.0})
    curve, _ = train(problem(lambda params: dense(units=2), d), RATE, (0, 1), seed=3)
    by_number = data(X, NUMBERS, class_weight={1: 9.0})
    assert (
        train(problem(lambda params: dense(units=2), by_number), RATE, (0, 1), seed=3)[0] == curve
    )
