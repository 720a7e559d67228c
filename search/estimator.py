"""scikit-learn API: `SearchCV`, an estimator that tunes a Keras model in `fit`.

scikeras encodes the targets and decodes the predictions.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from scikeras.utils.transformers import ClassifierLabelEncoder, RegressorTargetEncoder
from sklearn.base import BaseEstimator
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from search import _estimator_checks
from search._estimator_models import TunedClassifier, TunedRegressor, tagged
from search.data.parts import Data, Part
from search.errors import UsageError, unknown_name
from search.problem.directions import objective_of
from search.problem.objective import Objective
from search.problem.problem import Problem
from search.results import Study
from search.runtime.type_checks import check_function
from search.space.parameters import Int, Params
from search.space.space import Space
from search.study import leaderboard
from search.study.study_record import StudyRecord
from search.tuning import tune

if TYPE_CHECKING:
    import keras

Array: TypeAlias = "np.ndarray[Any, Any]"
Task: TypeAlias = Literal["classification", "regression"]

_HELD_OUT = 0.2


def _classifies(estimator: "SearchCV") -> bool:
    return estimator.task == "classification"


def _objective(given: Objective | str | None) -> Objective:
    return objective_of(given or "val_loss") if given is None or isinstance(given, str) else given


def _refits(estimator: "SearchCV") -> bool:
    if not estimator.refit:
        raise AttributeError("SearchCV has no model, because refit=False. Fit with refit=True.")
    return True


class SearchCV(BaseEstimator):  # type: ignore[misc]  # untyped
    """Tune a Keras model in `fit(X, y)` and predict with the best one, like `GridSearchCV`.

    Class labels reach the model as 0, 1, ...: use sparse_categorical_crossentropy with one output
    per class, or binary_crossentropy with a single output.

    Args:
        problem: A function `build(params, facts)` that returns a compiled model, where `facts`
            are the metadata of scikeras ("n_features_in_", "X_shape_", "n_classes_",
            "n_outputs_", ...). Or a `Problem`; its data are replaced by X and y.
        space: Search space of the build function. A `Problem` has its own.
        task: "classification" or "regression".
        backend: As in `search.tune`.
        trials: As in `search.tune`.
        max_epochs: As in `search.tune`.
        time: As in `search.tune`.
        seed: As in `search.tune`.
        patience: As in `search.tune`.
        batch_size: Batch size, by default 32. A `Problem` has its own.
        objective: An `Objective`, or the name of a metric with a known direction; by default
            val_loss. A `Problem` has its own.
        baseline: Parameter values to train first. A `Problem` has its own.
        cv: Number of folds. None holds out a fifth of the rows, stratified by class if possible.
            Folds are shuffled: do not use them for time series or groups.
        refit: Train the best parameters again on all rows, for the best number of epochs.
        workers: As in `search.tune`; 0 trains in this process.
        store: Folder that keeps the study; None deletes the study after `fit`.
        study: As in `search.tune`.
        quiet: Show no progress.

    Attributes:
        best_params_: Parameters of the best trial.
        best_score_: Score of the best trial; larger is better.
        best_index_: Index of the best trial in `cv_results_`.
        best_epoch_: Best epoch of the best trial, from 1.
        cv_results_: One entry per trial, in scikit-learn's format.
        classes_: Class labels, for a classification.
        study_: The `Study`, if `store` keeps it.
        best_estimator_: scikeras's wrapper of the refitted model, with `refit`.

    Example:
        search = SearchCV(build, Space([Int("units", 8, 64)]), trials=10)
        search.fit(X, y).predict(X)
    """

    def __init__(
        self,
        problem: "Problem | Callable[[Params, Mapping[str, Any]], keras.Model]",
        space: Space | None = None,
        *,
        task: Task = "classification",
        backend: str = "hyperband",
        trials: int | None = None,
        max_epochs: int | None = None,
        time: float | str | None = None,
        seed: int = 0,
        patience: int | None = None,
        batch_size: int | None = None,
        objective: Objective | str | None = None,
        baseline: Params | None = None,
        cv: int | None = None,
        refit: bool = True,
        workers: int | str | None = None,
        store: Path | str | None = None,
        study: str | None = None,
        quiet: bool = True,
    ) -> None:
        self.problem = problem
        self.space = space
        self.task = task
        self.backend = backend
        self.trials = trials
        self.max_epochs = max_epochs
        self.time = time
        self.seed = seed
        self.patience = patience
        self.batch_size = batch_size
        self.objective = objective
        self.baseline = baseline
        self.cv = cv
        self.refit = refit
        self.workers = workers
        self.store = store
        self.study = study
        self.quiet = quiet

    def fit(self, X: Any, y: Any, **fit_params: Any) -> "SearchCV":  # noqa: N803 - scikit-learn's name
        """Search on the data, and refit the best parameters.

        Args:
            X: Numbers of shape (n, ...).
            y: Targets of shape (n,) or (n, outputs).
            **fit_params: Not supported; the error names the alternative.

        Returns:
            The estimator itself.

        Raises:
            ValueError: X or y is invalid, also for sparse data.
            UsageError: For parameters of `fit`, a `cv` that is not a number, texts in X, and
                settings that a `Problem` already has.
            SearchError: As in `search.tune`.
        """
        _estimator_checks.refuse_fit_params(fit_params)
        _estimator_checks.refuse_data(X)
        _estimator_checks.refuse_folds(self.cv)
        _estimator_checks.refuse_settings(self)
        if self.task not in ("classification", "regression"):
            raise unknown_name("task", str(self.task), ("classification", "regression"))
        classifies = _classifies(self)
        x, y = validate_data(self, X, y, allow_nd=True, multi_output=True, y_numeric=not classifies)
        if classifies:
            check_classification_targets(y)
            if y.ndim == 2 and y.shape[1] == 1:
                y = column_or_1d(y, warn=True)
        encoder = ClassifierLabelEncoder() if classifies else RegressorTargetEncoder()
        targets = np.asarray(encoder.fit(y).transform(y))
        targets = targets.astype("int64" if classifies else "float32")
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        facts = {
            **encoder.get_metadata(),
            "n_features_in_": self.n_features_in_,
            "X_shape_": x.shape,
            "X_dtype_": x.dtype,
            "y_shape_": y.shape,
        }
        if classifies:
            self.classes_ = encoder.classes_
        problem = self._problem(facts, _split(x, targets, self.seed, by_class=classifies))
        with tempfile.TemporaryDirectory(prefix="keras-search-") as scratch:
            store = Path(scratch if self.store is None else self.store)
            study = self._tuned(problem, store)
            self._keep(study)
            if self.refit:
                whole = Data(Part(x, targets), Part(x[:1], targets[:1]))
                model = self._refitted(problem, whole, Path(scratch) / "refit")
                wrapper = TunedClassifier if classifies else TunedRegressor
                self.best_estimator_ = wrapper(model=model).initialize(x, y)
        if self.store is not None:
            self.study_ = Study(study.name, study.store)  # without the data, to be picklable
        return self

    @available_if(_refits)  # type: ignore[untyped-decorator]
    def predict(self, X: Any) -> Array:  # noqa: N803
        """Predict the class or value of each row.

        Args:
            X: Numbers of shape (n, ...), as in `fit`.

        Returns:
            An array of length n, in the shape of the fitted `y`: classes in its dtype, values as
            float64.
        """
        x = self._checked(X)
        answer: Array = self.best_estimator_.predict(x, verbose=0)
        # scikit-learn expects the precision of its own regressors for several outputs
        return answer if _classifies(self) else answer.astype("float64")

    @available_if(lambda self: _refits(self) and _classifies(self))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """Predict the probability of each class.

        Args:
            X: Numbers of shape (n, ...), as in `fit`.

        Returns:
            An array of shape (n, classes), in the order of `classes_`.
        """
        x = self._checked(X)
        # scikeras 0.13 squeezes its result: a single row would lose an axis
        shares: Array = self.best_estimator_.predict_proba(x, verbose=0)
        return shares.reshape(len(x), -1)

    @available_if(_refits)  # type: ignore[untyped-decorator]
    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Return the accuracy of a classification, or R² of a regression.

        Args:
            X: Numbers of shape (n, ...), as in `fit`.
            y: True targets.
        """
        measure = accuracy_score if _classifies(self) else r2_score
        return float(measure(y, self.predict(X)))

    def __sklearn_tags__(self) -> Tags:
        return tagged(super().__sklearn_tags__(), self.task)

    def _checked(self, X: Any) -> Array:  # noqa: N803
        check_is_fitted(self, "best_estimator_")
        x: Array = validate_data(self, X, reset=False, allow_nd=True)
        return x

    def _problem(self, facts: Mapping[str, Any], data: Data) -> Problem:
        """Return the problem to tune: the user's problem or build function with these data."""
        if isinstance(self.problem, Problem):
            return replace(self.problem, load=lambda _: data)
        if self.space is None:
            raise UsageError("`space` is required when `problem` is a build function.")
        check_function("build", self.problem, "params", "facts")
        return Problem(
            name="estimator",
            space=self.space,
            objective=_objective(self.objective),
            load=lambda _: data,
            build=self.problem,
            statistics=lambda _: facts,
            baseline=self.baseline,
            batch_size=32 if self.batch_size is None else self.batch_size,
        )

    def _tuned(self, problem: Problem, store: Path) -> Study:
        return tune(
            problem,
            backend=self.backend,
            trials=self.trials,
            max_epochs=self.max_epochs,
            time=self.time,
            seed=self.seed,
            patience=self.patience,
            cv=self.cv,
            study=self.study,
            workers=self.workers,
            store=store,
            quiet=self.quiet,
            mlflow=self.store is not None,
        )

    def _keep(self, study: Study) -> None:
        """Set the attributes of scikit-learn's search estimators."""
        best, record = study.best, study.record
        self.cv_results_ = cv_results(record)
        self.best_index_ = [*record.trials].index(best.trial)
        self.best_params_ = dict(best.params)
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])
        self.best_epoch_ = best.best_epoch
        self.n_splits_ = self.cv or 1

    def _refitted(self, problem: Problem, data: Data, store: Path) -> "keras.Model":
        """Train the winner on all rows, as a study of one trial scored at its last epoch."""
        epochs, space, params = self.best_epoch_, problem.space, dict(self.best_params_)
        if "epochs" in params:
            # early stopping may have ended the winner below the search range
            space = space.replace(Int("epochs", epochs, epochs))
            params["epochs"] = epochs
        winner = replace(
            problem,
            load=lambda _: data,
            space=space,
            baseline=params,
            objective=replace(problem.objective, score_at="last"),
            patience=None,
        )
        study = tune(
            winner,
            backend="randomized",
            trials=1,
            max_epochs=epochs,
            seed=self.seed,
            workers=0 if self.workers == 0 else 1,
            store=store,
            quiet=True,
            mlflow=False,
        )
        return study.best_model()


def cv_results(record: StudyRecord) -> dict[str, Any]:
    """Convert a study to scikit-learn's `cv_results_`: one array per column, one entry per trial.

    For scores, larger is better. A trial without a score has NaN and the last rank.
    """
    trials = [*record.trials.values()]
    sign = 1.0 if record.objective.direction == "max" else -1.0
    scores = np.array([np.nan if t.score is None else sign * t.score for t in trials])
    places = {trial.trial: place for place, trial in enumerate(leaderboard.ranked(record), 1)}
    results: dict[str, Any] = {
        "mean_fit_time": np.array([trial.seconds for trial in trials]),
        "params": [dict(trial.params) for trial in trials],
        "split0_test_score": scores,
        "mean_test_score": scores,
        "std_test_score": np.zeros(len(trials)),
        "rank_test_score": np.array([places[trial.trial] for trial in trials], dtype="int32"),
        "epochs": np.array([len(trial.curve) for trial in trials], dtype="int32"),
        "state": np.array([trial.state(record.state) for trial in trials]),
    }
    for name in dict.fromkeys(name for trial in trials for name in trial.params):
        column = np.ma.MaskedArray(np.empty(len(trials), dtype=object), mask=True)
        for row, trial in enumerate(trials):
            if name in trial.params:
                column[row] = trial.params[name]
        results[f"param_{name}"] = column
    return results


def _split(x: Array, y: Array, seed: int, *, by_class: bool) -> Data:
    """Split rows into training and validation data, stratified if there are enough rows."""
    stratify = None
    if by_class and y.ndim == 1:
        counts = np.bincount(y)
        if counts.min() >= 2 and len(counts) <= _HELD_OUT * len(y):
            stratify = y
    held = train_test_split(x, y, test_size=_HELD_OUT, random_state=seed, stratify=stratify)
    return Data(Part(held[0], held[2]), Part(held[1], held[3]))
