"""Models with an input of texts, from the data to predictions, in each form that texts have."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from search import Data, Float, Objective, Part, Problem, Space, tune
from search.data.from_arrays import csv_part, frame_part, part, split
from search.errors import DataError, SearchWarning
from search.export._input_files import InputFacts, typed
from search.export.predict import predict
from search.problem._data_checks import check_data
from search.results import Study
from tests.field.tables import RATE, data, train

WORDS = ["fine", "dull", "film"]
TEXTS = np.array(["fine film", "dull film"] * 30)
LABELS = np.array([1, 0] * 30)
ACCURACY = Objective("val_accuracy", "max")
FORMS = {
    "str": TEXTS,
    "objects": TEXTS.astype(object),
    "bytes": TEXTS.astype("S"),
    "columns": TEXTS[:, None],
    "column of objects": TEXTS[:, None].astype(object),
    "column of bytes": TEXTS[:, None].astype("S").astype(object),
    "list": TEXTS.tolist(),
    "series": pd.Series(TEXTS),
}


def build(params: Any) -> keras.Model:
    vectorize = keras.layers.TextVectorization(10, output_mode="multi_hot", vocabulary=WORDS)
    layers = [keras.Input((), dtype="string"), vectorize, keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential(layers)
    model.compile(
        keras.optimizers.Adam(params["rate"]), "binary_crossentropy", metrics=["accuracy"]
    )
    return model


def texts(load: Any, **more: Any) -> Problem:
    space = Space(Float("rate", 0.05, 0.1))
    return Problem("texts", space, ACCURACY, load, more.pop("build", build), **more)


class Looker(keras.callbacks.Callback):  # type: ignore[misc]
    """A callback that sees batches: its trials are trained by `fit`."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert logs["loss"] > 0


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_texts_is_trained_alike(form: str) -> None:
    plain, _ = train(texts(lambda _: split(part(TEXTS, LABELS))), RATE, (0, 1))
    curve, _ = train(texts(lambda _: split(part(FORMS[form], LABELS))), RATE, (0, 1))
    assert curve == plain


@pytest.mark.filterwarnings("ignore:training by keras's fit")
@pytest.mark.parametrize("form", ["str", "column of bytes"])
def test_texts_are_trained_by_fit_too(form: str) -> None:
    whole = split(part(FORMS[form], LABELS))
    plain, _ = train(texts(lambda _: whole), RATE, (0, 2))
    hooked, _ = train(texts(lambda _: whole, callbacks=lambda params: [Looker()]), RATE, (0, 2))
    assert [e["val_loss"] for e in hooked] == pytest.approx([e["val_loss"] for e in plain])

    def fit(params: Any, model: Any, data: Data, callbacks: Any) -> Any:
        given = (data.validation.x, data.validation.y)
        kept = model.fit(data.train.x, data.train.y, validation_data=given, verbose=0)
        return {name: values[-1] for name, values in kept.history.items()}

    own, _ = train(texts(lambda _: whole, fit=fit), RATE, (0, 1))
    assert own[0]["val_loss"] > 0


def test_bytes_that_are_no_utf_8_are_trained() -> None:
    x = np.array([b"\xff\xfe film", b"dull film"] * 30, dtype=object)
    curve, _ = train(texts(lambda _: split(part(x, LABELS))), RATE, (0, 1))
    assert curve[0]["val_loss"] > 0


def test_what_is_no_text_among_texts_is_named() -> None:
    for value, remedy in (
        (None, "empty text"),
        (float("nan"), "empty text"),
        (3, "separate inputs"),
    ):
        x = TEXTS.astype(object)
        x[4] = value
        with pytest.raises(DataError, match=rf"row 4\. .*{remedy}"):
            check_data(Data(Part(x, LABELS), Part(x, LABELS)))
    frame = pd.DataFrame({"review": ["a", "b", None, "d"], "label": [0, 1, 0, 1]})
    with pytest.raises(DataError, match=r"review.*has no text in 1 .* row 2"):
        frame_part(frame, "label")


def test_texts_for_a_model_of_numbers_are_refused() -> None:
    def numbers(params: Any) -> keras.Model:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    with pytest.raises(DataError, match="the model's input is of float32, got texts"):
        train(texts(lambda _: split(part(TEXTS[:, None], LABELS)), build=numbers), RATE, (0, 1))
    with pytest.raises(DataError, match="the model's input is of string, got int64"):
        train(texts(lambda _: data(LABELS, LABELS)), RATE, (0, 1))


def mixed(params: Any) -> keras.Model:
    """A model of a word beside a number."""
    kind = keras.Input((1,), dtype="string", name="kind")
    size = keras.Input((1,), name="size")
    lookup = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")
    joined = keras.layers.Concatenate()([lookup(kind), size])
    model = keras.Model({"kind": kind, "size": size}, keras.layers.Dense(1, "sigmoid")(joined))
    model.compile(
        keras.optimizers.Adam(params["rate"]), "binary_crossentropy", metrics=["accuracy"]
    )
    return model


def study(problem: Problem, store: Path, **more: Any) -> Study:
    settings = {"workers": 0, "trials": 1, "max_epochs": 2, "quiet": True, "mlflow": False}
    return tune(problem, backend="randomized", store=store, **(settings | more))


def test_a_study_of_texts_ends_with_test_export_and_predictions(tmp_path: Path) -> None:
    found = study(texts(lambda _: split(part(TEXTS, LABELS))), tmp_path)
    assert found.best.test["accuracy"] >= 0
    exported = found.record.winner_evaluation.export if found.record.winner_evaluation else ""
    described = json.loads((Path(exported) / "export.json").read_text())
    assert described["input"] == {"shape": [], "dtype": "string"}
    longer = ["a fine film, much longer than any before, and no dull one" * 3, "dull", "fine film"]
    files = {name: tmp_path / f"t.{name}" for name in ("npy", "npz", "csv", "txt")}
    np.save(files["npy"], np.array(longer))
    np.savez(files["npz"], np.array(longer))
    pd.DataFrame({"a review": longer}).to_csv(files["csv"], index=False, header=False)
    files["txt"].write_text("\n".join(longer) + "\n")
    model = found.best_model()
    said = model.predict(np.array(longer, dtype=object), verbose=0)[:, 0]
    for file in files.values():
        assert [p.values[0] for p in predict(Path(exported), file)] == pytest.approx(list(said))
    pd.DataFrame({"review": longer}).to_csv(files["csv"], index=False)
    with pytest.warns(SearchWarning, match="the first line, 'review', is used as the header"):
        assert len(predict(Path(exported), files["csv"])) == 3
    np.save(files["npy"], np.zeros(3))
    with pytest.raises(DataError, match="has values of float64, but the model takes texts"):
        predict(Path(exported), files["npy"])


def test_texts_beside_numbers_are_trained_and_predicted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"k": ["a", "b"] * 30, "s": np.arange(60.0), "y": LABELS})
    load = lambda _: split(frame_part(frame, "y", {"kind": ["k"], "size": ["s"]}))  # noqa: E731
    found = study(texts(load, build=mixed), tmp_path, cv=2)
    exported = Path(found.record.winner_evaluation.export)  # type: ignore[union-attr]
    file = tmp_path / "new.csv"
    file.write_text("size,kind\n1.5,a\n2,c\n")
    assert len(predict(exported, file)) == 2
    file.write_text("size,kind\na,1.5\n")
    with pytest.raises(DataError, match="row 2, column 1: 'a' is not a number"):
        predict(exported, file)


def test_a_text_is_never_cut() -> None:
    long = "the film was " * 8 + "dull"
    for dtype in ("string", "<U51", "|S3", "object"):
        assert typed(np.array([long]), InputFacts((), dtype), "x")[0] == long


def test_columns_of_texts_in_a_csv_file_are_texts(tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    pd.DataFrame({"review": TEXTS, "label": LABELS}).to_csv(file, index=False)
    for found in (csv_part(file, "label").x, csv_part(file, "label", {"t": ["review"]}).x["t"]):
        assert found.shape == (60, 1)
        assert found[0, 0] == "fine film"


@pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType:UserWarning")
@pytest.mark.parametrize("form", ["str", "columns"])
def test_the_registered_model_of_mlflow_takes_texts(
    tmp_path: Path, with_database: Any, form: str
) -> None:
    import mlflow

    store, x = with_database(tmp_path / "store"), FORMS[form]
    study(texts(lambda _: split(part(x, LABELS))), store, mlflow=True)
    client = mlflow.MlflowClient(f"sqlite:///{store}/mlflow.db", f"sqlite:///{store}/mlflow.db")
    model = mlflow.pyfunc.load_model(client.get_model_version("texts", "1").source)
    assert np.asarray(model.predict(x[:2])).shape == (2, 1)
