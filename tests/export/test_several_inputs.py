"""A whole study of a model with several inputs and outputs, to its registered winner."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from search.cli.main import main
from search.export import evaluation
from search.export.evaluation import Classified
from tests.problems import two_parts

PROBLEM = str(Path(__file__).parents[1] / "problems" / "two_parts.py")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("several") / "mlruns"


@pytest.fixture(scope="module")
def study(store) -> str:
    words = ["run", PROBLEM, "--backend", "randomized", "--trials", "2", "--max-epochs", "2"]
    words += ["--workers", "1"]
    assert main([*words, "--study", "two", "--store", str(store), "--quiet", "--workers", "1"]) == 0
    return "two"


def test_every_output_has_its_metrics(study, store, capsys):
    assert main(["show", study, "--json", "--store", str(store)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [trial["state"] for trial in shown["trials"]] == ["completed", "completed"]
    assert {"digit_accuracy", "odd_accuracy", "loss"} <= set(shown["best"]["test"])


def test_the_export_takes_what_the_problem_took(study, store):
    import keras

    folder = next((store / "exports").glob("*"))
    facts = json.loads((folder / "export.json").read_text())
    assert facts["input"] == {
        "upper": {"shape": [32], "dtype": "float32"},
        "whole": {"shape": [64], "dtype": "float32"},
    }
    model = keras.saving.load_model(folder / "model.keras")
    test = two_parts.load(None).test
    scored = model.evaluate(test.x, test.y, verbose=0, return_dict=True)
    assert scored["digit_accuracy"] == pytest.approx(facts["test"]["digit_accuracy"])


def test_the_registered_model_takes_inputs_by_name(study, store):
    from mlflow import MlflowClient
    from mlflow.models import Model

    client = MlflowClient(f"sqlite:///{store.absolute()}/mlflow.db")
    (version,) = client.search_model_versions("name = 'two_parts'")
    signature = Model.load(version.source.removeprefix("file://")).signature
    assert set(signature.inputs.input_names()) == {"upper", "whole"}
    assert set(signature.outputs.input_names()) == {"digit", "odd"}


def test_predict_takes_inputs_by_name(study, store, tmp_path, capsys):
    import keras

    folder = next((store / "exports").glob("*"))
    x = two_parts.load(None).test.take(slice(3)).x
    model = keras.saving.load_model(folder / "model.keras")
    digit, odd = model.predict(x, verbose=0)
    np.savez(tmp_path / "rows.npz", **x)
    header = ",".join([*(f"whole.{i}" for i in range(64)), *(f"upper.{i}" for i in range(32))])
    rows = np.concatenate([x["whole"], x["upper"]], axis=1)
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",", header=header, comments="")
    for name in ("rows.npz", "rows.csv"):
        assert main(["predict", str(folder), str(tmp_path / name), "--json"]) == 0
        said = [each["outputs"] for each in json.loads(capsys.readouterr().out)]
        assert [each["digit"]["class_index"] for each in said] == digit.argmax(1).tolist()
        np.testing.assert_allclose([each["odd"]["values"] for each in said], odd, rtol=1e-5)
    assert main(["predict", str(folder), str(tmp_path / "rows.npz")]) == 0
    text = capsys.readouterr().out
    assert re.match(r"1: digit: \d 0\.\d+, .*; odd: 0\.\d+\n2: ", text)


def test_predict_says_which_input_does_not_fit(study, store, tmp_path, capsys):
    folder = next((store / "exports").glob("*"))
    part = two_parts.load(None).test.take(slice(3)).x

    def refusal(name: str, **inputs) -> str:
        if inputs:
            np.savez(tmp_path / name, **inputs)
        assert main(["predict", str(folder), str(tmp_path / name)]) in (1, 2)
        return capsys.readouterr().err

    upper, whole = part["upper"], part["whole"]
    assert "has 2 inputs (upper: 32 of float32, whole: 64 of float32)" in refusal("rows.npy")
    assert "no array for an input" in refusal("rows.npz", uper=upper, whole=whole)
    assert "unknown input 'more'" in refusal("rows.npz", upper=upper, whole=whole, more=whole)
    assert "but the model takes (64)" in refusal("rows.npz", upper=upper, whole=upper)
    assert "3 of upper, 1 of whole" in refusal("rows.npz", upper=upper, whole=whole[:1])
    (tmp_path / "rows.csv").write_text("1,2,3\n")
    assert "row 1, has 3 values, but an example has 96 (upper: 32 of float32" in refusal("rows.csv")
    names = ",".join(f"x{column}" for column in range(96))
    (tmp_path / "rows.csv").write_text(f"{names}\n" + ",".join(["1"] * 96) + "\n")
    assert "has no column 'upper.0', only x0, x1," in refusal("rows.csv")


def confused(folder: Path) -> Classified:
    found = evaluation.read(folder)
    assert isinstance(found, Classified)
    return found


def test_the_winner_leaves_the_confusion_of_the_output_that_the_objective_is_about(study, store):
    import keras
    from sklearn.metrics import confusion_matrix

    folder = store / "exports" / study
    found = confused(folder)
    assert (found.part, found.output, found.size) == ("test", "digit", 360)
    test = two_parts.load(None).test
    digit, _ = keras.saving.load_model(folder / "model.keras").predict(test.x, verbose=0)
    taken = digit.argmax(axis=1)
    assert found.confusion.tolist() == confusion_matrix(test.y[0], taken).tolist()
    assert (taken[found.rows] == found.predicted).all()
    assert (test.y[0][found.rows] == found.true).all()
    assert found.probability == pytest.approx(digit[found.rows, found.predicted], abs=1e-5)
    assert (folder / "confusion.csv").read_text().startswith("true \\ predicted,0,1,2")


def test_the_pictures_of_the_winner_are_on_its_run(study, store, capsys):
    from mlflow import MlflowClient

    assert main(["show", study, "--json", "--store", str(store)]) == 0
    place = json.loads(capsys.readouterr().out)["mlflow"]
    client = MlflowClient(place["tracking_uri"])
    files = {file.path for file in client.list_artifacts(place["run_id"], "winner")}
    assert files == {"winner/network.svg", "winner/confusion.csv"}
    runs = client.search_runs([place["experiment_id"]], "tags.`search.trial` = '1'")
    words = runs[0].data.tags["search.network"]
    assert words.startswith("32 > 64 > ")
    assert words.endswith(" > 10 softmax > 1 sigmoid")


def test_a_trial_is_shown_with_its_curve_and_its_network(study, store, capsys):
    assert main(["show", f"{study}/1", "--store", str(store)]) == 0
    out = capsys.readouterr().out
    for words in (
        *("trial 1 of two: completed, val_digit_accuracy ", "2 epochs in ", "main_weight "),
        *("4: Dense ", "5: digit, Dense", "parameters in total"),
    ):
        assert words in out
    assert main(["show", f"{study}/1", "--store", str(store), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["network"]["subclass"] is None
    assert shown["network"]["layers"][2]["inbound"] == [0, 1]
    assert [report["epoch"] for report in shown["curve"]] == [1, 2]
    assert main(["show", f"{study}/9", "--store", str(store)]) == 2
    assert "unknown trial '9'" in capsys.readouterr().err


def test_the_report_shows_the_winner(study, store, tmp_path, capsys):
    path = tmp_path / "report.html"
    assert main(["report", study, "--to", str(path), "--store", str(store)]) == 0
    page = path.read_text()
    for words in ("<h2>Model</h2>", "The network", "Confusion on test data"):
        assert words in page


def test_an_export_of_old_has_no_evidence_and_the_test_data_are_not_met_again(study, store):
    folder = store / "exports" / study
    (folder / evaluation.FILE).unlink()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    assert main(["resume", study, "--store", str(store), "--quiet", "--json"]) == 0
    assert evaluation.read(folder) is None
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before
