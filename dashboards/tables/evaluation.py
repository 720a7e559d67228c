"""What the winner said of data it had not seen, as data frames; see `search.export.evaluation`."""

from typing import TYPE_CHECKING

from search.export.evaluation import Classified, Regressed

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = ("row", "true", "predicted", "probability", "true_probability")


def confusion_frame(evidence: Classified) -> "pd.DataFrame":
    """How many examples of the class in a row were taken for the class of a column.

    Empty where there are more classes than are counted.
    """
    import pandas as pd

    names = list(evidence.class_names) if evidence.confusion.size else []
    return pd.DataFrame(evidence.confusion, index=names, columns=names)


def examples_frame(evidence: Classified) -> "pd.DataFrame":
    """The most confused examples, the worst first: the columns EXAMPLES, classes by name."""
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
    """A row for each value that was kept: true, predicted, residual (predicted less true)."""
    import pandas as pd

    true, predicted = evidence.true.astype(float), evidence.predicted.astype(float)
    return pd.DataFrame({"true": true, "predicted": predicted, "residual": predicted - true})
