"""Studies undisturbed and killed at random: `python -m tests.kill STORE SEED BACKEND ...`.

Prints a line of JSON with both documents for each backend. Each run is a forked child of one
process that has imported the libraries but not used them: a kill costs the study's own time, not
half a minute of imports.
"""

import contextlib
import io
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from search.cli.main import main
from search.executors._processes_started import fork_server_from_here
from search.runtime import tensorflow_setup

WORDS = ["run", "digits", "--trials", "6", "--max-epochs", "3", "--quiet"]
WORDS += ["--workers", "1"]  # only these can be repeated exactly
# few networks, as tracing them takes longer than their epochs; with all that has a state to restore
NARROW = ("layers=1,2", "neurons=16", "neurons_shape=same", "activation=relu")
NARROW += ("activation_shape=same", "initializer=he_normal", "optimizer=adam", "dropout=0.1")
WORDS += [f"--set={values}" for values in NARROW]
KILLS = 5
MOST_SECONDS = 0.05


def child(words: list[str]) -> int:
    """Run one command in a process of its own; its id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            fork_server_from_here()  # the workers inherit the imports as well
            with contextlib.redirect_stdout(io.StringIO()):
                code = main(words)
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int | None:
    """The exit status of a child; None while it runs."""
    done, status = os.waitpid(pid, os.WNOHANG)
    return status if done else None


def killed_run(words: list[str], resume: list[str], journal: Path, moments: list[float]) -> int:
    """Start, kill at each moment (so many lines, and seconds after them), resume; how many hit."""
    hits = 0
    pid = child(words)
    for lines, delay in moments:
        while (status := ended(pid)) is None and _lines(journal) < lines:
            time.sleep(0.002)
        if status is not None:
            assert status == 0
            break
        time.sleep(delay)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        hits += os.WIFSIGNALED(status)
        pid = child(resume)
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
    return hits


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def document(store: Path, study: str) -> dict:
    """What `show --json` says of a study, without what differs between any two."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["show", study, "--json", "--store", str(store)]) == 0
    shown = json.loads(printed.getvalue())
    for trial in shown["trials"]:
        del trial["seconds"]
    return {k: v for k, v in shown.items() if k not in ("seconds", "study", "mlflow")}


def prepare() -> None:
    """Import what every child inherits."""
    tensorflow_setup.quieten()
    import keras  # noqa: F401
    import keras_tuner  # noqa: F401
    import mlflow  # noqa: F401
    import optuna  # noqa: F401
    import sklearn  # noqa: F401


def both_studies(store: Path, backend: str, seed: int) -> int:
    """Run a study undisturbed and once more with kills; how many of these hit."""
    words = [*WORDS, "--backend", backend, "--store", str(store)]
    _, status = os.waitpid(child([*words, "--study", f"{backend}-whole"]), 0)
    assert status == 0, status
    rng, killed = random.Random(seed), f"{backend}-killed"
    most = _lines(store / "journals" / f"{backend}-whole.jsonl")
    moments = sorted((rng.uniform(2, most - 2), rng.uniform(0, MOST_SECONDS)) for _ in range(KILLS))
    journal = store / "journals" / f"{killed}.jsonl"
    resume = ["resume", killed, "--quiet", "--store", str(store)]
    return killed_run([*words, "--study", killed], resume, journal, moments)


def compare(store: Path, seed: int, backends: list[str]) -> None:
    """Run all studies, then print what came of them."""
    prepare()
    hits = {backend: both_studies(store, backend, seed) for backend in backends}
    if "hyperband" in backends:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = main(["verify", "hyperband-killed", "--all", "--store", str(store)])
        assert code == 0, printed.getvalue()
    # only now: reading opens MLflow's database, which no child may inherit
    for backend in backends:
        both = {name: document(store, f"{backend}-{name}") for name in ("whole", "killed")}
        sys.stdout.write(json.dumps({"backend": backend, "hits": hits[backend], **both}) + "\n")


if __name__ == "__main__":
    compare(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
