"""Python API of studies: `tune`, `resume` and `load`. The search runs in a child process."""

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
    """Run a study of a problem, as `python -m search run` does.

    Progress is written to `sys.stderr`. After Ctrl-C, the study can be resumed.

    Args:
        problem: A `Problem`, which may be defined in a notebook or script, or a name, file or
            `module:NAME` as on the command line.
        backend: Search algorithm; `python -m search list backends` shows the names.
        trials: Number of trials, including the baseline.
        max_epochs: Maximum epochs per trial; by default set by the problem.
        time: Limit of active time, in seconds or as text ("10m").
        seed: Seed of all random numbers.
        patience: Epochs without improvement before a trial stops.
        factor: Reduction factor of hyperband and halving.
        narrow: Narrower values by parameter name: a range ("1e-3..1e-1"), a list of values or one
            value. This is the option `--set`.
        sampler: Sampling algorithm of the backend.
        pruner: Early-stopping rule of the backend.
        population: Trials per generation of nsga2.
        generations: Number of generations of nsga2.
        cv: Number of folds for cross-validation.
        study: Name of the study; by default PROBLEM-BACKEND-1, -2, ...
        resume: Continue the study named `study` if it exists.
        workers: Number of training processes, or "auto". With 0, trials train in this process,
            for debuggers: they share TensorFlow with other code here, a second such study waits
            until the first ends, and a trial that exits, hangs or runs out of memory affects this
            process.
        cluster: Address of a Dask scheduler, to train on its workers.
        trial_timeout: Maximum time to train a trial to its next budget, in seconds or as text.
        data_dir: Folder with the data files; by default SEARCH_DATA_DIR.
        store: Folder of studies.
        tensorboard: Folder to which each trial is also written for TensorBoard.
        quiet: Show no progress.
        mlflow: Write the study to MLflow.
        keep_going: Continue when the first three trials fail with the same error.

    Returns:
        The finished study.

    Raises:
        UsageError: A setting is invalid.
        SearchError: Any other failure that the command line would report.
        StudyInterrupted: Ctrl-C was pressed.

    Example:
        study = tune("digits", backend="optuna", trials=20)
        print(study.best.params)
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
    """Continue a study, as `python -m search resume` does.

    Args:
        study: Name of the study.
        problem: The same problem as before; needed for a study that was started from Python.
        trials: New limit for the total number of trials.
        time: New limit for the total active time, in seconds or as text ("10m"). Giving one of
            the two limits removes the other.
        adopt: After a library upgrade, keep all results and continue with a new backend. The
            continuation is not bit-exact.
        workers: As in `tune`.
        cluster: As in `tune`.
        trial_timeout: As in `tune`.
        data_dir: As in `tune`.
        store: As in `tune`.
        tensorboard: As in `tune`.
        quiet: As in `tune`.
        mlflow: As in `tune`.
        keep_going: As in `tune`.

    Returns:
        The finished study.

    Raises:
        UsageError: A setting is invalid, or the study does not exist.
        StudyChangedError: Problem, data or settings have changed since the start of the study.
        SearchError: As in `tune`.
        StudyInterrupted: Ctrl-C was pressed.

    Example:
        study = resume("digits-optuna-1", trials=40)
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
    """Load the model of a study's winner, or of another trial.

    Args:
        study: "STUDY" for the winner, or "STUDY/TRIAL".
        problem: The tuned problem. It is needed for a model with classes that are not registered
            with Keras, and for another trial of a study that was started from Python.
        store: Folder of studies.
        data_dir: Folder with the problem's data; by default SEARCH_DATA_DIR. The data are needed
            for a trial other than the winner, and for a problem with `statistics`.

    Returns:
        A Keras model that takes raw inputs.

    Raises:
        UsageError: The trial is unknown or has no score.
        SearchError: Neither Keras nor the problem can rebuild the model.
        StudyChangedError: The problem has changed since the study.

    Example:
        model = load("digits-optuna-1/7")
        model.predict(images)
    """
    name, _, trial = study.partition("/")
    pickled = None if problem is None else pack(problem)
    return Study(name, Path(store), problem, pickled, _folder(data_dir)).model(trial or None)


def _folder(data_dir: Path | str | None) -> Path | None:
    return None if data_dir is None else Path(data_dir)


def _sent(problem: Problem | str) -> tuple[str, PickledProblem | None]:
    """Return the name of a problem, and the pickled problem if it was given as an object."""
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

        # Keras's session and the random generators belong to the process: one study at a time
        with _TRAINING_HERE, left_as_it_was():
            name = _child_server.perform(request, trains_here=True)
    else:
        name = ask(request)
    kept = problem if isinstance(problem, Problem) else None
    return Study(name, Path(store), kept, request.pickled, _folder(data_dir))
