"""Resident memory of coordinator and workers over 200 digits trials of many architectures."""

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.results import FOLDER, QUICK_FOLDER, Results, Row

SETTLED = 20
_WORKER_MB = 250  # with TensorFlow in it; Dask's nannies are smaller
_LAYOUT = ("layers", "neurons", "activation", "initializer", "dropout", "optimizer")


class Samples:
    """Megabytes of each process after each trial."""

    def __init__(self) -> None:
        self._process: Any = None
        self.rows: list[dict[str, float]] = []

    def watch(self, process: subprocess.Popen[str]) -> None:
        """The coordinator has been started."""
        import psutil

        self._process = psutil.Process(process.pid)

    def hear(self, line: str) -> None:
        """Take a sample at the end of each trial."""
        if line.startswith("{") and json.loads(line)["event"] == "end_trial":
            self.rows.append(self._sample())

    def _sample(self) -> dict[str, float]:
        import psutil

        found = {"coordinator": _megabytes(self._process)}
        for child in self._process.children(recursive=True):
            try:
                size = _megabytes(child)
            except psutil.NoSuchProcess:
                continue
            if size > _WORKER_MB:
                found[str(child.pid)] = size
        return found


def _megabytes(process: Any) -> float:
    return round(process.memory_info().rss / 2**20, 1)


def grown(samples: list[dict[str, float]], settled: int = SETTLED) -> dict[str, float]:
    """How much each process has grown from trial `settled`, or its first one, to its largest."""
    largest: dict[str, float] = {}
    first: dict[str, float] = {}
    for sample in samples[settled - 1 :]:
        for name, size in sample.items():
            first.setdefault(name, size)
            largest[name] = max(largest.get(name, 0.0), size)
    return {name: round(largest[name] - first[name], 1) for name in first}


def architectures(document: Any) -> int:
    """How many different networks were trained, learning rates and batch sizes apart."""
    layouts = {
        json.dumps({k: v for k, v in trial["params"].items() if k.startswith(_LAYOUT)})
        for trial in document["trials"]
    }
    return len(layouts)


def measure(workers: int, trials: int) -> Row:
    """One randomized study of digits."""
    samples = Samples()
    words = ["digits", "--backend", "randomized", "--trials", str(trials), "--max-epochs", "2"]
    words += ["--workers", str(workers)]
    done, document = processes.ours(words, samples.hear, samples.watch)
    return {
        "workers": workers,
        "trials": len(document["trials"]),
        "architectures": architectures(document),
        "seconds": done.seconds,
        "settled": min(SETTLED, trials),
        "samples": samples.rows,
    }


def main() -> None:
    """Measure anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--trials", type=int, default=200, help="of each study (default 200)")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that all of it runs")
    parser.add_argument("--folder", type=Path, help="where results go")
    options = parser.parse_args()
    results = Results("memory", options.folder or (QUICK_FOLDER if options.quick else FOLDER))
    results.clear()
    for workers in (1, 2):
        row = measure(workers, 4 if options.quick else options.trials)
        results.append(row)
        growth = grown(row["samples"], row["settled"])
        print(f"{workers} workers, {row['architectures']} architectures: grown by {growth} MB")


if __name__ == "__main__":
    main()
