"""A study's record as tidy pandas data frames."""

from typing import TYPE_CHECKING, Any

from search.record import StudyRecord, StudyState

if TYPE_CHECKING:
    import pandas as pd

FACTS = ("trial", "state", "score", "epochs", "best_epoch", "seconds")
CURVES = ("trial", "epoch", "metric", "value")


def trials_frame(record: StudyRecord, state: StudyState | None = None) -> "pd.DataFrame":
    """One row per trial, in the order they were proposed: FACTS, then labels, then parameters.

    A parameter's column is named `params.<name>`, a label's `labels.<name>`; what a trial does not
    have is missing (NaN or None). `state`: the study's, where it is known better than by the
    journal alone. Without trials: no rows, the columns FACTS.
    """
    import pandas as pd

    study = state or record.state
    rows: list[dict[str, Any]] = []
    for trial in record.trials.values():
        facts = (
            trial.trial,
            trial.state(study),
            trial.score,
            len(trial.curve),
            trial.best_epoch,
            trial.seconds,
        )
        row: dict[str, Any] = dict(zip(FACTS, facts, strict=True))
        row |= {f"labels.{name}": value for name, value in trial.proposals[-1].labels.items()}
        row |= {f"params.{name}": value for name, value in trial.params.items()}
        rows.append(row)
    others = dict.fromkeys(name for row in rows for name in row if name not in FACTS)
    columns = [*FACTS, *sorted(others, key=lambda name: name.partition(".")[0])]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"score": "float64", "best_epoch": "Int64", "seconds": "float64"})


def curves_frame(record: StudyRecord) -> "pd.DataFrame":
    """One row per trial, epoch and metric: the columns CURVES, in the order of epochs per trial."""
    import pandas as pd

    rows = [
        (trial.trial, report.epoch, metric, value)
        for trial in record.trials.values()
        for report in trial.curve
        for metric, value in report.metrics.items()
    ]
    frame = pd.DataFrame(rows, columns=list(CURVES))
    return frame.astype({"epoch": "int64", "value": "float64"})
