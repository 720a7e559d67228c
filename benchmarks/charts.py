"""What it takes to look at a large study: `report` on 2,000 trials, as a whole process.

The store is made by a simulated study of Hyperband on a space like that of `fashion`: backend,
coordinator and journal are the real ones, curves are made up, some trials fail.
"""

import argparse
import math
import tempfile
from pathlib import Path

from benchmarks import processes
from benchmarks.results import FOLDER, QUICK_FOLDER, Results, Row
from search.backends import base as backends
from search.backends.base import BackendSettings
from search.engine.coordinator import Baseline, Coordinator
from search.engine.proposer import Proposer
from search.executors.simulated import SimulatedExecutor, VirtualClock
from search.problem.objective import Objective
from search.seeds import seed_for
from search.space.parameters import Choice, Float, Int, Params
from search.space.space import Space, key
from search.study.events import Entry, LimitsChanged, StudyStarted
from search.study.journal import Journal
from search.study.store import Store
from search.study.study_record import StudyRecord, fold
from search.study.trial import Budget
from search.trackers.dispatcher import TrackerDispatcher

SPACE = Space(
    Int("layers", 1, 3),
    Int("neurons", 16, 256, log=True, per="layers", shapes=("same", "free", "funnel")),
    Choice("activation", ("relu", "selu", "tanh")),
    Choice("optimizer", ("sgd", "adam")),
    Float("momentum", 0.0, 0.9, step=0.3, when={"optimizer": "sgd"}),
    Float("learning_rate", 1e-4, 1e-1, log=True),
    Choice("batch_size", (32, 64, 128)),
)
OBJECTIVE = Objective("val_accuracy", "max")
TODAY: Params = {
    "layers": 1,
    "neurons_1": 64,
    "activation": "relu",
    "optimizer": "sgd",
    "momentum": 0.0,
    "learning_rate": 0.01,
    "batch_size": 32,
}
EPOCHS, WORKERS, TRIALS = 27, 8, 2_000
LIMIT_SECONDS = 20.0


def metrics(params: Params, epoch: int) -> dict[str, float]:
    """A made-up curve that depends on what matters: rate, layers, width; NaN for hasty Adam."""
    rate, width = float(params["learning_rate"]), int(params["neurons_1"])
    if params["optimizer"] == "adam" and rate > 0.06 and epoch > 1:
        return {"loss": math.nan, "val_accuracy": 0.1}
    best = 1e-3 if params["optimizer"] == "adam" else 4e-2
    off = math.log10(rate / best) ** 2
    height = 0.9 - 0.03 * off + 0.01 * math.log2(width / 64) - 0.01 * (int(params["layers"]) - 2)
    draws = seed_for(0, f"epoch {epoch}", key(params)) / 2**31
    value = height * (1 - 0.6 * math.exp(-epoch / 3)) + 0.004 * (draws - 0.5)
    value = round(min(max(value, 0.1), 0.99), 4)
    loss = round(2.3 * math.exp(-epoch / 5) + 1 - value, 4)
    return {"loss": loss, "accuracy": round(value + 0.01, 4), "val_accuracy": value}


def epoch_seconds(params: Params) -> float:
    """Virtual seconds of an epoch: wider and deeper networks take longer."""
    return round(0.3 + int(params["layers"]) * int(params["neurons_1"]) / 400, 3)


def simulate(store: Store, study: str, trials: int, backend: str = "hyperband") -> StudyRecord:
    """A simulated study in the store, with a baseline, pruned trials and failures."""
    header = StudyStarted(
        study=study,
        problem="simulated",
        backend=backend,
        seed=0,
        objective=OBJECTIVE,
        config={"problem": "simulated", "backend": backend},
        space=SPACE.describe(),
        digests={},
        versions={"workers": str(WORKERS)},
        created_ms=0,
    )
    module, settings = backends.module(backend), BackendSettings(max_epochs=EPOCHS)
    proposer = Proposer(
        lambda known: module.create(SPACE, OBJECTIVE, settings, 0, known), dict(TODAY)
    )
    proposer.limit(trials)
    first = [Entry(0.0, header), Entry(0.0, LimitsChanged(trials, None))]
    record, clock = fold(first), VirtualClock()
    with Journal.create(store.journal(study), first) as journal:
        Coordinator(
            record=record,
            journal=journal,
            proposer=proposer,
            executor=SimulatedExecutor(
                OBJECTIVE, metrics, clock, slots=WORKERS, seconds=epoch_seconds
            ),
            tracker=TrackerDispatcher([]),
            clock=clock,
            baseline=Baseline(TODAY, Budget(0, EPOCHS)),
        ).run()
    return record


def report(store: Store, study: str) -> Row:
    """Seconds of `report` from its start to its end, and the size of the page."""
    page = store.root / "report.html"
    words = ["-m", "search", "report", study, "--store", str(store.root), "--to", str(page)]
    done = processes.run(words)
    return {"seconds": done.seconds, "load": done.load, "megabytes": page.stat().st_size / 1e6}


def main() -> None:
    """Measure anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.charts", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny, to see that all of it runs")
    parser.add_argument("--repeats", type=int, default=3, help="of each figure (default 3)")
    parser.add_argument("--folder", type=Path, help="where results go")
    options = parser.parse_args()
    results = Results("charts", options.folder or (QUICK_FOLDER if options.quick else FOLDER))
    results.clear()
    trials = 20 if options.quick else TRIALS
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        store = Store(Path(folder))
        record = simulate(store, "simulated", trials)
        for _ in range(1 if options.quick else options.repeats):
            row = report(store, "simulated")
            epochs = record.epochs_trained
            results.append({"part": "report", "trials": trials, "epochs": epochs, **row})
            print(f"report on {trials:,} trials: {row['seconds']:.1f} s")


if __name__ == "__main__":
    main()
