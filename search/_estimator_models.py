"""scikeras's estimators with scikit-learn's tags."""

from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.base import BaseEstimator
from sklearn.utils import ClassifierTags, RegressorTags, Tags


def tagged(tags: Tags, task: str) -> Tags:
    """Set the tags of a classifier or regressor, which scikit-learn uses to detect the task."""
    classifies = task == "classification"
    tags.estimator_type = "classifier" if classifies else "regressor"
    tags.classifier_tags = ClassifierTags() if classifies else None
    tags.regressor_tags = None if classifies else RegressorTags()
    tags.target_tags.required = True
    tags.target_tags.multi_output = not classifies
    return tags


class TunedClassifier(KerasClassifier):  # type: ignore[misc]  # untyped
    """scikeras's classifier around a trained model.

    scikeras 0.13 has no `__sklearn_tags__`: scikit-learn 1.9 does not detect its classifier
    (`is_classifier`), and `cv=3` then splits without stratification.
    """

    def __sklearn_tags__(self) -> Tags:
        return tagged(BaseEstimator.__sklearn_tags__(self), "classification")


class TunedRegressor(KerasRegressor):  # type: ignore[misc]  # untyped
    """scikeras's regressor around a trained model, with scikit-learn's tags."""

    def __sklearn_tags__(self) -> Tags:
        return tagged(BaseEstimator.__sklearn_tags__(self), "regression")
