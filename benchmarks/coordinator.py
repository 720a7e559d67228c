"""What the coordinator costs: trials a second, journal, memory, resuming, and its share of a study.

Simulated workers train nothing and all end their epochs at the same virtual time, as the messages
of a busy cluster pile up: backend, coordinator and journal are the real ones, and the bound. The
share is measured on a real study, with one worker: the seconds between its first proposal and its
stop that were no epoch's own, and how much longer the epochs took beside MLflow than without it.
Each figure comes from a process of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from benchmarks.results import FOLDER, QUICK_FOLDER, Results, Row
from benchmarks.simulator import EPOCHS, OBJECTIVE, SPACE, metrics
from search.backends import base as backends
from search.backends.base import BackendSettings
from search.engine.coordinator import Coordinator
from search.engine.proposer import Proposer
from search.engine.replay import replay
from search.engine.run import RunContext, start
from search.executors.simulated import SimulatedExecutor, VirtualClock
from search.runtime.clock import SystemClock
from search.space.parameters import Choice, Float, Int
from search.space.space import Space
from search.study import journal as journals
from search.study.config import StudyConfig
from search.study.events import Asked, Entry, LimitsChanged, Stopped, StudyStarted
from search.study.journal import Journal, Tail
from search.study.store import Store
from search.study.study_record import StudyRecord, fold
from search.trackers.background import BackgroundTracker
from search.trackers.base import Tracker
from search.trackers.dispatcher import TrackerDispatcher
from search.trackers.mlflow import MlflowTracker

WORKERS = (1, 10, 100, 1000)
LEVELS = Space(  # the space of the simulator, with levels for a grid: 2.9 million points
    Int("layers", 1, 3),
    Int("neurons", 16, 512, log=True, levels=24, per="layers"),
    Choice("optimizer", ("sgd", "adam")),
    Float("learning_rate", 1e-4, 1e-1, log=True, levels=100),
)
PROBLEM = "fashion"


def memory_mb() -> float:
    """Resident memory of this process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def simulated(backend: str, workers: int, trials: int, path: Path) -> Row:
    """A study with simulated workers, begun."""
    proposer = _proposer(backend, trials)
    space = (LEVELS if backend == "grid" else SPACE).describe()
    header = StudyStarted(
        *("simulated", "simulated", backend, 0, OBJECTIVE), {}, space, {}, {}, created_ms=0
    )
    first = [Entry(0.0, header), Entry(0.0, LimitsChanged(trials, None))]
    record, before, began = fold(first), memory_mb(), time.perf_counter()
    with Journal.create(path, first) as journal:
        _run(record, journal, proposer, workers)
    seconds = time.perf_counter() - began
    return {
        "trials_per_second": round(len(record.trials) / seconds),
        "journal_bytes_per_trial": round(path.stat().st_size / len(record.trials)),
        "memory_mb": round(memory_mb() - before, 1),
    }


def resumed(backend: str, trials: int, path: Path) -> Row:
    """That study resumed, after a kill that left its last trials without an outcome."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 5000])
    proposer = _proposer(backend, trials)
    before, began = memory_mb(), time.perf_counter()
    journal, entries = Journal.reopen(path)
    with journal:
        record = fold(islice(entries, 1))
        replay(entries, record, proposer)
        seconds = time.perf_counter() - began
        grown = memory_mb() - before
        _run(record, journal, proposer, 100)
    assert len(record.trials) == trials
    assert record.state == "finished"
    return {"resume_seconds": round(seconds, 2), "resumed_memory_mb": round(grown, 1)}


def _proposer(backend: str, trials: int) -> Proposer:
    space = LEVELS if backend == "grid" else SPACE
    module, settings = backends.module(backend), BackendSettings(max_epochs=EPOCHS)
    proposer = Proposer(lambda known: module.create(space, OBJECTIVE, settings, 0, known), None)
    proposer.limit(trials)
    return proposer


def _run(record: StudyRecord, journal: Journal, proposer: Proposer, workers: int) -> None:
    clock = VirtualClock()
    Coordinator(
        record=record,
        journal=journal,
        proposer=proposer,
        executor=SimulatedExecutor(OBJECTIVE, metrics, clock, slots=workers),
        tracker=TrackerDispatcher([]),
        clock=clock,
        baseline=None,
    ).run()


def real(mlflow: bool, trials: int, folder: Path) -> Row:
    """A study that trains: seconds of its epochs, and those between its first proposal and stop."""
    store = Store(folder)

    def trackers(*_: object) -> list[Tracker]:
        if not mlflow:
            return []
        tracker = MlflowTracker(f"sqlite:///{store.database}", store.artifacts)
        return [BackgroundTracker(tracker, lambda name: Tail(store.journal(name)))]

    config = StudyConfig(problem=PROBLEM, backend="randomized", trials=trials, study="real")
    record = start(config, RunContext(store, None, trackers, SystemClock())).record
    events = list(journals.read(store.journal("real")))
    asked = next(entry.seconds for entry in events if isinstance(entry.event, Asked))
    stopped = next(entry.seconds for entry in events if isinstance(entry.event, Stopped))
    trained = sum(trial.seconds for trial in record.trials.values())
    return {
        "epochs": record.epochs_trained,
        "epoch_seconds": round(trained, 2),
        "other_seconds": round(stopped - asked - trained, 2),
    }


PARTS: dict[str, Callable[..., Row]] = {
    "simulated": lambda b, w, n, p: simulated(b, int(w), int(n), Path(p)),
    "resumed": lambda b, n, p: resumed(b, int(n), Path(p)),
    "real": lambda mlflow, n, p: real(mlflow == "mlflow", int(n), Path(p)),
}


def apart(part: str, *words: object) -> Row:
    """One figure from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.coordinator", "--part", part, *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def throughput(results: Results, trials: int, workers: tuple[int, ...]) -> None:
    """Trials a second and journal bytes a trial, by backend and number of workers."""
    for backend in ("grid", "randomized"):
        for number in workers:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                row = apart("simulated", backend, number, trials, Path(folder) / "s.jsonl")
            results.append({"part": "throughput", "backend": backend, "workers": number, **row})
            rate, size = row["trials_per_second"], row["journal_bytes_per_trial"]
            print(f"{backend:<11}{number:>5} workers {rate:>6} trials/s {size:>5} B/trial")


def sizes(results: Results, trials: tuple[int, ...]) -> None:
    """Memory, and the seconds of a resume, by number of trials."""
    for number in trials:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            path = Path(folder) / "s.jsonl"
            row = apart("simulated", "randomized", 100, number, path)
            row |= apart("resumed", "randomized", number, path)
        results.append({"part": "size", "backend": "randomized", "trials": number, **row})
        print(
            f"{number:>7} trials {row['memory_mb']:>7.1f} MB more, resumed in "
            f"{row['resume_seconds']:.1f} s with {row['resumed_memory_mb']:.1f} MB"
        )


def share(results: Results, trials: int, repeats: int) -> None:
    """What a real study spends beside its epochs, with MLflow and without, in turns."""
    for _ in range(repeats):
        for mlflow in ("mlflow", "none"):
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                row = apart("real", mlflow, trials, folder)
            results.append({"part": "share", "problem": PROBLEM, "mlflow": mlflow, **row})
            other = row["other_seconds"] / row["epoch_seconds"]
            print(
                f"{PROBLEM}, MLflow: {mlflow:<6} {row['epochs']} epochs in "
                f"{row['epoch_seconds']:.1f} s, {other:.1%} more beside them"
            )


def main() -> None:
    """Measure all of it anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coordinator", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny, to see that all of it runs")
    parser.add_argument("--repeats", type=int, default=3, help="of the real study (default 3)")
    parser.add_argument("--folder", type=Path, help="where results go")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        name, *words = options.part
        print(json.dumps(PARTS[name](*words)))
        return
    results = Results("coordinator", options.folder or (QUICK_FOLDER if options.quick else FOLDER))
    results.clear()
    quick = options.quick
    throughput(results, 200 if quick else 10_000, WORKERS[:2] if quick else WORKERS)
    sizes(results, (200,) if quick else (1_000, 10_000, 100_000))
    share(results, 2 if quick else 8, 1 if quick else options.repeats)


if __name__ == "__main__":
    main()
