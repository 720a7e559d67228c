"""The results of a study, for people (a table) and for machines (the `--json` document)."""

from typing import Any

from search.study.outcomes import spread_metric
from search.study.progress_text import clipped, params_text
from search.study.study_record import StudyRecord, StudyState, TrialRecord
from search.study.trial import Failed, Outcome


def ranked(record: StudyRecord) -> list[TrialRecord]:
    """The trials, best first: completed ones, those cut short, those without a score."""

    def order(trial: TrialRecord) -> tuple[bool, bool, float, int]:
        score = trial.score
        key = record.objective.sort_key(score) if score is not None else 0.0
        return (score is None, not trial.completed, key, int(trial.trial))

    return sorted(record.trials.values(), key=order)


def gain(record: StudyRecord) -> float | None:
    """How much better the winner is than the baseline; None without either."""
    best, baseline = record.best(), record.baseline
    if best is None or best.score is None or baseline is None or baseline.score is None:
        return None
    return record.objective.sort_key(baseline.score) - record.objective.sort_key(best.score)


def spread(record: StudyRecord, trial: TrialRecord) -> float | None:
    """The standard deviation of a trial's score over the folds; None without cross-validation."""
    if "cv" not in record.header.config or trial.best_epoch is None:
        return None
    return trial.curve[trial.best_epoch - 1].metrics.get(spread_metric(record.objective))


def score_text(record: StudyRecord, trial: TrialRecord) -> str:
    """A trial's score, with its spread where there is one; "-" without a score."""
    if trial.score is None:
        return "-"
    over_folds = spread(record, trial)
    return f"{trial.score:.4f}" + ("" if over_folds is None else f" ± {over_folds:.4f}")


def document(
    record: StudyRecord, state: StudyState, mlflow: dict[str, str] | None
) -> dict[str, Any]:
    """The study as JSON data. The names in it are a public interface."""
    header = record.header
    best = record.best()
    winner_evaluation = record.winner_evaluation
    return {
        "study": header.study,
        "problem": header.problem,
        "backend": header.backend,
        "state": state,
        "seed": header.seed,
        "seconds": round(record.seconds, 3),
        "epochs_trained": record.epochs_trained,
        "objective": header.objective.plain,
        "best": None
        if best is None
        else {
            "trial": best.trial,
            "score": best.score,
            "best_epoch": best.best_epoch,
            "params": dict(best.params),
            "test": dict(winner_evaluation.test)
            if winner_evaluation and winner_evaluation.trial == best.trial
            else None,
            "verified": record.verified(best)[0],
            "reason": record.verified(best)[1],
            "spread": spread(record, best),
        },
        "trials": [trial_document(record, trial, state) for trial in record.trials.values()],
        "mlflow": mlflow or {"tracking_uri": None, "experiment_id": None, "run_id": None},
    }


def trial_document(record: StudyRecord, trial: TrialRecord, study: StudyState) -> dict[str, Any]:
    """Return one trial as JSON data, as the study's document contains it."""
    return {
        "trial": trial.trial,
        "state": trial.state(study),
        "score": trial.score,
        "params": dict(trial.params),
        "epochs": len(trial.curve),
        "best_epoch": trial.best_epoch,
        "seconds": round(trial.seconds, 3),
        "labels": dict(trial.proposal.labels),
        "error": error(trial.outcome),
        "spread": spread(record, trial),
    }


def error(outcome: Outcome | None) -> dict[str, str] | None:
    """Return the error of a failed trial; None for another outcome."""
    if not isinstance(outcome, Failed):
        return None
    return {"kind": outcome.kind, "message": outcome.message}


def table(record: StudyRecord, state: StudyState, top: int = 10, width: int | None = None) -> str:
    """The best `top` trials as lines of text, the baseline always among them.

    `width`: where to cut the lines, which end with the parameters; None leaves them whole.
    """
    trials = ranked(record)
    shown = trials[:top]
    shown += [trial for trial in trials[top:] if trial.is_baseline]
    head = ["rank", "trial", record.objective.metric, "epochs", "seconds", "state", "parameters"]
    rows = [head]
    for trial in shown:
        name = "0 baseline" if trial.is_baseline else trial.trial
        epochs = f"{trial.best_epoch or '-'}/{len(trial.curve)}"
        rank = str(trials.index(trial) + 1)
        seconds = f"{trial.seconds:.1f}"
        row = [
            rank,
            name,
            score_text(record, trial),
            epochs,
            seconds,
            trial.state(state),
            params_text(trial.params),
        ]
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(head) - 1)]
    lines = ["  ".join([*map(str.ljust, row[:-1], widths), row[-1]]).rstrip() for row in rows]
    if width is not None:
        lines = [clipped(line, width, "...") for line in lines]
    if len(trials) > len(shown):
        lines.append(f"... and {len(trials) - len(shown)} more")
    return "\n".join(lines)
