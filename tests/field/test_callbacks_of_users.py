"""Callbacks find what Keras gives them, and write where no other trial writes."""

from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from search.errors import SearchWarning, UsageError
from search.runtime.clock import SystemClock
from search.study.trial import Budget, EpochReport, Proposal, Task
from search.training.checkpoint import CheckpointFolder
from search.training.cross_validation import CrossValidation
from search.training.fit_loop import evaluate
from search.training.trainer import KerasTrainer
from tests.field.tables import RATE, data, dense, new_trainer, problem, table, train

X, Y = table(400)


def with_callbacks(*made: Any, build: Any = None) -> Any:
    return problem(build or (lambda params: dense()), data(X, Y), callbacks=lambda params: made)


@pytest.mark.filterwarnings("ignore:training by keras's fit")
@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_begin"])
def test_params_are_those_of_fit(hook: str) -> None:
    seen = []

    class Looks(keras.callbacks.Callback):
        pass

    def look(self: Any, *args: Any, **more: Any) -> None:
        seen.append(dict(self.params))

    setattr(Looks, hook, look)
    train(with_callbacks(Looks()), RATE, (0, 1))
    assert seen[0] == {"epochs": 9, "steps": 8, "verbose": 0}


def in_folder(params: Any, folder: Path) -> list[Any]:
    return [
        keras.callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True),
        keras.callbacks.CSVLogger(folder / "log.csv"),
    ]


def test_each_trial_has_a_folder_for_its_files(tmp_path: Path) -> None:
    p = problem(lambda params: dense(), data(X, Y), callbacks=in_folder)
    trainer = KerasTrainer(
        p,
        p.load(None),
        CheckpointFolder(tmp_path, "me"),
        SystemClock(),
        patience=None,
        most_epochs=9,
        files=tmp_path / "trials",
    )
    train(p, RATE, (0, 2), trainer=trainer)
    train(p, RATE, (0, 1), trainer=trainer, trial="2")
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("trials/*/*"))
    assert found == [f"trials/{n}/{name}" for n in "12" for name in ("best.keras", "log.csv")]
    assert len((tmp_path / "trials/1/log.csv").read_text().splitlines()) == 3


def test_a_file_for_all_trials_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with pytest.warns(SearchWarning, match=r"CSVLogger\('.*log.csv'\) writes to the same path"):
        train(with_callbacks(keras.callbacks.CSVLogger(path)), RATE, (0, 1))
    own = keras.callbacks.CSVLogger(tmp_path / f"log-{RATE['rate']}.csv")
    train(with_callbacks(own), RATE, (0, 1))


def test_backup_and_restore_is_refused_before_the_first_epoch(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="BackupAndRestore is not allowed in a problem's callba"):
        train(with_callbacks(keras.callbacks.BackupAndRestore(tmp_path)), RATE, (0, 1))


@pytest.mark.parametrize("how", ["nan", "error"])
def test_a_trial_that_fails_ends_its_callbacks(how: str) -> None:
    ended = []

    class Bad(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if how == "error":
                raise RuntimeError("broken")
            logs["loss"] = float("nan")

        def on_train_end(self, logs: Any = None) -> None:
            ended.append(True)

    if how == "error":
        with pytest.raises(RuntimeError, match="broken"):
            train(with_callbacks(Bad()), RATE, (0, 2))
    else:
        train(with_callbacks(Bad()), RATE, (0, 2))
    assert ended == [True]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: keras.callbacks.EarlyStopping("loss", patience=5, restore_best_weights=True),
            r"EarlyStopping\(restore_best_weights=True\) is not needed",
        ),
        (keras.callbacks.TerminateOnNaN, "TerminateOnNaN is not needed"),
    ],
    ids=["early stopping", "nan"],
)
def test_what_happens_anyway_costs_nothing(make: Any, said: str) -> None:
    plain, _ = train(problem(lambda params: dense(), data(X, Y)), RATE, (0, 3))
    p = problem(lambda params: dense(), data(X, Y), callbacks=lambda params: [make()])
    with pytest.warns(SearchWarning, match=said) as warned:
        parts, outcome = train(p, RATE, (0, 1), (1, 3))
    assert parts == plain
    assert outcome.way == "graph"
    assert len({str(one.message) for one in warned}) == 1


HOOKS = ["train_batch_end", "test_begin", "test_batch_end", "test_end", "epoch_end"]


def noting(seen: list[str]) -> keras.callbacks.Callback:
    """Return a callback that notes which of its hooks are called."""

    class Notes(keras.callbacks.Callback):
        pass

    def note(name: str) -> Any:
        return lambda self, *args, **logs: seen.append(name)

    for name in HOOKS:
        setattr(Notes, f"on_{name}", note(name))
    return Notes()


def fitted(model: Any, d: Any, callbacks: Any, *, held: bool, **settings: Any) -> dict[str, Any]:
    given = (d.validation.x, d.validation.y) if held else None
    x, y = d.train.x, d.train.y
    done = model.fit(x, y, 240, verbose=0, validation_data=given, callbacks=callbacks, **settings)
    return {name: values[-1] for name, values in done.history.items()}


@pytest.mark.parametrize(
    ("held", "passed"), [(True, True), (False, True), (True, False)], ids=["its", "ours", "none"]
)
def test_a_fit_of_the_users_calls_the_hooks_of_evaluations_once_as_keras_does(
    *, held: bool, passed: bool
) -> None:
    plain: list[str] = []
    fitted(dense(), data(X, Y), [noting(plain)], held=True, epochs=2)
    seen: list[str] = []

    def fit(params: Any, model: Any, d: Any, callbacks: Any, **settings: Any) -> Any:
        return fitted(model, d, callbacks if passed else [], held=held, **settings)

    one = noting(seen)
    p = problem(lambda params: dense(), data(X, Y), fit=fit, callbacks=lambda params: [one])
    train(p, RATE, (0, 2))
    kept = [name for name in plain if passed or "batch" not in name]
    assert list(dict.fromkeys(seen)) == list(dict.fromkeys(kept))
    assert [n for n in seen if "batch" not in n] == [n for n in plain if "batch" not in n]


def noted(calls: list[str], name: str) -> Any:
    """Return a callback that notes when training begins and ends, by a name."""
    return keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: calls.append(f"{name} begins"),
        on_train_end=lambda logs: calls.append(f"{name} ends"),
    )


class Scales(keras.callbacks.Callback):  # type: ignore[misc]
    """Changes a variable of the model in each epoch, and has one of its own."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.seen = tf.Variable(0.0)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen.assign_add(1.0)
        self.model.scale.assign(self.model.scale * 0.5)


def scaled(params: Any) -> keras.Model:
    model = dense()
    model.scale = tf.Variable(1.0)
    last = model.layers[-1]
    plain = last.call
    last.call = lambda x, training=None: plain(x) * model.scale
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def reports(curve: list[dict[str, float]]) -> tuple[EpochReport, ...]:
    return tuple(EpochReport("1", n, metrics, 0.1) for n, metrics in enumerate(curve, start=1))


def files_in(folder: Path) -> dict[str, str]:
    return {str(one): one.read_text() for one in folder.rglob("*") if one.is_file()}


def in_file(calls: list[str], *more: Any) -> Any:
    def callbacks(params: Any, folder: Path) -> list[Any]:
        log = keras.callbacks.CSVLogger(folder / "log.csv")
        return [log, noted(calls, folder.name), *(make() for make in more)]

    return callbacks


@pytest.mark.parametrize("build", [lambda params: dense(), scaled], ids=["plain", "scaled"])
def test_models_of_folds_that_are_evaluated_again_call_no_callback(
    build: Any, tmp_path: Path
) -> None:
    calls: list[str] = []
    callbacks = in_file(calls, *([Scales] if build is scaled else []))
    p = problem(build, data(X, Y), callbacks=callbacks)
    trainer = new_trainer(p, files=tmp_path, folding=CrossValidation(2, 0))
    curve, _ = train(p, RATE, (0, 2), trainer=trainer)
    files, calls[:] = files_in(tmp_path), []
    task = Task(Proposal("1", RATE, Budget(0, 2)), 7, reports(curve))
    for number, fold in enumerate(trainer.folds(task), start=1):
        score = evaluate(fold.model, fold.part, 32)["loss"]
        assert score == pytest.approx(curve[-1][f"fold_{number}_val_loss"], rel=1e-5)
    assert number == 2
    assert not calls
    assert files_in(tmp_path) == files


@pytest.mark.parametrize("stopped", [False, True], ids=["budget used up", "stopped"])
def test_a_trial_with_nothing_left_to_train_calls_no_callback(
    *, stopped: bool, tmp_path: Path
) -> None:
    calls: list[str] = []
    p = problem(lambda params: dense(), data(X, Y), callbacks=in_file(calls))
    curve, outcome = train(p, RATE, (0, 2), trainer=new_trainer(p, files=tmp_path))
    files, calls[:] = files_in(tmp_path), []
    task = Task(Proposal("1", RATE, Budget(0, 2)), 7, reports(curve), stopped=stopped)
    with pytest.raises(StopIteration) as end:
        next(new_trainer(p, files=tmp_path).train(task))
    assert end.value.value.way == outcome.way
    assert not calls
    assert files_in(tmp_path) == files


@pytest.mark.parametrize("cv", [None, 2], ids=["one model", "folds"])
def test_a_model_that_is_trained_once_more_for_its_export_ends_its_callbacks(
    cv: int | None, tmp_path: Path
) -> None:
    calls: list[str] = []
    p = problem(lambda params: dense(), data(X, Y), callbacks=in_file(calls))
    folding = None if cv is None else CrossValidation(cv, 0)
    trainer = new_trainer(p, files=tmp_path, folding=folding)
    curve, _ = train(p, RATE, (0, 2), trainer=trainer)
    files, calls[:] = files_in(tmp_path), []
    task = Task(Proposal("1", RATE, Budget(0, 2)), 7, reports(curve))
    # as where the checkpoints were deleted
    new_trainer(p, files=tmp_path, folding=folding).restored(task, 2)
    name = "again" if cv is None else "all"
    assert calls == [f"{name} begins", f"{name} ends"]
    assert files_in(tmp_path).items() > files.items()
