"""(d) One worker and two on the twelve configurations; and what a fashion study is made of."""

from collections.abc import Callable

from benchmarks import processes, rounds
from benchmarks.peers.__main__ import answer
from benchmarks.problems import _tasks
from benchmarks.results import Row


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
    for number, name, row in rounds.measured("scaling", __doc__, CONTENDERS):
        print(f"{number} {name}: {row['seconds']:.1f} s, study {row['study_seconds']:.1f} s")


if __name__ == "__main__":
    main()
