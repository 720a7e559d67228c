# ruff: noqa: I001
"""Makes the stored studies, with the program of commit 57a5f56 alone; see README.md.

In a work tree of that commit that holds a copy of this folder:

    python -m tests.data.studies_57a5f56.make FOLDER [STUDY ...]
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
RULES_PROBLEM = "tests.data.studies_57a5f56.rules_problem:PROBLEM"
STUDIES = {backend: (backend, PROBLEM) for backend in BACKENDS}
STUDIES |= {"rules": ("randomized", RULES_PROBLEM)}
LINES = 17  # of a journal, after which the process is killed


def around(store: Path) -> Surroundings:
    return Surroundings(Store(store), None, lambda *_: [], SystemClock())


def config(name: str, study: str) -> StudyConfig:
    backend, problem = STUDIES[name]
    return StudyConfig(problem=problem, backend=backend, trials=7, study=study)


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


def killed(store: Path, name: str) -> None:
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
    start(config(name, f"{name}-killed"), around(store))


def main(folder: Path, names: list[str]) -> None:
    store, again = folder / "store", folder / "again"
    for name in names:
        finished = config(name, name)
        assert child(lambda finished=finished: start(finished, around(store))) == 0
        code = child(lambda name=name: killed(store, name))
        assert code == -signal.SIGKILL, code
        sys.stderr.write(f"{name}\n")
    shutil.copytree(store, again)
    (folder / "resumed").mkdir()
    for name in names:
        study = f"{name}-killed"
        assert child(lambda study=study: resume(study, around(again))) == 0
        shutil.copy(again / "journals" / f"{study}.jsonl", folder / "resumed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(STUDIES))
