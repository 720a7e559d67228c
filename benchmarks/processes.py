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
from typing import IO, Any

ROOT = Path(__file__).parent.parent
_WARM = "import tensorflow, keras, keras_tuner, optuna, sklearn, scikeras, distributed, mlflow"
_LINGER_SECONDS = 60.0


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
    out, said = _Lines(process.stdout), _Lines(process.stderr, on_line)
    try:
        code = process.wait()
    except BaseException:
        process.terminate()  # only what was started here
        process.wait()
        raise
    # its end, not that of workers which outlive it for a moment; those are waited for untimed
    seconds = time.perf_counter() - begin
    out.close()
    said.close()
    if code:
        raise RuntimeError(
            f"python {' '.join(words)} failed ({code}):\n{''.join(said.lines[-30:])}"
        )
    return Done(round(seconds, 3), load, "".join(out.lines))


class _Lines:
    """What comes out of a pipe, read on a thread of its own so that the process never waits."""

    def __init__(self, pipe: IO[str] | None, on_line: Callable[[str], None] | None = None) -> None:
        self.lines: list[str] = []
        self._on_line = on_line
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, args=[pipe], daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait until all who hold the pipe have let go of it.

        Raises: what `on_line` raised.
        """
        self._thread.join(_LINGER_SECONDS)
        if self._error is not None:
            raise self._error

    def _read(self, pipe: IO[str]) -> None:
        for line in pipe:
            self.lines.append(line)
            if self._on_line is not None and self._error is None:
                try:
                    self._on_line(line)
                except BaseException as error:  # noqa: BLE001 - raised again on the main thread
                    self._error = error


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
