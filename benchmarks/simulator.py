"""(d) One to a thousand workers, simulated: how well they are kept busy, and what that costs.

Nothing is trained: epochs take virtual time, up to ten times longer for one configuration than for
another. The coordinator, the backend and the journal are the real ones.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.results import FOLDER, QUICK_FOLDER, Results, Row
from search.backends import base as backends
from search.backends.base import BackendSettings
from search.engine.coordinator import Coordinator
from search.engine.proposer import Proposer
from search.executors.simulated import SimulatedExecutor, VirtualClock
from search.problem.objective import Objective
from search.seeds import seed_for
from search.space.parameters import Choice, Float, Int, Params
from search.space.space import Space, key
from search.study.events import Entry, LimitsChanged, StudyStarted
from search.study.journal import Journal
from search.study.study_record import fold
from search.trackers.dispatcher import TrackerDispatcher
from search.trackers.memory import MemoryTracker

SPACE = Space(
    Int("layers", 1, 3),
    Int("neurons", 16, 512, log=True, per="layers"),
    Choice("optimizer", ("sgd", "adam")),
    Float("learning_rate", 1e-4, 1e-1, log=True),
)
OBJECTIVE = Objective("val_accuracy", "max")
EPOCHS = 9
WORKERS = (1, 10, 100, 1000)


def share(params: Params, purpose: str) -> float:
    """A number in [0, 1) that belongs to a configuration."""
    return seed_for(0, purpose, key(params)) / 2**31


def epoch_seconds(params: Params) -> float:
    """Virtual seconds of an epoch: 1 to 10."""
    return 1 + 9 * share(params, "seconds")


def metrics(params: Params, epoch: int) -> dict[str, float]:
    """A made-up learning curve."""
    return {"val_accuracy": share(params, "quality") * (1 - 0.5**epoch)}


def simulate(backend: str, workers: int, trials: int, journal_path: Path) -> Row:
    """One study: virtual seconds, the share of them in which workers trained, real seconds."""
    settings = BackendSettings(max_epochs=EPOCHS)
    module = backends.module(backend)
    proposer = Proposer(lambda known: module.create(SPACE, OBJECTIVE, settings, 0, known), None)
    proposer.limit(trials)
    header = StudyStarted(
        study="simulated",
        problem="simulated",
        backend=backend,
        seed=0,
        objective=OBJECTIVE,
        config={},
        space=SPACE.describe(),
        digests={},
        versions={},
        created_ms=0,
    )
    first = [Entry(0.0, header), Entry(0.0, LimitsChanged(trials, None))]
    record, clock = fold(first), VirtualClock()
    started = time.perf_counter()
    with Journal.create(journal_path, first) as journal:
        Coordinator(
            record=record,
            journal=journal,
            proposer=proposer,
            executor=SimulatedExecutor(
                OBJECTIVE, metrics, clock, slots=workers, seconds=epoch_seconds
            ),
            tracker=TrackerDispatcher([MemoryTracker()]),
            clock=clock,
            baseline=None,
        ).run()
    seconds = time.perf_counter() - started
    trained = sum(trial.seconds for trial in record.trials.values())
    return {
        "backend": backend,
        "workers": workers,
        "trials": len(record.trials),
        "virtual_seconds": round(clock.now, 3),
        "busy": round(trained / (workers * clock.now), 4),
        "seconds": round(seconds, 3),
    }


def main() -> None:
    """Simulate all numbers of workers anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator", description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000, help="of a study (default 10,000)")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that all of it runs")
    parser.add_argument("--folder", type=Path, help="where results go")
    options = parser.parse_args()
    results = Results("simulator", options.folder or (QUICK_FOLDER if options.quick else FOLDER))
    results.clear()
    trials = 100 if options.quick else options.trials
    for backend in ("randomized", "hyperband"):
        for workers in WORKERS[:2] if options.quick else WORKERS:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                row = simulate(backend, workers, trials, Path(folder) / "simulated.jsonl")
            results.append(row)
            print(f"{backend}, {workers} workers: busy {row['busy']:.1%}, {row['seconds']:.1f} s")


if __name__ == "__main__":
    main()
