"""The command line on digits: results, messages, exit codes, and no traces."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from search.cli.main import main
from search.study.journal import Journal

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory, with_database) -> Path:
    """A store with one small finished study of digits, named "small"."""
    store = with_database(tmp_path_factory.mktemp("cli") / "mlruns")
    words = ["run", "digits", "--backend", "randomized", "--trials", "3", "--max-epochs", "2"]
    words += ["--workers", "1", "--study", "small"]
    assert main([*words, "--store", str(store), "--quiet"]) == 0
    return store


@pytest.fixture
def call(store, capsys):
    """Run one command on the store: its exit code, what it printed, what it said of errors."""

    def run(*words: str, at: Path = store) -> tuple[int, str, str]:
        alone = ["--workers", "1"] if words[0] == "run" and "--workers" not in words else []
        code = main([*words, *alone, "--store", str(at)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run


def test_run_prints_the_answer_and_the_next_commands(call):
    code, out, _ = call(
        *("run", "digits", "--backend", "grid", "--trials", "2", "--max-epochs", "1"),
        *("--study", "answer", "--set", "layers=1", "--quiet"),
    )
    assert code == 0
    for words in (
        "0 baseline",
        "best: trial",
        "gain over the baseline:",
        "test set (evaluated once): ",
        "exports/answer",
        "python -m search ui answer",
        "python -m search run digits --backend grid --max-epochs 1 --set layers=1 --trials 2 "
        "--workers 1",
        "python -m search resume answer",
    ):
        assert words in out


def test_run_json_is_the_document_that_show_gives(call):
    code, out, _ = call(
        *("run", "digits", "--backend", "randomized", "--trials", "1", "--max-epochs", "1"),
        *("--study", "js", "--json", "--quiet"),
    )
    assert code == 0
    assert json.loads(out) == json.loads(call("show", "js", "--json")[1])


def test_equal_seeds_give_equal_studies_and_others_do_not(call):
    def trials(name: str, seed: str) -> list:
        code, out, _ = call(
            *("run", "digits", "--backend", "optuna", "--trials", "2", "--max-epochs", "1"),
            *("--seed", seed, "--study", name, "--json", "--quiet"),
        )
        assert code == 0
        return [
            {key: value for key, value in trial.items() if key != "seconds"}
            for trial in json.loads(out)["trials"]
        ]

    first = trials("one", "5")
    assert trials("two", "5") == first
    assert trials("three", "6") != first


def test_show_and_list(call):
    assert "0 baseline" in call("show", "small")[1]
    assert "small" in call("list")[1]
    assert "fashion" in call("list", "problems")[1]
    out = call("list", "backends")[1]
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == [
        *("bayesian", "grid", "halving", "hyperband", "hyperopt", "optuna", "randomized", "skopt")
    ]
    assert "--sampler gp_hedge, ei, lcb, pi, forest" in out


def test_export_and_predict_take_raw_inputs(call, tmp_path, capsys):
    code, out, _ = call("export", "small/1", "--to", str(tmp_path / "model"))
    assert code == 0
    assert out.strip() == str(tmp_path / "model")
    from sklearn.datasets import load_digits

    np.save(tmp_path / "x.npy", load_digits().images[:4].astype("float32"))
    assert main(["predict", str(tmp_path / "model"), str(tmp_path / "x.npy"), "--json"]) == 0
    predictions = json.loads(capsys.readouterr().out)
    assert len(predictions) == 4
    assert main(["predict", str(tmp_path / "model"), str(tmp_path / "none.npy")]) == 2
    assert "none.npy" in capsys.readouterr().err


def test_savedmodel_gives_the_same_predictions(call, tmp_path):
    import keras
    import tensorflow as tf
    from sklearn.datasets import load_digits

    for kind in ("keras", "savedmodel"):
        folder = str(tmp_path / kind)
        assert call("export", "small", "--format", kind, "--to", folder)[0] == 0
    x = load_digits().images[:5].astype("float32")
    whole = keras.saving.load_model(tmp_path / "keras" / "model.keras")
    served = tf.saved_model.load(str(tmp_path / "savedmodel" / "model"))
    np.testing.assert_allclose(served.serve(x).numpy(), whole.predict(x, verbose=0), rtol=1e-5)


def test_a_cleaned_trial_is_trained_again_to_the_same_weights(call, tmp_path):
    import keras

    assert call("export", "small/1", "--to", str(tmp_path / "before"))[0] == 0
    code, out, _ = call("clean", "small", "--keep", "0")
    assert code == 0
    assert "kept the checkpoints of trials none" in out
    code, _, err = call("export", "small/1", "--to", str(tmp_path / "after"))
    assert code == 0
    assert "retraining it from the record" in err
    before, after = (
        keras.saving.load_model(tmp_path / name / "model.keras") for name in ("before", "after")
    )
    for one, other in zip(before.weights, after.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_doctor_finds_the_store_sound_and_rebuilds_mlflow(call, store):
    code, out, _ = call("doctor")
    assert code == 0
    for words in ("keras 3", "data set fashion_mnist", "data set digits", "study small: finished"):
        assert words in out
    place = json.loads(call("show", "small", "--json")[1])["mlflow"]
    code, out, _ = call("doctor", "--rebuild", "small")
    assert (code, "3 trials written" in out) == (0, True)
    rebuilt = json.loads(call("show", "small", "--json")[1])["mlflow"]
    assert rebuilt["experiment_id"] == place["experiment_id"]
    assert rebuilt["run_id"] != place["run_id"]


def test_doctor_says_what_is_damaged(call, tmp_path):
    broken = tmp_path / "mlruns"
    (broken / "journals").mkdir(parents=True)
    (broken / "journals" / "bad.jsonl").write_text("not json\n")
    code, out, _ = call("doctor", at=broken)
    assert code == 1
    assert "BAD  study bad: journal" in out
    assert "line 1 is damaged" in out
    code, _, err = call("show", "bad", at=broken)
    assert (code, "line 1 is damaged" in err) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["rnu", "digits"], 2, "did you mean 'run'"),
        (["run", "digitss"], 2, "did you mean 'digits'"),
        (["run", "digits", "--backend", "hyperbnad"], 2, "did you mean 'hyperband'"),
        (["run", "digits", "--set", "learning_rat=1"], 2, "did you mean 'learning_rate'"),
        (["run", "digits", "--set", "layers=0..9"], 2, "is not in the space"),
        (["run", "digits", "--backend", "optuna", "--sampler", "tpee"], 2, "did you mean 'tpe'"),
        (["run", "digits", "--backend", "optuna", "--pruner", "asah"], 2, "did you mean 'asha'"),
        (
            ["run", "digits", "--sampler", "tpe"],
            2,
            "can only be used with --backend hyperopt or optuna",
        ),
        (
            ["run", "digits", "--population", "8"],
            2,
            "can only be used with --backend optuna --sampler nsga2",
        ),
        (["run", "digits", "--trials", "2"], 2, "at least the factor (3)"),
        (["run", "digits", "--trials", "0", "--backend", "grid"], 2, "at least 1, not 0"),
        (["run", "digits", "--trials", "x"], 2, "invalid int value: 'x'"),
        (["run", "digits", "--time", "soon"], 2, "'soon' is not a duration. Write it like 90"),
        (["run", "digits", "--set", "epochs=3"], 2, "Use --max-epochs"),
        (["run", "digits", "--study", "a/b"], 2, "letters, digits"),
        (["run", "digits", "--study", "small"], 2, "python -m search resume small"),
        (["run", "nowhere.py"], 2, "'nowhere.py' does not exist"),
        (["run", "no.such.module:NAME"], 2, "Check package.module:NAME"),
        (["run", "math:pi"], 2, "must define pi = Problem"),
        (["show", "smal"], 2, "did you mean 'small'"),
        (["resume", "smal"], 2, "did you mean 'small'"),
        (["resume", "small", "--trials", "1"], 2, "less than the 3 trials"),
        (["export", "small/77", "--to", "x"], 2, "unknown trial '77'"),
        (["export", "small", "--format", "kears", "--to", "x"], 2, "did you mean 'keras'"),
        (["clean", "small", "--keep", "-1"], 2, "Use 0 or more"),
        (["run", "digits", "--config", "none.toml"], 2, "Cannot read --config file"),
    ],
)
def test_a_mistake_gets_one_clear_line(call, words, code, message):
    got, _, err = call(*words)
    assert got == code
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_a_missing_store_is_one_clear_line(call, tmp_path):
    for words in (["show", "x"], ["resume", "x"], ["list"], ["ui", "x"], ["clean", "x"]):
        code, _, err = call(*words, at=tmp_path / "nothing")
        assert code == 1
        assert len(err.strip().splitlines()) == 1
        assert "nothing" in err


def test_a_port_in_use_is_one_clear_line(call):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = call("ui", "small", "--port", str(port))
    assert code == 1
    assert f"Port {port}" in err
    assert len(err.strip().splitlines()) == 1


def test_a_running_study_is_refused_to_others(call, store):
    with Journal.reopen(store / "journals" / "small.jsonl")[0]:
        code, _, err = call("resume", "small")
        assert (code, f"process {os.getpid()}" in err) == (1, True)
        assert call("clean", "small")[0] == 1
        assert call("show", "small")[0] == 0


CHANGED_PROBLEM = """
from dataclasses import replace
from spaces.digits import PROBLEM as WHOLE
PROBLEM = replace(WHOLE, name="mine")
"""


def test_a_changed_problem_is_refused_naming_what_changed(call, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(CHANGED_PROBLEM)
    words = ["--backend", "randomized", "--trials", "1", "--max-epochs", "1", "--quiet"]
    assert call("run", str(file), *words, "--study", "mine")[0] == 0
    file.write_text(CHANGED_PROBLEM + "# a remark\n")
    code, _, err = call("resume", "mine", "--trials", "2")
    assert code == 1
    assert "its problem changed" in err


def test_options_may_come_from_a_toml_file(call, tmp_path):
    file = tmp_path / "options.toml"
    file.write_text(
        'backend = "randomized"\ntrials = 4\nmax-epochs = 1\nstudy = "toml"\n[set]\nlayers = 1\n'
    )
    words = ["run", "digits", "--config", str(file), "--trials", "1", "--json", "--quiet"]
    code, out, _ = call(*words)
    shown = json.loads(out)
    assert (code, shown["study"], shown["backend"]) == (0, "toml", "randomized")
    assert len(shown["trials"]) == 1, "the command line goes before the file"
    file.write_text('backnd = "grid"\n')
    code, _, err = call("run", "digits", "--config", str(file))
    assert (code, "did you mean 'backend'" in err) == (2, True)


BROKEN_PROBLEM = """
from dataclasses import replace
from spaces.digits import PROBLEM as WHOLE
def build(params):
    raise RuntimeError("no layers today")
PROBLEM = replace(WHOLE, name="broken", build=build)
"""


def test_a_study_whose_trials_all_fail_fails_and_says_why(call, tmp_path):
    file = tmp_path / "broken.py"
    file.write_text(BROKEN_PROBLEM)
    words = ["run", str(file), "--backend", "randomized", "--trials", "2", "--quiet"]
    code, out, _ = call(*words)
    assert code == 1
    assert "RuntimeError: no layers today" in out


def test_interrupted_it_prints_how_to_go_on_and_exits_130(store):
    words = ["run", "digits", "--backend", "randomized", "--trials", "40", "--study", "long"]
    words += ["--workers", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "search", *words, "--store", str(store), "--progress", "plain"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "trial 1 " in line:
                break
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # an impatient second one must not cut the end short
        _, rest = process.communicate()
    assert process.returncode == 130, [*said, rest]
    assert "Traceback" not in rest
    assert f"python -m search resume long --store {store}" in rest
    assert main(["resume", "long", "--trials", "3", "--store", str(store), "--quiet"]) == 0


def test_help_is_quick_to_write_and_names_every_command():
    done = subprocess.run(
        [sys.executable, "-m", "search", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    for word in ("run", "resume", "list", "show", "export", "predict", "ui", "doctor", "clean"):
        assert f"\n    {word} " in done.stdout
