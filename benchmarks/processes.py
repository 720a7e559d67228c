"""Runs what is measured: each contender as a process of its own, from its start to its end."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_WARM = "import tensorflow, keras, keras_tuner, optuna, sklearn, scikeras, distributed, mlflow"


@dataclass(frozen=True, slots=True)
class Done:
    """A process that ended well: its wall seconds and what it printed.

    `load`: how busy the machine was just before (processes wanting a core, over a minute).
    """

    seconds: float
    load: float
    printed: str


def run(
    words: Sequence[str],
    on_line: Callable[[str], None] | None = None,
    started: Callable[[subprocess.Popen[str]], None] | None = None,
) -> Done:
    """Run `python WORDS` in the project's folder to its end.

    `on_line` hears each line of standard error as it comes.
    Raises: RuntimeError with the end of what it said when it fails.
    """
    load = round(os.getloadavg()[0], 2)
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if started is not None:
        started(process)
    said: list[str] = []

    def listen() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if on_line is not None:
                on_line(line)

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert process.stdout is not None
        printed = process.stdout.read()
        code = process.wait()
        seconds = time.perf_counter() - begin
    except BaseException:
        process.terminate()  # only what was started here
        process.wait()
        raise
    finally:
        listener.join()
    if code:
        raise RuntimeError(f"python {' '.join(words)} failed ({code}):\n{''.join(said[-30:])}")
    return Done(round(seconds, 3), load, printed)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The same for every contender: TensorFlow quiet, no settings of this user's for the search."""
    kept = {name: value for name, value in variables.items() if name != "MLFLOW_TRACKING_URI"}
    return kept | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def warm_up() -> None:
    """Read all libraries once, so that no contender is the one that meets a cold disk."""
    run(["-c", _WARM])


def ours(
    words: Sequence[str],
    on_line: Callable[[str], None] | None = None,
    started: Callable[[subprocess.Popen[str]], None] | None = None,
) -> tuple[Done, Any]:
    """One `python -m search run` with a store of its own, and the JSON document it prints."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as store:
        quiet = ["--quiet"] if on_line is None else ["--progress", "json"]
        whole = ["-m", "search", "run", *words, "--json", "--store", store, *quiet]
        done = run(whole, on_line, started)
    return done, json.loads(done.printed)


def peer(module: str, words: Sequence[str]) -> tuple[Done, Any]:
    """One script of `benchmarks/peers`, and the JSON file that it leaves."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        out = Path(folder) / "out.json"
        done = run(["-m", f"benchmarks.peers.{module}", "--out", str(out), *words])
        return done, json.loads(out.read_text(encoding="utf-8"))


def order(names: Sequence[str], number: int) -> list[str]:
    """The contenders in round `number`, from 1: each round begins with another one."""
    first = (number - 1) % len(names)
    return [*names[first:], *names[:first]]
