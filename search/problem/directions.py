"""Whether a metric is better when it is large or small, for the names where that is certain."""

from search.errors import UsageError
from search.problem.objective import Direction, Objective

# Names of Keras's losses that a metric of the user's may have with the opposite meaning (dice,
# tversky, cosine_similarity) and metrics that Keras cannot make from their names alone are in
# neither list. Names are compared without case and underscores: "AUC", "F1Score", "f1_score".
_SMALL = {
    *("loss", "mean_squared_error", "mse", "mean_absolute_error", "mae", "rmse"),
    *("root_mean_squared_error", "mean_absolute_percentage_error", "mape"),
    *("mean_squared_logarithmic_error", "msle", "huber", "log_cosh", "log_cosh_error"),
    *("binary_crossentropy", "bce", "categorical_crossentropy", "sparse_categorical_crossentropy"),
    *("crossentropy", "ce", "binary_focal_crossentropy", "categorical_focal_crossentropy"),
    *("kl_divergence", "kld", "kullback_leibler_divergence", "poisson"),
    *("hinge", "squared_hinge", "categorical_hinge", "false_positives", "false_negatives"),
}
_LARGE = {
    *("accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"),
    *("top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy"),
    *("auc", "precision", "recall", "true_positives", "true_negatives"),
    *("f1_score", "fbeta_score", "r2_score", "pearson_correlation", "concordance_correlation"),
    *("binary_io_u",),
}


def known_direction(metric: str) -> Direction | None:
    """Return the direction of a metric's name; None where the name does not tell it.

    >>> known_direction("val_F1Score"), known_direction("val_loss"), known_direction("val_dice")
    ('max', 'min', None)
    """
    name = _plain(metric.removeprefix("val_").removeprefix("weighted_"))
    if name in map(_plain, _SMALL):
        return "min"
    return "max" if name in map(_plain, _LARGE) else None


def objective_of(metric: str) -> Objective:
    """Return the objective that a metric's bare name means.

    Raises: UsageError where the name does not tell the direction.
    """
    direction = known_direction(metric)
    if direction is None:
        raise UsageError(
            f"objective {metric!r}: its name does not tell whether large or small values are "
            f'better; give Objective("{metric}", "max") or Objective("{metric}", "min")'
        )
    return Objective(metric, direction)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
