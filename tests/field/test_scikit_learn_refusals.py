"""What SearchCV does not take of scikit-learn is refused in one sentence, before it trains."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit

from search import Choice, Objective, SearchCV, Space
from search.errors import UsageError
from tests.field.tables import data, dense, problem, table

X, Y = table(40)
PROBLEM = problem(lambda params: dense(), data(X, Y))


def estimator(**more: Any) -> SearchCV:
    """One that would train in this process."""
    space = Space(Choice("a", (1, 2)))
    return SearchCV(lambda params, facts: dense(), space, workers=0, **more)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("sample_weight", r"Part\(x, y, weights\)"),
        ("class_weight", "class_weight in its Data"),
        ("groups", "by group"),
        ("validation_data", "validation part"),
        ("callbacks", "callbacks="),
        ("verbose", "search.tune"),
    ],
)
def test_a_parameter_of_fit_is_refused_with_what_to_do(name: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=f"does not support {name}. .*{remedy}"):
        estimator().fit(X, Y, **{name: np.ones(40)})


@pytest.mark.parametrize(
    "cv", [TimeSeriesSplit(3), GroupKFold(3), KFold(3), [([0, 1], [2])], "3", 2.5, True]
)
def test_folds_that_are_no_number_are_refused(cv: Any) -> None:
    with pytest.raises(UsageError, match=r"cv must be a number of folds .*time series"):
        estimator(cv=cv).fit(X, Y)


@pytest.mark.parametrize(
    "given",
    [
        {"objective": Objective("val_accuracy", "max")},
        {"baseline": {"rate": 0.01}},
        {"batch_size": 32},
        {"space": Space(Choice("a", (1, 2)))},
    ],
)
def test_a_setting_beside_a_problem_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"got a Problem and also {next(iter(given))}"):
        SearchCV(PROBLEM, workers=0, **given).fit(X, Y)


def test_class_weights_of_a_problem_are_not_dropped() -> None:
    weighted = replace(PROBLEM, load=lambda _: data(X, Y, class_weight={0: 50.0}))
    with pytest.raises(UsageError, match="have class_weight, but SearchCV would train without"):
        SearchCV(weighted, workers=0).fit(X, Y)


@pytest.mark.parametrize(
    "texts",
    [
        np.array(["fine film", "dull film"] * 20),
        ["fine film", "dull film"] * 20,
        np.array([["fine film"], ["dull film"]] * 20, dtype=object),
        pd.DataFrame({"a": range(40), "b": ["fine film", "dull film"] * 20}),
        pd.Series(["fine film", "dull film"] * 20),
        np.array([b"fine film", b"dull film"] * 20),
    ],
)
def test_texts_are_refused(texts: Any) -> None:
    with pytest.raises(
        UsageError, match=r"contains the text .*fine film.*takes numbers.*search.tune"
    ):
        estimator().fit(texts, Y)


def test_sparse_data_are_refused() -> None:
    with pytest.raises(TypeError, match=r"dense data is required.*toarray"):
        estimator().fit(csr_matrix(X), Y)
