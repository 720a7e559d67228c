"""A whole study of a model with several inputs and outputs, to its registered winner."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from search.cli import main
from tests.problems import two_parts

PROBLEM = str(Path(__file__).parent / "problems" / "two_parts.py")


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
    assert "rows.npz, whole: the model takes arrays of shape (64)" in refusal(
        "rows.npz", upper=upper, whole=upper
    )
    assert "got 3 of upper, 1 of whole" in refusal("rows.npz", upper=upper, whole=whole[:1])
    (tmp_path / "rows.csv").write_text("1,2,3\n")
    assert "row 1: an example has 96 values (upper: 32 of float32" in refusal("rows.csv")
    names = ",".join(f"x{column}" for column in range(96))
    (tmp_path / "rows.csv").write_text(f"{names}\n" + ",".join(["1"] * 96) + "\n")
    assert "has no column 'upper.0', got x0, x1," in refusal("rows.csv")
