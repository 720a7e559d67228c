"""Predictions of the winner on held-out data as data frames; see `search.export.evaluation`."""

from typing import TYPE_CHECKING

from search.export.evaluation import Classified, Regressed

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = ("row", "true", "predicted", "probability", "true_probability")


def confusion_frame(evidence: Classified) -> "pd.DataFrame":
    """Return the number of examples by true class (rows) and predicted class (columns).

    Args:
        evidence: Predictions of a classifier.

    Returns:
        A frame of int64 with the class names as index and columns. Empty for more than 100 classes.
    """
    import pandas as pd

    names = list(evidence.class_names) if evidence.confusion.size else []
    return pd.DataFrame(evidence.confusion, index=names, columns=names)


def examples_frame(evidence: Classified) -> "pd.DataFrame":
    """Return the examples with the most confident wrong predictions, the worst first.

    Args:
        evidence: Predictions of a classifier.

    Returns:
        The columns EXAMPLES: row in the data, true and predicted class by name, probability of the
        predicted class, and probability of the true class.
    """
    import pandas as pd

    names = evidence.class_names
    columns = (
        evidence.rows,
        [names[label] for label in evidence.true],
        [names[label] for label in evidence.predicted],
        evidence.probability.astype(float),
        evidence.true_probability.astype(float),
    )
    return pd.DataFrame(dict(zip(EXAMPLES, columns, strict=True)))


def residuals_frame(evidence: Regressed) -> "pd.DataFrame":
    """Return the true and predicted values of a regression.

    Args:
        evidence: Predictions of a regression model.

    Returns:
        One row per recorded value, with the columns true, predicted and residual (predicted minus
        true).
    """
    import pandas as pd

    true, predicted = evidence.true.astype(float), evidence.predicted.astype(float)
    return pd.DataFrame({"true": true, "predicted": predicted, "residual": predicted - true})
