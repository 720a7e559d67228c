"""The harness of the faults: a small real study as a process, disturbed, resumed, compared.

How to add a row: make a file `test_<topic>.py` in this folder, and for each row a test like

    def test_a_killed_coordinator_costs_nothing(tmp_path):
        study = Study(tmp_path)                      # six trials of tests/faults/problem.py
        with study.started() as run:                 # `python -m search run ...`
            run.until_lines(8)                       # of the journal; every wait has a deadline
            run.kill(signal.SIGKILL)                 # the coordinator; `run.tree()` names all
        assert study.resume().code == 0
        assert study.came() == twin()                # scores, curves, weights and MLflow

`twin(...)` is the undisturbed study with the same options, run once in a session. `Came.without`
leaves out a trial that was meant to fail. Faults that a trial does to itself are in
`tests/faults/problem.py` and chosen by `env=harm("segfault")`. Rows that take more than some
seconds have the marker `faults_all`: CI leaves them out, `make faults` runs all of them. A process
that does not do what it should in time is killed with all it started, and fails its test.
"""

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from search.study.journal import read
from search.study.study_record import fold
from tests.faults.came import Came, in_mlflow, weights

ROOT = Path(__file__).parent.parent.parent
PROBLEM = Path(__file__).parent / "problem.py"
PATIENCE_SECONDS = 90.0


def harm(
    fault: str, *, units: str = "6", where: str = "build", once: Path | None = None
) -> dict[str, str]:
    """The environment in which the trials of these widths do themselves some harm."""
    found = {"FAULT": fault, "FAULT_UNITS": units, "FAULT_IN": where}
    return found if once is None else found | {"FAULT_ONCE": str(once)}


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


class Running:
    """A command under way; leave its `with` block only when it has ended, or have it killed."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path, journal: Path) -> None:
        self.process = process
        self._folder = folder
        self._journal = journal

    def lines(self) -> int:
        """How many whole lines the journal has."""
        return self._journal.read_bytes().count(b"\n") if self._journal.exists() else 0

    def until_lines(self, count: int) -> None:
        """Wait until the journal has so many lines (or the command has ended)."""
        self.until(lambda: self.lines() >= count)

    def until(self, done: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until something is so, or the command has ended."""
        deadline = time.monotonic() + seconds
        while not done() and self.process.poll() is None:
            assert time.monotonic() < deadline, f"not so after {seconds} s: {self._said()}"
            time.sleep(0.002)
        code = self.process.poll()
        assert code in (None, 0), f"ended with {code}: {self._said()}"

    def tree(self) -> list[psutil.Process]:
        """The command's process and all that it started, oldest first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        return []

    def wait_at_most(self, seconds: float) -> None:
        """Wait so long, or until it ends."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the command's own process."""
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> Ended:
        """Wait for the end.

        Raises: AssertionError when it does not come in time.
        """
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {seconds} s: {self._said()}") from None
        return Ended(code, self._text("out"), self._text("err"))

    def end(self) -> None:
        """Kill what is left of it."""
        for process in reversed(self.tree()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()

    def _text(self, name: str) -> str:
        return (self._folder / name).read_text(errors="replace")

    def _said(self) -> str:
        return self._text("err")[-2000:]


@dataclass(frozen=True)
class Study:
    """A study of six trials in a store of its own below `folder`.

    `options`: further words for `run` and `resume`. `run_options`: for `run` only. `env`: added
    to the environment of every command; see `harm`. `cluster`: the address of a Dask scheduler,
    in place of workers of this machine.
    """

    folder: Path
    workers: int = 1
    options: Sequence[str] = ()
    run_options: Sequence[str] = ("--backend", "grid", "--max-epochs", "3")
    problem: Path | str = PROBLEM
    name: str = "a-study"
    env: Mapping[str, str] = field(default_factory=dict)
    cluster: str | None = None

    @property
    def store(self) -> Path:
        """The folder of studies."""
        return self.folder / "mlruns"

    @property
    def journal(self) -> Path:
        """The study's journal."""
        return self.store / "journals" / f"{self.name}.jsonl"

    @contextlib.contextmanager
    def command(self, *words: str) -> Iterator[Running]:
        """`python -m search WORDS --store STORE` in a process of its own."""
        here = Path(tempfile.mkdtemp(dir=self.folder))
        env = {**os.environ, "PYTHONPATH": str(ROOT), **self.env}
        with (here / "out").open("w") as out, (here / "err").open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "search", *words, "--store", str(self.store)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=env,
                text=True,
                start_new_session=True,
            )
        running = Running(process, here, self.journal)
        try:
            yield running
        finally:
            running.end()

    @contextlib.contextmanager
    def started(self) -> Iterator[Running]:
        """`run`, under way."""
        words = ["run", str(self.problem), "--study", self.name, "--quiet", *self._who_trains()]
        with self.command(*words, *self.run_options, *self.options) as running:
            yield running

    @contextlib.contextmanager
    def resumed(self, *words: str) -> Iterator[Running]:
        """`resume`, under way."""
        words = ("resume", self.name, "--quiet", *self._who_trains(), *self.options, *words)
        with self.command(*words) as running:
            yield running

    def _who_trains(self) -> Sequence[str]:
        if self.cluster is not None:
            return "--cluster", self.cluster
        return "--workers", str(self.workers)

    def run(self) -> Ended:
        """`run`, to its end."""
        with self.started() as running:
            return running.wait()

    def resume(self, *words: str) -> Ended:
        """`resume`, to its end."""
        with self.resumed(*words) as running:
            return running.wait()

    def failures(self) -> dict[str, tuple[str, str]]:
        """Kind and message of each failed trial."""
        trials = fold(read(self.journal)).trials.values()
        found = {trial.trial: trial.outcome for trial in trials}
        return {
            name: (outcome.kind, outcome.message)
            for name, outcome in found.items()
            if type(outcome).__name__ == "Failed"
        }

    def came(self, *, mlflow: bool = True) -> Came:
        """What the study has come to; `mlflow` False leaves its records out."""
        record = fold(read(self.journal))
        best = record.best()
        trials, curves = {}, {}
        for trial in record.trials.values():
            params = json.dumps(dict(trial.params), sort_keys=True)
            trials[trial.trial] = (trial.state(record.state), trial.score, params)
            rows = [json.dumps(dict(report.metrics), sort_keys=True) for report in trial.curve]
            curves[trial.trial] = tuple(rows)
        return Came(
            record.state,
            None if best is None or best.score is None else (best.trial, best.score),
            trials,
            curves,
            weights(self.store / "exports" / self.name / "model.keras"),
            in_mlflow(self.store / "mlflow.db", record.header.identity) if mlflow else {},
        )


@functools.cache
def twin(workers: int = 1, *, mlflow: bool = True, **settings: Any) -> Came:
    """What comes of the undisturbed study with these options; run once in a session."""
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder), workers, **settings)
        ended = study.run()
        assert ended.code == 0, ended.err
        came = study.came(mlflow=mlflow)
        assert came.weights is not None
        assert not mlflow or set(came.mlflow) == set(came.trials)
        return came
