"""Studies from Python: scripts without a guard, problems by value, errors, kills, models."""

import itertools
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import search
from search import Data, Float, Int, Objective, Part, Problem, Space
from search._child_client import Answer
from search.cli import main as cli
from search.engine.reopen import open_trial
from search.errors import DataError, SearchError, StudyChangedError, StudyInterrupted, UsageError
from search.export import writer
from search.export.reader import restored
from search.problem import fingerprint
from search.problem.pickling import pack
from search.study import journal
from search.study.store import Store
from search.study.study_record import fold

ROOT = Path(__file__).parent.parent
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype("int64")

# long enough that a signal sent after its first trial meets it at work, also on a busy machine
SCRIPT = """
import signal
import sys
import numpy as np
import search
from search import Data, Int, Objective, Part, Problem, Space

# a shell that runs tests in the background has all of them ignore Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)

x = np.arange(400, dtype="float32").reshape(100, 4) / 400
UNITS = 2

def build(params):
    import keras
    hidden = keras.layers.Dense(params["units"] * UNITS)
    model = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

part = Part(x, x.sum(1))
problem = Problem("line", Space(Int("units", 1, 64)), Objective("val_loss", "min"),
                  lambda _: Data(part, part), build, max_epochs=100, patience=None)
study = search.tune(problem, backend="randomized", trials=6, workers=1, store=sys.argv[1],
                    study="line", resume=True, mlflow=False)
print(study.state, len(study.trials), "keras" in sys.modules)
"""


def script(tmp_path: Path, text: str, *words: str) -> "subprocess.Popen[str]":
    file = tmp_path / "script.py"
    file.write_text(text)
    return subprocess.Popen(
        [sys.executable, str(file), *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_output(process: "subprocess.Popen[str]", words: str) -> None:
    """Read what a script says of its study until it says this."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if words in line:
            return
    raise AssertionError("".join(said))


@pytest.mark.slow
def test_the_page_is_a_plain_script_that_runs(tmp_path: Path, capsys) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    text = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    process = script(tmp_path, text)
    printed, said = process.communicate()
    assert process.returncode == 0, said
    assert "rank  trial  val_accuracy" in printed
    assert "trial 4 completed" in said
    assert (tmp_path / "models" / "mine" / "export.json").is_file()
    store = tmp_path / "mlruns"
    assert cli.main(["resume", "mine", "--store", str(store), "--quiet"]) == UsageError.exit_code
    assert "Problem <wine> is defined in Python code" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_goes_on_after_an_interrupt_and_after_a_kill(tmp_path: Path) -> None:
    path = Store(tmp_path / "store").journal("line")
    first = script(tmp_path, SCRIPT, str(tmp_path / "store"))
    wait_for_output(first, "trial 1 completed")
    first.send_signal(signal.SIGINT)
    assert "StudyInterrupted: study line was interrupted" in first.communicate()[1]
    assert journal.writer(path) is None
    done = sum(trial.score is not None for trial in fold(journal.read(path)).trials.values())
    second = script(tmp_path, SCRIPT, str(tmp_path / "store"))
    wait_for_output(second, f"trial {done + 1} completed")
    os.kill(journal.writer(path) or 0, signal.SIGKILL)
    assert "exited without a result (signal 9)" in second.communicate()[1]
    last = script(tmp_path, SCRIPT, str(tmp_path / "store"))
    assert last.communicate()[0] == "finished 6 False\n"


def test_an_error_of_the_process_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown problem 'digit'; did you mean 'digits'"):
        search.tune("digit", store=tmp_path)
    with pytest.raises(UsageError, match="--trials must be at least 1, not 0"):
        search.tune("digits", trials=0, backend="grid", store=tmp_path)


def test_answers_carry_errors_by_their_nearest_known_class() -> None:
    class OwnError(DataError):
        pass

    def came(answer: Answer) -> str:
        return Answer.load(answer.dump()).unfolded()

    with pytest.raises(DataError, match=r"^no file$"):
        came(Answer.of(OwnError("no file")))
    with pytest.raises(StudyInterrupted):
        came(Answer("mine", interrupted=True))
    assert came(Answer("mine")) == "mine"


class Net(keras.Model):
    """Subclassed, with an argument and without get_config: Keras cannot describe it."""

    def __init__(self, units):
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(units, "relu"), keras.layers.Dense(2, "softmax")

    def call(self, x):
        return self.out(self.hidden(x))


@keras.saving.register_keras_serializable("test_tuning")
class Scale(keras.layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def own_loss(true, said):
    return keras.losses.sparse_categorical_crossentropy(true, said)


def subclassed(params):
    model = Net(params["units"])
    model.compile("adam", own_loss, metrics=["accuracy"])
    return model


def sequential(params, layer, loss):
    dense = keras.layers.Dense
    model = keras.Sequential(
        [keras.Input((6,)), dense(params["units"]), layer, dense(2, "softmax")]
    )
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def registered(params):
    return sequential(params, Scale(3.0), "sparse_categorical_crossentropy")


def anonymous(params):
    return sequential(params, keras.layers.Lambda(lambda x: x * 2), own_loss)


@pytest.mark.parametrize("build", [subclassed, registered, anonymous])
def test_a_model_with_own_code_comes_back_and_predicts_the_same(build, tmp_path) -> None:
    problem = problem_of(build)
    study = tuned(problem, tmp_path)
    predicted = study.best_model().predict(X, verbose=0)
    pickled = pack(problem)
    opened = open_trial(Store(tmp_path), study.name, None, None, pickled)
    assert np.array_equal(predicted, opened.model().predict(X, verbose=0))
    assert study.best_model().evaluate(X[80:], Y[80:], verbose=0)[1] == study.best.test["accuracy"]
    without = search.load(study.name, store=tmp_path)  # the graph, or what is registered
    assert np.array_equal(predicted, without.predict(X, verbose=0))


def test_a_study_gives_models_and_goes_on_with_the_same_problem_only(tmp_path) -> None:
    study = tuned(problem_of(subclassed), tmp_path)
    with pytest.raises(
        StudyChangedError, match=r"its problem changed since the study\. Undo the change"
    ):
        search.load(study.name, store=tmp_path, problem=problem_of(anonymous))
    here = {"workers": 0, "store": tmp_path, "quiet": True, "mlflow": False}
    same = search.resume(study.name, problem_of(subclassed), trials=2, **here)
    assert len(same.trials) == 2
    with pytest.raises(StudyChangedError, match="its problem changed since"):
        search.resume(study.name, problem_of(anonymous), **here)
    options = {"backend": "randomized", "seed": 1, "study": study.name, "resume": True}
    with pytest.raises(StudyChangedError, match="with another seed"):
        search.tune(problem_of(subclassed), **options, **here)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: (folder / "export.json").write_text("{}"),
            r"damaged.*\(KeyError: 'input'\)",
        ),
        (lambda folder: (folder / "export.json").write_text('{"a'), r"damaged.*\(JSONDecodeError"),
        (lambda folder: (folder / "model.weights.h5").unlink(), r"has no weights"),
    ],
)
def test_a_damaged_export_is_named(damage, message, tmp_path) -> None:
    problem = problem_of(subclassed)
    header = SimpleNamespace(study="own", digests={"problem": pack(problem).digest})
    facts = {"params": {"units": 4}, "input": {"shape": [6], "dtype": "float32"}}
    model = subclassed({"units": 4})
    model.predict(X, verbose=0)
    model.optimizer.build(model.trainable_variables)
    folder = writer.write(model, tmp_path / "export", facts)
    (folder / "model.keras").unlink(missing_ok=True)
    model.save_weights(folder / "model.weights.h5")
    given = {"problem": problem, "pickled": pack(problem)}
    found = restored(folder, header, **given).predict(X, verbose=0)
    assert np.array_equal(found, model.predict(X, verbose=0))
    damage(folder)
    with pytest.raises(SearchError, match=message):
        restored(folder, header, **given)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"trial": "1"}'])
def test_a_damaged_export_does_not_count_as_the_winners(text, tmp_path) -> None:
    (tmp_path / "export.json").write_text(text)
    best = SimpleNamespace(trial="1", best_epoch=2)
    record = SimpleNamespace(winner_evaluation=SimpleNamespace(trial="1"))
    assert not writer.is_up_to_date(record, best, tmp_path)


def from_folder(folder):
    """Data that only this folder has, and a model whose scaling is fitted on them."""
    np.savez(folder / "rows.npz", x=X, y=Y)

    def load(data_dir):
        rows = np.load((data_dir or Path("nowhere")) / "rows.npz")
        x, y = rows["x"], rows["y"]
        return Data(Part(x[:80], y[:80]), Part(x[80:], y[80:]))

    def build(params, mean):
        return sequential(params, keras.layers.Lambda(lambda x: x - mean), own_loss)

    problem = problem_of(registered)
    return replace(problem, load=load, build=build, statistics=lambda part: float(part.x.mean()))


def test_a_study_knows_the_folder_of_its_data(tmp_path, monkeypatch) -> None:
    problem = from_folder(tmp_path)
    here = {"workers": 0, "store": tmp_path, "quiet": True, "mlflow": False, "data_dir": tmp_path}
    study = search.tune(problem, backend="randomized", trials=2, **here)
    other = next(name for name in study.record.trials if name != study.best.trial)
    predicted = study.best_model().predict(X, verbose=0)
    assert study.model(other).predict(X, verbose=0).shape == predicted.shape
    assert search.resume(study.name, problem, **here).data_dir == tmp_path
    folder = {"problem": problem, "store": tmp_path}
    loaded = search.load(study.name, data_dir=tmp_path, **folder)
    assert np.array_equal(loaded.predict(X, verbose=0), predicted)
    with pytest.raises(DataError, match=r"FileNotFoundError: .*pass data_dir"):
        search.load(study.name, **folder)
    monkeypatch.setenv("SEARCH_DATA_DIR", str(tmp_path))
    loaded = search.load(study.name, **folder)
    assert np.array_equal(loaded.predict(X, verbose=0), predicted)


def test_a_study_whose_trials_all_fail_says_of_what(tmp_path) -> None:
    def build(params):
        raise ZeroDivisionError("nothing to divide")

    study = tuned(problem_of(build), tmp_path)
    assert study.state == "failed"
    with pytest.raises(SearchError, match="with a score: ZeroDivisionError: nothing to divide"):
        _ = study.best


def problem_of(build):
    space = Space(Int("units", 4, 8))
    objective = Objective("val_loss", "min")
    data = Data(Part(X[:80], Y[:80]), Part(X[80:], Y[80:]), Part(X[80:], Y[80:]))
    return Problem("own", space, objective, lambda _: data, build, max_epochs=2)


def tuned(problem, store):
    return search.tune(
        problem, backend="randomized", trials=1, workers=0, store=store, quiet=True, mlflow=False
    )


def digest_of_script(text: str) -> str:
    names: dict[str, object] = {"__name__": "__main__"}
    exec(text, names)
    return fingerprint.digest(names["f"])


def test_a_digest_is_over_all_that_code_names() -> None:
    text = "N = 1\ndef g():\n    return N\ndef f():\n    return g() + 2\n"
    assert digest_of_script(text) == digest_of_script("\n\n" + text + "other = 3\n")
    for old, new in {"N = 1": "N = 2", "+ 2": "+ 3", "return N": "return -N"}.items():
        assert digest_of_script(text) != digest_of_script(text.replace(old, new))


def test_a_digest_reads_closures_arrays_and_fields() -> None:
    def made(values, rate=1.0):
        space = Space(Float("rate", 0.0, rate))
        objective = Objective("val_loss", "min")
        return Problem("own", space, objective, lambda _: values, build=registered)

    same = fingerprint.digest(made(X))
    assert same == fingerprint.digest(made(X.copy()))
    assert len({same, fingerprint.digest(made(X + 1)), fingerprint.digest(made(X, rate=2.0))}) == 3


@pytest.mark.parametrize("form", [set, frozenset])
def test_a_digest_does_not_depend_on_the_order_of_a_set(form) -> None:
    class Walked(form):
        """A set that is walked in the order of these names, as another process may do."""

        order = ()

        def __iter__(self):
            return iter(sorted(form.__iter__(self), key=lambda one: self.order.index(one.__name__)))

    text = "def shared():\n    return 1\ndef f():\n    return shared() + 1\n"
    names: dict[str, object] = {"__name__": "__main__"}
    exec(f"{text}def g():\n    return shared() + 2\ndef h():\n    return f\n", names)
    found = set()
    for order in itertools.permutations("fgh"):
        Walked.order = order
        found.add(fingerprint.digest(Walked(names[name] for name in "fgh")))
    assert len(found) == 1


def test_what_cannot_travel_is_named() -> None:
    def build(params, stream=sys.stderr):
        return stream

    with pytest.raises(UsageError, match=r"problem 'own' cannot be pickled .* inside `load`"):
        pack(problem_of(build))
