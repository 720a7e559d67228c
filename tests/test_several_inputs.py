"""A whole study of a model with several inputs and outputs, to its registered winner."""

import json
from pathlib import Path

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


def test_predict_says_that_it_takes_one_input(study, store, tmp_path, capsys):
    folder = next((store / "exports").glob("*"))
    rows = tmp_path / "rows.csv"
    rows.write_text("1,2,3\n")
    assert main(["predict", str(folder), str(rows)]) == 1
    assert "predict takes models with one input, got one with 2" in capsys.readouterr().err
