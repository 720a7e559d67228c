"""Studies from Python: `tune`, `resume`, `load`. A process of their own does the searching."""

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search import _child_server
from search._child_client import Request, ask
from search.problem.pickling import PickledProblem, pack
from search.problem.problem import Problem
from search.results import Study
from search.runtime.type_checks import check_kind

if TYPE_CHECKING:
    import keras

_TRAINING_HERE = threading.RLock()


def tune(
    problem: Problem | str,
    *,
    backend: str = "hyperband",
    trials: int | None = None,
    max_epochs: int | None = None,
    time: float | str | None = None,
    seed: int = 0,
    patience: int | None = None,
    factor: int | None = None,
    narrow: Mapping[str, Any] | None = None,
    sampler: str | None = None,
    pruner: str | None = None,
    population: int | None = None,
    generations: int | None = None,
    cv: int | None = None,
    study: str | None = None,
    resume: bool = False,
    workers: int | str | None = None,
    cluster: str | None = None,
    trial_timeout: float | str | None = None,
    data_dir: Path | str | None = None,
    store: Path | str = "mlruns",
    tensorboard: Path | str | None = None,
    quiet: bool = False,
    mlflow: bool = True,
    keep_going: bool = False,
) -> Study:
    """Search a problem, as `python -m search run` does, and return the study.

    `problem`: a `Problem`, which may be defined in the notebook or script itself, or a word of the
    command line. The other names are the options of `run`; `narrow` stands for `--set` and maps
    parameters to a range ("1e-3..1e-1"), a list of values or one value. `resume`: go on with the
    study of that name where there is one. `workers=0` trains in this very process, for debuggers:
    it shares TensorFlow with whatever else runs here, another study of this kind in the same
    process waits until it has ended, and it does not survive a trial that ends the process, hangs
    or eats memory. `mlflow=False` leaves MLflow out. `keep_going=True`: continue where the first
    three trials fail alike.

    Progress goes to `sys.stderr`. Ctrl-C (StudyInterrupted) leaves a study that can be resumed.

    Raises: UsageError for settings that do not fit; any SearchError as the command reports it.
    """
    word, pickled = _sent(problem)
    options = {
        "backend": backend,
        "trials": trials,
        "max-epochs": max_epochs,
        "time": time,
        "seed": seed,
        "patience": patience,
        "factor": factor,
        "sampler": sampler,
        "pruner": pruner,
        "population": population,
        "generations": generations,
        "cv": cv,
        "study": study,
        "data-dir": data_dir,
        "tensorboard": tensorboard,
    }
    sets = [f"--set={name}={_values(value)}" for name, value in (narrow or {}).items()]
    words = ["run", word, *_words(options), *sets]
    words += _worker_spec(workers, cluster, trial_timeout)
    words += [f"--store={store}", *(["--quiet"] if quiet else [])]
    words += ["--keep-going"] if keep_going else []
    request = Request(tuple(words), pickled, go_on=resume and study is not None, mlflow=mlflow)
    return _done(request, problem, store, workers, data_dir)


def resume(
    study: str,
    problem: Problem | None = None,
    *,
    trials: int | None = None,
    time: float | str | None = None,
    adopt: bool = False,
    workers: int | str | None = None,
    cluster: str | None = None,
    trial_timeout: float | str | None = None,
    data_dir: Path | str | None = None,
    store: Path | str = "mlruns",
    tensorboard: Path | str | None = None,
    quiet: bool = False,
    mlflow: bool = True,
    keep_going: bool = False,
) -> Study:
    """Go on with a study, as `python -m search resume` does.

    `problem`: the same as before, for a study that was begun from Python.

    Raises: as `tune`; StudyChangedError when problem, data or settings are no longer the same.
    """
    _, pickled = ("", None) if problem is None else _sent(problem)
    options = {"trials": trials, "time": time, "data-dir": data_dir, "tensorboard": tensorboard}
    words = ["resume", study, *_words(options), *(["--adopt"] if adopt else [])]
    words += _worker_spec(workers, cluster, trial_timeout)
    words += [f"--store={store}", *(["--quiet"] if quiet else [])]
    words += ["--keep-going"] if keep_going else []
    request = Request(tuple(words), pickled, mlflow=mlflow)
    return _done(request, problem, store, workers, data_dir)


def load(
    study: str,
    *,
    problem: Problem | None = None,
    store: Path | str = "mlruns",
    data_dir: Path | str | None = None,
) -> "keras.Model":
    """The model of a study's winner, or of a trial: "STUDY" or "STUDY/TRIAL".

    `problem`: the one that was tuned; needed only for a model whose classes are not registered with
    Keras, or for a trial other than the winner of a study that was begun from Python. `data_dir`:
    the folder with the problem's data, for a trial other than the winner or a problem with
    `statistics`; by default that of SEARCH_DATA_DIR.

    Raises: as `Study.model`.
    """
    name, _, trial = study.partition("/")
    pickled = None if problem is None else pack(problem)
    return Study(name, Path(store), problem, pickled, _folder(data_dir)).model(trial or None)


def _folder(data_dir: Path | str | None) -> Path | None:
    return None if data_dir is None else Path(data_dir)


def _sent(problem: Problem | str) -> tuple[str, PickledProblem | None]:
    """The word of a problem, and the problem itself where that word means nothing elsewhere."""
    if isinstance(problem, str):
        return problem, None
    check_kind("problem", problem, Problem, "Write Problem(name, space, objective, load, build)")
    pickled = pack(problem)
    return pickled.word, pickled


def _words(options: Mapping[str, Any]) -> Iterable[str]:
    return [f"--{name}={value}" for name, value in options.items() if value is not None]


def _values(value: Any) -> str:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    return ",".join(map(str, value))


def _worker_spec(
    workers: int | str | None, cluster: str | None, timeout: float | str | None
) -> list[str]:
    count = 1 if workers == 0 else workers
    return [*_words({"workers": count, "cluster": cluster, "trial-timeout": timeout})]


def _done(
    request: Request,
    problem: Problem | str | None,
    store: Path | str,
    workers: int | str | None,
    data_dir: Path | str | None,
) -> Study:
    if workers == 0:
        from search.runtime.process_state import left_as_it_was

        # Keras's session, the random generators and the like are the process's: one at a time
        with _TRAINING_HERE, left_as_it_was():
            name = _child_server.perform(request, trains_here=True)
    else:
        name = ask(request)
    kept = problem if isinstance(problem, Problem) else None
    return Study(name, Path(store), kept, request.pickled, _folder(data_dir))
