"""A problem file with layers, losses, functions and models of its own: all of it comes back."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import search
from search.cli.main import main
from tests.problems.few import few_digits

FILE = str(Path(__file__).parents[1] / "problems" / "own_code.py")
pytestmark = pytest.mark.usefixtures("own_classes")

KINDS = ("layer", "lambda", "subclassed", "undescribed")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("own") / "mlruns"


def forget() -> None:
    """The user's file was never imported here: as in the process of another program."""
    import keras

    keras.saving.get_custom_objects().clear()
    for name in [name for name in sys.modules if name.startswith("search_problem_")]:
        del sys.modules[name]


@pytest.mark.parametrize("kind", KINDS)
def test_the_winner_predicts_the_same_wherever_it_is_loaded(kind, store, tmp_path, capsys):
    words = ["run", FILE, "--backend", "randomized", "--trials", "1", "--workers", "1", "--quiet"]
    here = ["--store", str(store)]
    assert main([*words, "--set", f"kind={kind}", "--study", kind, *here]) == 0
    assert "warning" not in capsys.readouterr().err
    forget()
    x = few_digits(None).test.x
    model = search.Study(kind, store).best_model()
    expected = model.predict(x, verbose=0)
    test = few_digits(None).test
    scores = model.evaluate(test.x, test.y, verbose=0, return_dict=True)
    assert scores == pytest.approx(search.Study(kind, store).best.test)  # own_loss is compiled in

    forget()
    folder = store / "exports" / kind
    np.save(tmp_path / "x.npy", x)
    capsys.readouterr()
    assert main(["predict", str(folder), str(tmp_path / "x.npy"), "--json"]) == 0
    said = [list(each["probabilities"].values()) for each in json.loads(capsys.readouterr().out)]
    np.testing.assert_allclose(said, expected, rtol=1e-5)

    forget()
    from mlflow import MlflowClient, pyfunc  # the run has imported it, and heard its warning

    client = MlflowClient(f"sqlite:///{store}/mlflow.db")
    (version, *_) = client.search_model_versions("name = 'own_code'")
    assert version.tags["search.study"] == kind
    registered = pyfunc.load_model(version.source)
    np.testing.assert_allclose(registered.predict(x), expected, rtol=1e-5)
