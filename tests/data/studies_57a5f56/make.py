"""Makes the stored studies, with the program of commit 57a5f56 alone; see README.md.

In a work tree of that commit that holds a copy of this folder:

    python -m tests.data.studies_57a5f56.make FOLDER
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from search.config import StudyConfig
from search.errors import StudyInterrupted
from search.journal import Journal
from search.seeds import SystemClock
from search.store import Store
from search.study import Surroundings, resume, start
from search.training.trainer import KerasTrainer

BACKENDS = (
    *("grid", "randomized", "hyperband", "optuna"),
    *("bayesian", "halving", "hyperopt", "skopt"),
)
PROBLEM = "tests.data.studies_57a5f56.problem:PROBLEM"
LINES = 17  # of a journal, after which the process is killed


def around(store: Path) -> Surroundings:
    return Surroundings(Store(store), None, lambda *_: [], SystemClock())


def config(backend: str, study: str) -> StudyConfig:
    return StudyConfig(problem=PROBLEM, backend=backend, trials=7, study=study)


def child(work: Callable[[], object]) -> int:
    """Do the work in a process of its own; its exit code, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except StudyInterrupted:
            code = 130
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed(store: Path, backend: str) -> None:
    """Run a study that is killed after so many lines, between an epoch and its answer."""
    commit, append, lines = Journal.commit, Journal.append, 0

    def counted(journal: Journal, entry: object) -> None:
        nonlocal lines
        append(journal, entry)
        lines += 1

    def last(journal: Journal) -> None:
        commit(journal)
        if lines >= LINES:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.append, Journal.commit = counted, last
    # a checkpoint after each epoch, where it would be after each two seconds
    KerasTrainer.__init__.__kwdefaults__["checkpoint_seconds"] = 0.0
    start(config(backend, f"{backend}-killed"), around(store))


def main(folder: Path) -> None:
    store, again = folder / "store", folder / "again"
    for backend in BACKENDS:
        finished = config(backend, backend)
        assert child(lambda finished=finished: start(finished, around(store))) == 0
        code = child(lambda backend=backend: killed(store, backend))
        assert code == -signal.SIGKILL, code
        sys.stderr.write(f"{backend}\n")
    shutil.copytree(store, again)
    (folder / "resumed").mkdir()
    for backend in BACKENDS:
        name = f"{backend}-killed"
        assert child(lambda name=name: resume(name, around(again))) == 0
        shutil.copy(again / "journals" / f"{name}.jsonl", folder / "resumed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
