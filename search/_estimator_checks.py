"""What `SearchCV` does not take of scikit-learn, refused in one sentence before it trains."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from search.errors import UsageError
from search.problem.problem import Problem

if TYPE_CHECKING:
    from search.estimator import SearchCV

_TUNE = "use search.tune with a Problem"
_INSTEAD = {
    "sample_weight": f"{_TUNE} whose Data have Part(x, y, weights)",
    "class_weight": f"{_TUNE} whose Data have class_weight",
    "groups": "split the rows by group yourself: search.tune takes a validation part",
    "validation_data": f"{_TUNE} whose Data have that validation part",
    "callbacks": "give a Problem with callbacks=",
    "epochs": "set max_epochs, or search an Int named epochs",
    "batch_size": "set batch_size of SearchCV",
}


class FitParameterError(UsageError, TypeError):
    """A parameter of `fit` that is not taken; a TypeError, as scikit-learn's own checks expect."""


def refuse_fit_params(given: Mapping[str, Any]) -> None:
    """Refuse every parameter of `fit` but the data.

    Raises: UsageError naming it and what to do instead.
    """
    for name, value in given.items():
        if value is not None:
            remedy = _INSTEAD.get(name, f"{_TUNE} and a fit= that does so")
            raise FitParameterError(
                f"SearchCV.fit takes X and y, and no {name}. Leave it out: {remedy}"
            )


def refuse_data(X: Any) -> None:  # noqa: N803 - scikit-learn's name
    """Refuse texts; sparse matrices are left to scikit-learn, which says what to do.

    Raises: UsageError with what to do.
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
            f"SearchCV takes numbers, got the text {str(found)[:40]!r}. Encode it (OneHotEncoder, "
            f"TfidfVectorizer and toarray), or {_TUNE} for a model with an input of texts"
        )


def refuse_folds(cv: Any) -> None:
    """Refuse what is no number of folds.

    Raises: UsageError.
    """
    if cv is None or (isinstance(cv, int | np.integer) and not isinstance(cv, bool)):
        return
    raise UsageError(
        f"cv must be a number of folds or None, got {_said(cv)}: SearchCV shuffles the rows into "
        "its own folds. For rows in the order of time, or groups, use search.tune with a Problem "
        "whose Data have the validation part that you want"
    )


def refuse_settings(estimator: "SearchCV") -> None:
    """Refuse settings of the estimator beside a `Problem`, which has its own.

    Raises: UsageError naming them.
    """
    problem = estimator.problem
    if not isinstance(problem, Problem):
        return
    names = ("space", "objective", "baseline", "batch_size")
    given = [name for name in names if getattr(estimator, name) is not None]
    if given:
        raise UsageError(
            f"SearchCV has a Problem and {', '.join(given)} beside it, and the Problem has its "
            f"own. "
            f"Set {'it' if len(given) == 1 else 'them'} in the Problem, or give its build function"
        )
    _refuse_weights(problem)


def _refuse_weights(problem: Problem) -> None:
    """Refuse a problem whose own data have weights: those given to `fit` have none."""
    try:
        data = problem.load(None)
    except Exception:  # noqa: BLE001 - the loader is the user's code, and its data are not used
        return
    named = {"class_weight": data.class_weight, "weights": data.train.weights}
    for name, value in named.items():
        if value is not None:
            raise UsageError(
                f"the data of problem {problem.name} have {name}, and SearchCV would train without "
                f"them. Leave {name} out of the Problem's data, or use search.tune"
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


def _said(value: Any) -> str:
    return f"a {type(value).__name__}" if len(repr(value)) > 60 else repr(value)
