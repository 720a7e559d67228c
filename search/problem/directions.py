"""Direction (max or min) of well-known metrics, by their names."""

from search.errors import UsageError
from search.problem.objective import Direction, Objective

# Neither list has names of Keras losses that a user's metric may have with the opposite direction
# (dice, tversky, cosine_similarity), nor metrics that Keras cannot create from their name alone.
# Names are compared without case and underscores: "AUC", "F1Score", "f1_score".
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
    """Return the direction of a metric, by its name; None if the name is not known.

    >>> known_direction("val_F1Score"), known_direction("val_loss"), known_direction("val_dice")
    ('max', 'min', None)
    """
    name = _plain(metric.removeprefix("val_").removeprefix("weighted_"))
    if name in map(_plain, _SMALL):
        return "min"
    return "max" if name in map(_plain, _LARGE) else None


def objective_of(metric: str) -> Objective:
    """Return the objective for the name of a metric.

    Raises:
        UsageError: The direction of the metric is not known.
    """
    direction = known_direction(metric)
    if direction is None:
        raise UsageError(
            f"objective {metric!r}: the direction of this metric is not known. Pass "
            f'Objective("{metric}", "max") or Objective("{metric}", "min").'
        )
    return Objective(metric, direction)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
