"""Commands as texts that can be pasted into a shell."""

import errno
import shlex
import shutil
import sys
from pathlib import Path

from search.study.config import StudyConfig
from search.study.store import Store
from search.study.study_record import StudyRecord


def resume_command(study: str, store: Store) -> str:
    """Return the command that resumes a study."""
    return command_line("resume", study, store=store)


def rebuild_command(study: str, store: Store) -> str:
    """The command that writes a study to MLflow again."""
    return command_line("doctor", "--rebuild", study, store=store)


def how_to_make_room(path: Path, error: OSError) -> str:
    """What to do where a disk is full, to be added to an error; nothing for other errors."""
    store = Store.holding(path)
    if error.errno not in (errno.ENOSPC, errno.EDQUOT) or store is None:
        return ""
    command = command_line("clean", "STUDY", store=store)
    return f". `{command}` deletes the checkpoints of all but the best trial of a study"


def command_line(*words: str, store: Store | None = None) -> str:
    """What to type for a command, on a store; it can be pasted into a shell."""
    return f"{program()} {shlex.join(words)}{'' if store is None else store_option(store)}"


def path_word(path: Path | str) -> str:
    """Return a path as an argument of a command: with a leading dash it would be an option.

    >>> path_word("-mine/model")
    './-mine/model'
    """
    return f"./{path}" if str(path).startswith("-") else str(path)


def program() -> str:
    """What to type for `python -m search` here: the environment need not be the active one."""
    python = sys.executable
    if shutil.which("python") == python:
        python = "python"
    elif python.startswith(f"{Path.cwd()}/"):
        python = str(Path(python).relative_to(Path.cwd()))
    return f"{shlex.quote(python)} -m search"


def repeat_command(record: StudyRecord, store: Store) -> str:
    """The command that runs the same study again, under a new name."""
    config = record.header.config
    defaults = StudyConfig(problem=config["problem"]).plain()
    words = ["run", path_word(config["problem"])]
    for name, value in config.items():
        if name == "ceiling":
            continue  # follows from the other settings
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
    return f"{program()} {shlex.join(words)}{store_option(store)}"


def store_option(store: Store) -> str:
    """Return the option that names a store; nothing for the default one."""
    return "" if str(store.root) == "mlruns" else f" --store {quoted_path(store.root)}"


def quoted_path(path: Path) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(path_word(path))
