"""(b) Hyperband to Hyperband: KerasTuner's own and `run fashion`, best score so far over time."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from benchmarks import processes, rounds
from benchmarks.results import Row

TARGET = 0.885
BASELINE = "0"
Timeline: TypeAlias = list[tuple[float, float]]
"""Seconds since the process was started, and the validation accuracy after an epoch."""


def best_so_far(timeline: Timeline) -> Timeline:
    """Only the epochs that were better than all before, in order of time."""
    best: Timeline = []
    for seconds, score in sorted(timeline):
        if not best or score > best[-1][1]:
            best.append((seconds, score))
    return best


def seconds_to(timeline: Timeline, target: float = TARGET) -> float | None:
    """When the target was reached; None if never."""
    return next((seconds for seconds, score in sorted(timeline) if score >= target), None)


class Watch:
    """Notes when each line of `--progress json` comes out of the process."""

    def __init__(self) -> None:
        self._started = time.time()
        self.timeline: Timeline = []
        self.last_trial = 0.0

    def hear(self, line: str) -> None:
        """Take a line; the baseline is not the algorithm's, so its scores do not count."""
        if not line.startswith("{"):
            return
        event = json.loads(line)
        now = round(time.time() - self._started, 3)
        if event["event"] == "end_trial":
            self.last_trial = now
        if event["event"] == "epoch" and event["trial"] != BASELINE:
            self.timeline.append((now, event["metrics"]["val_accuracy"]))


def _ours(seed: int, quick: bool) -> Row:
    """The same brackets, and as KerasTuner here without early stopping; the baseline on top."""
    epochs = 3 if quick else 9
    words = ["--backend", "hyperband", "--max-epochs", str(epochs), "--patience", str(epochs)]
    return _run([*words, "--workers", "2", "--seed", str(seed)], quick)


def _default(seed: int, quick: bool) -> Row:
    """`run fashion` with nothing else said but the seed."""
    return _run(["--seed", str(seed), *(["--max-epochs", "3"] if quick else [])], quick)


def _run(words: Sequence[str], quick: bool) -> Row:
    watch = Watch()
    problem = "benchmarks/problems/fashion_quick.py" if quick else "fashion"
    done, document = processes.ours([problem, *words], watch.hear)
    return {
        "seconds": done.seconds,
        "load": done.load,
        "last_trial": watch.last_trial,
        "timeline": watch.timeline,
        "trials": len(document["trials"]),
        "epochs": document["epochs_trained"],
        "best": document["best"]["score"],
        "test": document["best"]["test"],
    }


def _kerastuner(seed: int, quick: bool) -> Row:
    words = ["--started", str(time.time()), "--seed", str(seed), *(["--quick"] if quick else [])]
    done, found = processes.peer("kerastuner_hyperband", words)
    timeline: Any = found["timeline"]
    return {
        "seconds": done.seconds,
        "load": done.load,
        "last_trial": timeline[-1][0],
        "timeline": timeline,
        "trials": found["trials"],
        "epochs": len(timeline),
        "best": max(score for _, score in timeline),
    }


CONTENDERS: dict[str, Callable[[int, bool], Row]] = {
    "ours": _ours,
    "default": _default,
    "kerastuner": _kerastuner,
}


def main() -> None:
    """Measure what is missing of the rounds asked for."""
    for number, name, row in rounds.measured("hyperband", __doc__, CONTENDERS):
        reached = seconds_to(row["timeline"])
        print(f"{number} {name}: {row['seconds']:.1f} s, best {row['best']:.4f}", end=", ")
        print(f"{TARGET} {'never' if reached is None else f'after {reached:.1f} s'}")


if __name__ == "__main__":
    main()
