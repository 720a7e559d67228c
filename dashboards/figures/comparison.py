"""Several studies side by side."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dashboards.figures import theme

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from dashboards.tables import Tables

COLUMNS = ("study", "backend", "state", "best", "trials", "epochs", "seconds", "seconds_to_best")


def compared(studies: "Mapping[str, Tables]") -> "pd.DataFrame":
    """One row per study: the columns COLUMNS.

    `seconds_to_best`: when its best score was reached. `seconds_to_common`: when it reached the
    score that all of them reached, the worst of their bests; missing where they have different
    objectives.
    """
    import pandas as pd

    rows = [
        (
            *(name, one.backend, one.state),
            *(one.trials["score"].max(), len(one.trials), one.record.epochs_trained, one.seconds),
            None,
        )
        for name, one in studies.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def comparison(studies: "Mapping[str, Tables]") -> "go.Figure":
    """The best score so far of each study, against the active seconds of each."""
    import plotly.graph_objects as go

    figure = theme.blank("Studies compared")
    for name, one in studies.items():
        figure.add_trace(go.Scatter(x=one.budgets["ended"], y=one.budgets["score"], name=name))
    return figure
