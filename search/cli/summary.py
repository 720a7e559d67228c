"""Text that a run prints at its end: the result, then commands to continue with."""

from pathlib import Path

from search.export.base import Exported
from search.study import leaderboard
from search.study.printed_commands import (
    command_line,
    program,
    quoted_path,
    repeat_command,
    resume_command,
)
from search.study.progress_text import params_text, verified_text
from search.study.store import Store
from search.study.study_record import StudyRecord, TrialRecord


def closing(record: StudyRecord, exported: Exported | None, store: Store, width: int | None) -> str:
    """Return the final text: leaderboard, gain, test result, model and next commands.

    `width`: columns of the terminal; None when standard output is not a terminal.
    """
    metric = record.objective.metric
    lines = ["", leaderboard.table(record, record.state, width=width), ""]
    best = record.best()
    if best is None or best.score is None:
        failed = next(iter(record.trials.values()), None)
        kind = leaderboard.error(failed.outcome) if failed is not None else None
        reason = f": {kind['kind']}: {kind['message']}" if kind else ""
        return "\n".join([*lines, f"no trial has a score{reason}"])
    score = leaderboard.score_text(record, best)
    lines.append(f"best: trial {best.trial}, {metric} {score} at epoch {best.best_epoch}")
    lines.append(f"      {params_text(best.params)}")
    gain = leaderboard.gain(record)
    if gain is not None:
        lines.append(f"gain over the baseline: {gain:+.4f} {metric}")
    if record.winner_evaluation is not None and record.winner_evaluation.test:
        test = ", ".join(
            f"{name} {value:.4f}" for name, value in record.winner_evaluation.test.items()
        )
        before = record.earlier_winner_evaluations
        times = f"also evaluated for {_winners(before)}" if before else "evaluated once"
        if record.winner_evaluation.verified is False:
            times += ", does not apply to the score"
        lines.append(f"test set ({times}): {test}")
    if exported is not None:
        lines.append(f"model: {exported.directory}{_refit(record, best)}")
    verified = verified_text(*record.verified(best), metric)
    if verified:
        lines.append(verified)
    stopped = f"{len(record.trials)} trials, {record.epochs_trained} epochs, {record.seconds:.0f} s"
    lines += ["", f"{stopped}; {_why(record)}", ""]
    directory = None if exported is None else exported.directory
    rows = next_commands(record, directory, store)
    return "\n".join([*lines, *(f"{word + ':':<11}{command}" for word, command in rows)])


def _refit(record: StudyRecord, best: TrialRecord) -> str:
    if "cv" not in record.header.config:
        return ""
    epochs = "1 epoch" if best.best_epoch == 1 else f"{best.best_epoch} epochs"
    return f" (retrained for {epochs} on training and validation data together)"


def _winners(number: int) -> str:
    return "1 earlier winner" if number == 1 else f"{number} earlier winners"


def _why(record: StudyRecord) -> str:
    reasons = {
        "exhausted": "no trials left within the limits",
        "time": "time limit reached",
        "failed": "every trial failed",
    }
    return reasons.get(record.stopped or "", "not finished")


def next_commands(record: StudyRecord, model: Path | None, store: Store) -> list[tuple[str, str]]:
    """Return commands to run after a study, each with a label.

    `model`: the folder of the exported winner; None without one.
    """
    study = record.header.study
    more = len(record.trials) * 2
    predict = "" if model is None else f"{program()} predict {quoted_path(model)} INPUT"
    rows = [
        ("MLflow UI", command_line("ui", study, store=store)),
        ("report", command_line("report", study, store=store)),
        ("predict", predict),
        ("repeat", repeat_command(record, store)),
        ("continue", f"{resume_command(study, store)} --trials {more}" if more else ""),
    ]
    return [(word, command) for word, command in rows if command]
