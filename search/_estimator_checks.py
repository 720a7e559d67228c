"""Validate the arguments of `SearchCV` before any training."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from search.errors import UsageError
from search.problem.problem import Problem

if TYPE_CHECKING:
    from search.estimator import SearchCV

_TUNE = "use search.tune with a Problem"
_INSTEAD = {
    "sample_weight": f"{_TUNE} with weights in its data: Part(x, y, weights)",
    "class_weight": f"{_TUNE} with class_weight in its Data",
    "groups": "split the rows by group yourself: search.tune takes a validation part",
    "validation_data": f"{_TUNE} with this validation part in its Data",
    "callbacks": "give a Problem with callbacks=",
    "epochs": "set max_epochs, or search an Int named epochs",
    "batch_size": "set batch_size of SearchCV",
}


class FitParameterError(UsageError, TypeError):
    """`fit` got an unsupported parameter. A TypeError, as scikit-learn's checks expect."""


def refuse_fit_params(given: Mapping[str, Any]) -> None:
    """Check that `fit` got no parameters except the data.

    Raises: UsageError with the parameter and the alternative.
    """
    for name, value in given.items():
        if value is not None:
            remedy = _INSTEAD.get(name, f"{_TUNE} and its own fit=")
            raise FitParameterError(f"SearchCV.fit does not support {name}. Instead, {remedy}.")


def refuse_data(X: Any) -> None:  # noqa: N803 - scikit-learn's name
    """Check that X has no texts. scikit-learn itself refuses sparse matrices.

    Raises: UsageError with the alternatives.
    """
    if hasattr(X, "toarray"):
        return
    values = X.to_numpy() if hasattr(X, "to_numpy") else X
    array = values if isinstance(values, np.ndarray) else _array(values)
    if array.dtype.kind not in "OSUT" or not array.size:
        return
    found = next((v for v in array.flat if isinstance(v, str | bytes) and not _is_number(v)), None)
    if found is not None:
        raise UsageError(
            f"X contains the text {str(found)[:40]!r}, but SearchCV takes numbers. Encode it "
            f"(OneHotEncoder, or TfidfVectorizer and toarray), or {_TUNE} for a model with text "
            "inputs."
        )


def refuse_folds(cv: Any) -> None:
    """Check that `cv` is a number of folds or None.

    Raises: UsageError for any other value, such as a splitter.
    """
    if cv is None or (isinstance(cv, int | np.integer) and not isinstance(cv, bool)):
        return
    raise UsageError(
        f"cv must be a number of folds or None, not {_shortened(cv)}: SearchCV shuffles the rows "
        "into its own folds. For time series or groups, use search.tune with a Problem that has "
        "your validation part."
    )


def refuse_settings(estimator: "SearchCV") -> None:
    """Check that no setting is given both to the estimator and by its `Problem`.

    Raises: UsageError with the settings.
    """
    problem = estimator.problem
    if not isinstance(problem, Problem):
        return
    names = ("space", "objective", "baseline", "batch_size")
    given = [name for name in names if getattr(estimator, name) is not None]
    if given:
        raise UsageError(
            f"SearchCV got a Problem and also {', '.join(given)}, which the Problem defines. "
            f"Set {'it' if len(given) == 1 else 'them'} in the Problem, or pass a build function "
            "instead of the Problem."
        )
    _refuse_weights(problem)


def _refuse_weights(problem: Problem) -> None:
    """Refuse a problem with weights in its data: the data of `fit` have no weights."""
    try:
        data = problem.load(None)
    except Exception:  # noqa: BLE001 - the loader is the user's code, and its data are not used
        return
    named = {"class_weight": data.class_weight, "weights": data.train.weights}
    for name, value in named.items():
        if value is not None:
            raise UsageError(
                f"The data of problem {problem.name} have {name}, but SearchCV would train without "
                f"{name}. Remove {name} from the Problem's data, or use search.tune."
            )


def _array(values: Any) -> Any:
    try:
        return np.asarray(values)
    except ValueError:  # scikit-learn says what is wrong with rows of different lengths
        return np.empty(0)


def _is_number(value: str | bytes) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _shortened(value: Any) -> str:
    return f"a {type(value).__name__}" if len(repr(value)) > 60 else repr(value)
