"""A trial leaves nothing behind in its process, and takes nothing along."""

import os
import socket
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import search
from search.errors import SearchWarning
from search.kerastuner.hypermodel import from_hypermodel
from search.problem import pickling
from search.runtime.keras_configuration import KerasConfiguration
from search.runtime.process_state import TrialProcess, left_as_it_was
from search.study.rules import training_rules
from tests.field.tables import RATE, data, dense, new_trainer, problem, table, train

X, Y = table(120)


@pytest.fixture(autouse=True)
def usual_configuration() -> Any:
    usual = KerasConfiguration.noted()
    assert usual is not None
    yield
    usual.apply()


def set_all() -> None:
    keras.config.set_floatx("float64")
    keras.config.set_epsilon(1e-3)
    keras.config.set_image_data_format("channels_first")
    keras.config.disable_traceback_filtering()
    keras.config.set_dtype_policy("mixed_bfloat16")


def noted() -> tuple[Any, ...]:
    policy = keras.config.dtype_policy().name
    traceback = keras.config.is_traceback_filtering_enabled()
    config = keras.config
    return policy, config.floatx(), config.epsilon(), config.image_data_format(), traceback


SET = ("mixed_bfloat16", "float64", 1e-3, "channels_first", False)


def test_build_finds_what_was_set_at_the_top_in_every_trial_and_thread() -> None:
    set_all()
    seen = []

    def build(params: Any) -> keras.Model:
        seen.append(noted())
        keras.config.set_dtype_policy("float32")
        keras.config.set_floatx("float16")
        return dense()

    trainer = new_trainer(problem(build, data(X, Y)))
    with pytest.warns(SearchWarning, match="trial 1 changed Keras's dtype policy and Keras's flo"):
        train(problem(build, data(X, Y)), RATE, (0, 1), trainer=trainer)
    thread = threading.Thread(
        target=train, args=(problem(build, data(X, Y)), RATE, (0, 1)), kwargs={"trainer": trainer}
    )
    thread.start()
    thread.join()
    assert seen == [SET, SET]
    assert noted() == SET


def test_a_study_of_rules_1_keeps_to_what_clear_session_leaves() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    seen = []

    def build(params: Any) -> keras.Model:
        seen.append(keras.config.dtype_policy().name)
        return dense()

    p = problem(build, data(X, Y))
    trainer = new_trainer(p, rules=training_rules(1))
    train(p, RATE, (0, 1), trainer=trainer)
    assert seen == ["float32"]
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_the_configuration_travels_with_a_problem_and_counts_in_its_digest() -> None:
    p = problem(lambda params: dense(), data(X, Y))
    usual = pickling.pack(p)
    set_all()
    packed = pickling.pack(p)
    assert packed.digest != usual.digest
    usual.opened()
    assert noted() == ("float32", "float32", 1e-7, "channels_last", True)
    packed.opened()
    assert noted() == SET


def test_finding_a_hypermodels_space_leaves_the_configuration() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    seen = []

    def build(hp: Any) -> keras.Model:
        seen.append(keras.config.dtype_policy().name)
        hp.Int("units", 1, 3)
        return dense()

    from_hypermodel(build, data(X, Y), "val_accuracy", name="p")
    assert set(seen) == {"mixed_bfloat16"}
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def change_process() -> None:
    os.environ["LEFT_BEHIND"] = "1"
    os.chdir("/")
    warnings.simplefilter("error")
    sys.setrecursionlimit(4321)
    socket.setdefaulttimeout(1.5)
    np.seterr(all="raise")
    np.set_printoptions(precision=2)


def read_process() -> tuple[Any, ...]:
    filters = list(warnings.filters)
    numpy = np.geterr(), np.get_printoptions()
    return dict(os.environ), os.getcwd(), filters, sys.getrecursionlimit(), numpy


def test_what_a_trial_changes_is_put_back_and_said_once() -> None:
    def build(params: Any) -> keras.Model:
        change_process()
        return dense()

    p = problem(build, data(X, Y))
    trainer, before = new_trainer(p), read_process()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        train(p, RATE, (0, 2), trainer=trainer)
        train(p, RATE, (0, 2), trainer=trainer, trial="2")
    assert read_process() == before
    assert socket.getdefaulttimeout() is None
    (one,) = {str(warning.message) for warning in said}
    assert one.startswith(
        "trial 1 changed NumPy's options and environment variables and the recursion limit and "
        "the socket timeout and the working directory and warning filters, which is restored"
    )


def test_a_trial_keeps_its_own_settings_from_epoch_to_epoch() -> None:
    seen = []

    class Looks(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            seen.append(sys.getrecursionlimit())
            sys.setrecursionlimit(4000 + epoch)

    p = problem(lambda params: dense(), data(X, Y), callbacks=lambda params: [Looks()])
    usual = sys.getrecursionlimit()
    with pytest.warns(SearchWarning, match="trial 1 changed the recursion limit"):
        train(p, RATE, (0, 3))
    assert seen == [usual, 4000, 4001]


def test_closed_standard_error_and_the_file_limit_are_put_back(capfd: Any) -> None:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)

    def close() -> None:
        with TrialProcess("1", None, set()):
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, limit[1]))
            os.close(2)

    with pytest.warns(SearchWarning, match="standard streams and the limit of open files"):
        close()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == limit
    os.write(2, b"still there")
    assert "still there" in capfd.readouterr().err


def test_a_thread_left_running_is_named() -> None:
    done = threading.Event()
    process = TrialProcess("7", None, set())
    with process:
        thread = threading.Thread(target=done.wait, name="feeder")
        thread.start()
    with pytest.warns(SearchWarning, match="trial 7 leaves thread feeder running"):
        process.end()
    done.set()
    thread.join()


def test_the_callers_process_is_left_as_it_was() -> None:
    before, draw = read_process(), np.random.get_state()[1].tolist()
    with left_as_it_was():
        np.random.seed(1)
        change_process()
        set_all()
    assert read_process() == before
    assert np.random.get_state()[1].tolist() == draw
    assert noted() == ("float32", "float32", 1e-7, "channels_last", True)


def test_two_studies_in_this_process_at_once_score_as_one_alone(tmp_path: Path) -> None:
    def best(name: str) -> float:
        study = search.tune(
            replace(problem(lambda params: dense(rate=params["rate"]), data(X, Y)), name=name),
            backend="randomized",
            trials=2,
            max_epochs=2,
            workers=0,
            mlflow=False,
            quiet=True,
            store=tmp_path,
        )
        return study.best.score

    alone = best("alone")
    with ThreadPoolExecutor(2) as threads:
        at_once = list(threads.map(best, ("one", "two")))
    assert at_once == [alone, alone]
