"""(a) The same trials through each peer and through this platform, interleaved, whole processes."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import processes, rounds
from benchmarks.problems import _tasks
from benchmarks.problems._tasks import Task
from benchmarks.processes import Done
from benchmarks.results import Results, Row

Contender: TypeAlias = Callable[[Task, int, bool, list[str]], tuple[Done, Row]]


def _ours(task: Task, seed: int, quick: bool, data: list[str]) -> tuple[Done, Row]:
    file = f"benchmarks/problems/{task.name}{'_quick' if quick else ''}.py"
    words = [file, "--backend", "grid", "--workers", "2", "--seed", str(seed), *data]
    done, document = processes.ours(words)
    return done, answer(document, len(task.configurations))


def answer(document: Any, configurations: int) -> Row:
    """Score and seconds of each configuration, from the document of `run --json`.

    Raises: KeyError when a configuration is missing or has no score.
    """
    trials = {trial["params"]["configuration"]: trial for trial in document["trials"]}
    ordered = [trials[number] for number in range(configurations)]
    if any(trial["state"] != "completed" for trial in ordered):
        raise KeyError(f"every trial must be completed, got {document['trials']}")
    return {
        "scores": [trial["score"] for trial in ordered],
        "trial_seconds": [trial["seconds"] for trial in ordered],
    }


def _peer(module: str) -> Contender:
    def contender(task: Task, seed: int, quick: bool, data: list[str]) -> tuple[Done, Row]:
        words = [task.name, "--seed", str(seed), *(["--quick"] if quick else []), *data]
        return processes.peer(module, words)

    return contender


CONTENDERS: dict[str, Contender] = {
    "ours": _ours,
    "kerastuner": _peer("kerastuner"),
    "optuna_script": _peer("optuna_script"),
    "gridsearchcv": _peer("gridsearchcv"),
}


def measure(
    task: Task, number: int, name: str, results: Results, *, quick: bool, data: list[str]
) -> None:
    """Measure one contender in one round, and write it down."""
    done, found = CONTENDERS[name](task, number, quick, data)
    if len(found["scores"]) != len(task.configurations):
        raise RuntimeError(f"{name} must score every configuration, got {found}")
    about = {
        "task": task.name,
        "contender": name,
        "round": number,
        "seconds": done.seconds,
        "load": done.load,
        "trials": len(task.configurations),
        "epochs": task.epochs,
        "data": _tasks.source(task, Path(data[1]) if data else None),
    }
    results.append(about | found)
    mean = statistics.fmean(found["scores"])
    print(f"{task.name} {number} {name}: {done.seconds:.1f} s, mean {task.metric} {mean:.4f}")


def main() -> None:
    """Measure what is missing of the rounds asked for."""
    parser = rounds.parser("peers", __doc__)
    parser.add_argument("--task", choices=("twelve", "regression"), help="default: both")
    parser.add_argument("--data-dir", type=Path, help="where cal_housing.data lies")
    options = parser.parse_args()
    quick, results = options.quick, rounds.results("peers", options)
    names = options.only.split(",") if options.only else list(CONTENDERS)
    for number in rounds.numbers(options):
        for word in [options.task] if options.task else ["twelve", "regression"]:
            task = _tasks.task(word, quick=quick)
            data = ["--data-dir", str(options.data_dir.absolute())] if options.data_dir else []
            data = data if word == "regression" else []
            for name in processes.order(names, number):
                if not results.has(task=word, contender=name, round=number):
                    measure(task, number, name, results, quick=quick, data=data)


if __name__ == "__main__":
    main()
