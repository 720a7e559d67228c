"""One trial as `show STUDY/TRIAL` has it, for people and for machines."""

from typing import Any

from search.study import leaderboard
from search.study.progress_text import labels_text, spark_text, time_text, value_text
from search.study.study_record import StudyRecord, StudyState, TrialRecord
from search.study.trial import Failed

_SPARKS = 40  # columns of a curve


def document(record: StudyRecord, trial: TrialRecord, state: StudyState) -> dict[str, Any]:
    """The trial as JSON data: as in the study's document, with its curve and its network.

    The names in it are a public interface. "network" is null where no outcome has told of it.
    """
    network = trial.network
    curve = [
        {"epoch": report.epoch, "seconds": report.seconds, "metrics": dict(report.metrics)}
        for report in trial.curve
    ]
    layers = [] if network is None else [layer._asdict() for layer in network.layers]
    return {
        "study": record.header.study,
        **leaderboard.trial_document(record, trial, state),
        "curve": curve,
        "network": None
        if network is None
        else {"subclass": network.subclass or None, "layers": layers},
    }


def page(
    record: StudyRecord, trial: TrialRecord, state: StudyState, network: str, encoding: str | None
) -> str:
    """Return the trial as text: its outcome, parameters, curve, and the table `network`."""
    metric = record.objective.metric
    head = f"{trial.name} of {record.header.study}: {trial.state(state)}"
    if trial.score is not None:
        score = leaderboard.score_text(record, trial)
        head += f", {metric} {score} at epoch {trial.best_epoch}"
    count = len(trial.curve)
    lines = [head, f"{count} epoch{'s' * (count != 1)} in {time_text(trial.seconds)}"]
    labels = labels_text(trial.proposal.labels)
    if labels:
        lines[-1] += f"; {labels}"
    outcome = trial.outcome
    if isinstance(outcome, Failed):
        lines.append(f"{outcome.kind}: {outcome.message}")
    lines += ["", "parameters", *_parameters(trial)]
    if count:
        lines += ["", "curve", *_curve(trial, metric, encoding)]
    lines += ["", "network", *(f"  {line}" for line in network.splitlines())]
    return "\n".join(lines)


def _parameters(trial: TrialRecord) -> list[str]:
    width = max(map(len, trial.params), default=0)
    return [f"  {name:<{width}}  {value_text(v, 4)}" for name, v in trial.params.items()]


def _curve(trial: TrialRecord, metric: str, encoding: str | None) -> list[str]:
    """A line for each metric, the objective's first: its course, first and last value."""
    names = sorted(trial.curve.names, key=lambda name: name != metric)
    width = max(map(len, names))
    lines = []
    for name in names:
        found = [report.metrics[name] for report in trial.curve if name in report.metrics]
        sparks = spark_text(found, _SPARKS, encoding)
        lines.append(f"  {name:<{width}}  {sparks}  {found[0]:.4g} to {found[-1]:.4g}")
    return lines
