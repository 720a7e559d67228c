"""scikeras's estimators with the tags that scikit-learn asks for."""

from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.base import BaseEstimator
from sklearn.utils import ClassifierTags, RegressorTags, Tags


def tagged(tags: Tags, task: str) -> Tags:
    """The tags of an estimator for a task: without them scikit-learn takes it for neither."""
    classifies = task == "classification"
    tags.estimator_type = "classifier" if classifies else "regressor"
    tags.classifier_tags = ClassifierTags() if classifies else None
    tags.regressor_tags = None if classifies else RegressorTags()
    tags.target_tags.required = True
    tags.target_tags.multi_output = not classifies
    return tags


class TunedClassifier(KerasClassifier):  # type: ignore[misc]  # untyped
    """scikeras's classifier around a model that is trained already.

    scikeras 0.13 has no `__sklearn_tags__`: scikit-learn 1.9 takes its classifier for no classifier
    (`is_classifier`), and `cv=3` then splits without regard to classes.
    """

    def __sklearn_tags__(self) -> Tags:
        return tagged(BaseEstimator.__sklearn_tags__(self), "classification")


class TunedRegressor(KerasRegressor):  # type: ignore[misc]  # untyped
    """scikeras's regressor around a model that is trained already, with its tags."""

    def __sklearn_tags__(self) -> Tags:
        return tagged(BaseEstimator.__sklearn_tags__(self), "regression")
