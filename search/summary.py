"""What a finished run says: the answer first, then what to do with it."""

import shlex
import shutil
import sys
from pathlib import Path

from search import leaderboard
from search.config import StudyConfig
from search.record import StudyRecord, TrialRecord
from search.store import Store
from search.trackers.base import Exported


def closing(record: StudyRecord, exported: Exported | None, store: Store, width: int | None) -> str:
    """What is printed at the end: leaderboard, gain, test result, model, next commands.

    `width`: of the terminal, None where it is none.
    """
    metric = record.objective.metric
    lines = ["", leaderboard.table(record, record.state, width=width), ""]
    best = record.best()
    if best is None or best.score is None:
        failed = next(iter(record.trials.values()), None)
        kind = leaderboard.error(failed) if failed is not None else None
        reason = f": {kind['kind']}: {kind['message']}" if kind else ""
        return "\n".join([*lines, f"no trial has a score{reason}"])
    score = leaderboard.score_text(record, best)
    lines.append(f"best: trial {best.trial}, {metric} {score} at epoch {best.best_epoch}")
    lines.append(f"      {leaderboard.parameters(best)}")
    gain = leaderboard.gain(record)
    if gain is not None:
        lines.append(f"gain over the baseline: {gain:+.4f} {metric}")
    if record.judged is not None and record.judged.test:
        test = ", ".join(f"{name} {value:.4f}" for name, value in record.judged.test.items())
        before = record.judged_before
        met = f"met by {before} winners before this one" if before else "met once"
        lines.append(f"on test data, {met}: {test}")
    if exported is not None:
        lines.append(f"model: {exported.directory}{_refit(record, best)}")
    stopped = f"{len(record.trials)} trials, {record.epochs_trained} epochs, {record.seconds:.0f} s"
    lines += ["", f"{stopped}; {_why(record)}", ""]
    directory = None if exported is None else exported.directory
    rows = next_commands(record, directory, store)
    return "\n".join([*lines, *(f"{word + ':':<15}{command}" for word, command in rows)])


def _refit(record: StudyRecord, best: TrialRecord) -> str:
    if "cv" not in record.header.config:
        return ""
    epochs = "1 epoch" if best.best_epoch == 1 else f"{best.best_epoch} epochs"
    return f" (trained once more, {epochs} on training and validation data together)"


def resume_command(study: str, store: Store) -> str:
    """The command that goes on with a study."""
    return command_line("resume", study, store=store)


def rebuild_command(study: str, store: Store) -> str:
    """The command that writes a study to MLflow again."""
    return command_line("doctor", "--rebuild", study, store=store)


def command_line(*words: str, store: Store | None = None) -> str:
    """What to type for a command, on a store; it can be pasted into a shell."""
    return f"{_program()} {shlex.join(words)}{'' if store is None else _where(store)}"


def path_word(path: Path | str) -> str:
    """A path as a word of a command: one that begins with a dash would be taken for an option.

    >>> path_word("-mine/model")
    './-mine/model'
    """
    return f"./{path}" if str(path).startswith("-") else str(path)


def _program() -> str:
    """What to type for `python -m search` here: the environment need not be the active one."""
    python = sys.executable
    if shutil.which("python") == python:
        python = "python"
    elif python.startswith(f"{Path.cwd()}/"):
        python = str(Path(python).relative_to(Path.cwd()))
    return f"{shlex.quote(python)} -m search"


def _why(record: StudyRecord) -> str:
    reasons = {
        "exhausted": "nothing is left to try under its limits",
        "time": "its time is up",
        "failed": "every trial failed",
    }
    return reasons.get(record.stopped or "", "not ended")


def next_commands(record: StudyRecord, model: Path | None, store: Store) -> list[tuple[str, str]]:
    """What to type after a study, each with what it does; `model`: the winner's folder, if any."""
    study = record.header.study
    more = len(record.trials) * 2
    rows = [
        ("see it", command_line("ui", study, store=store)),
        ("report", command_line("report", study, store=store)),
        ("try the model", "" if model is None else f"{_program()} predict {_quoted(model)} INPUT"),
        ("repeat it", repeat_command(record, store)),
        ("go on", f"{resume_command(study, store)} --trials {more}" if more else ""),
    ]
    return [(word, command) for word, command in rows if command]


def repeat_command(record: StudyRecord, store: Store) -> str:
    """The command that runs the same study again, under a new name."""
    config = record.header.config
    defaults = StudyConfig(problem=config["problem"]).plain()
    words = ["run", path_word(config["problem"])]
    for name, value in config.items():
        if name == "assignments":
            words += [word for text in value for word in ("--set", text)]
        elif value != defaults.get(name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    if record.limit.trials is not None:
        words += ["--trials", str(record.limit.trials)]
    if record.limit.seconds is not None:
        words += ["--time", f"{record.limit.seconds:g}s"]
    if record.header.versions.get("workers") == "1":  # else it would not repeat anything exactly
        words += ["--workers", "1"]
    return f"{_program()} {shlex.join(words)}{_where(store)}"


def _where(store: Store) -> str:
    return "" if str(store.root) == "mlruns" else f" --store {_quoted(store.root)}"


def _quoted(path: Path) -> str:
    return shlex.quote(path_word(path))
