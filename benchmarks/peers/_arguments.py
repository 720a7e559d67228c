"""What every script of a peer is told on its command line, and the file it leaves."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.problems import _tasks
from benchmarks.problems._tasks import Task
from search.data.parts import Data


@dataclass(frozen=True, slots=True)
class Arguments:
    """The task to train, the seed of this round, and where the answer goes."""

    task: Task
    seed: int
    out: Path
    data_dir: Path | None

    def data(self) -> Data:
        """The task's data as a peer's documentation shows them."""
        return _tasks.scaled(_tasks.load(self.task, self.data_dir))

    def write(self, scores: Sequence[float], trial_seconds: Sequence[float]) -> None:
        """Leave the last epoch's score and the seconds of each configuration, in their order."""
        answer: dict[str, Any] = {"scores": list(scores), "trial_seconds": list(trial_seconds)}
        self.out.write_text(json.dumps(answer), encoding="utf-8")


def read() -> Arguments:
    """The arguments of this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=("twelve", "regression"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    task = _tasks.task(options.task, quick=options.quick)
    return Arguments(task, options.seed, options.out, options.data_dir)
