"""(d) One worker and two on the twelve configurations; and what a fashion study is made of."""

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks import processes
from benchmarks.peers.__main__ import answer
from benchmarks.problems import _tasks
from benchmarks.results import FOLDER, QUICK_FOLDER, Results, Row


def _twelve(workers: int) -> Callable[[int, bool], Row]:
    def contender(seed: int, quick: bool) -> Row:
        task = _tasks.task("twelve", quick=quick)
        file = f"benchmarks/problems/twelve{'_quick' if quick else ''}.py"
        words = [file, "--backend", "grid", "--seed", str(seed), "--workers", str(workers)]
        done, document = processes.ours(words)
        found = answer(document, len(task.configurations))
        return {
            "seconds": done.seconds,
            "load": done.load,
            "study_seconds": document["seconds"],
            "training_seconds": round(sum(found["trial_seconds"]), 3),
        }

    return contender


def _overhead(seed: int, quick: bool) -> Row:
    """`run fashion` with one worker: the study's time, and what of it went into epochs."""
    problem = "benchmarks/problems/fashion_quick.py" if quick else "fashion"
    words = [problem, "--seed", str(seed), "--workers", "1", *(["--max-epochs", "3"] * quick)]
    done, document = processes.ours(words)
    training = sum(trial["seconds"] for trial in document["trials"])
    return {
        "seconds": done.seconds,
        "load": done.load,
        "study_seconds": document["seconds"],
        "training_seconds": round(training, 3),
    }


CONTENDERS: dict[str, Callable[[int, bool], Row]] = {
    "one": _twelve(1),
    "two": _twelve(2),
    "fashion": _overhead,
}


def main() -> None:
    """Measure what is missing of the rounds asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="rounds in all (default 3)")
    parser.add_argument("--only", help="of one, two, fashion; with commas between them")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that all of it runs")
    parser.add_argument("--fresh", action="store_true", help="forget earlier measurements first")
    parser.add_argument("--folder", type=Path, help="where results go")
    options = parser.parse_args()
    quick = options.quick
    results = Results("scaling", options.folder or (QUICK_FOLDER if quick else FOLDER))
    if options.fresh or quick:
        results.clear()
    names = options.only.split(",") if options.only else list(CONTENDERS)
    if not quick:
        processes.warm_up()
    for number in range(1, (1 if quick else options.repeats) + 1):
        for name in processes.order(names, number):
            if results.has(contender=name, round=number):
                continue
            row = CONTENDERS[name](number, quick)
            results.append({"contender": name, "round": number} | row)
            print(f"{number} {name}: {row['seconds']:.1f} s, study {row['study_seconds']:.1f} s")


if __name__ == "__main__":
    main()
