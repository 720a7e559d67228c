"""Predictions of exported models, and how they are printed."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from search.errors import SearchError, UsageError
from search.export.predict import (
    ClassPrediction,
    ValuePrediction,
    as_json,
    as_text,
    interpret,
    predict,
)
from search.export.writer import write
from search.training.output_kinds import output_kinds

NAMES = ["bag", "boot", "coat"]


def export(folder, layers, class_names, shape=(2,), dtype="float32", weights=None):
    folder.mkdir()
    model = keras.Sequential([keras.Input(shape, dtype=dtype), *layers])
    if weights is not None:
        model.set_weights([np.array(weights)])
    model.save(folder / "model.keras")
    facts = {
        "problem": "toy",
        "study": "toy-1",
        "trial": "3",
        "params": {"layers": 1},
        "objective": {"metric": "val_accuracy", "direction": "max"},
        "score": 0.9,
        "test": None,
        "class_names": class_names,
        "input": {"shape": list(shape), "dtype": dtype},
    }
    (folder / "export.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    layers = [
        keras.layers.Flatten(),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Dense(3, activation="softmax"),
    ]
    return export(tmp_path_factory.mktemp("exports") / "toy", layers, NAMES, (2, 2), "uint8")


@pytest.fixture
def inputs(tmp_path):
    np.save(tmp_path / "inputs.npy", np.array([[[0, 255], [0, 0]], [[9, 0], [0, 9]]], np.uint8))
    return tmp_path / "inputs.npy"


def test_raw_inputs_give_what_the_model_itself_says(classifier, inputs):
    predictions = predict(classifier, inputs)
    expected = keras.saving.load_model(classifier / "model.keras").predict(
        np.load(inputs), verbose=0
    )
    assert len(predictions) == 2
    for prediction, row in zip(predictions, expected, strict=True):
        assert prediction.probabilities == pytest.approx(row)
        assert prediction.class_index == row.argmax()
        assert prediction.label == NAMES[row.argmax()]
        assert prediction.probability == max(prediction.probabilities)


def test_the_same_example_as_table_and_as_array_gives_the_same(classifier, inputs, tmp_path):
    table = tmp_path / "inputs.csv"
    table.write_text("a,b,c,d\n0,255,0,0\n9,0,0,9\n")
    assert predict(classifier, table) == predict(classifier, inputs)


def test_a_regression_gives_values(tmp_path):
    layers = [keras.layers.Dense(1, use_bias=False)]
    folder = export(tmp_path / "toy", layers, [], weights=[[2.0], [1.0]])
    (tmp_path / "in.csv").write_text("1,0.5\n3,0\n")
    assert predict(folder, tmp_path / "in.csv") == [
        ValuePrediction((2.5,)),
        ValuePrediction((6.0,)),
    ]


def test_one_sigmoid_with_two_names_is_the_probability_of_the_second(tmp_path):
    layers = [keras.layers.Dense(1, activation="sigmoid", use_bias=False)]
    folder = export(tmp_path / "toy", layers, ["no", "yes"], weights=[[1.0], [0.0]])
    (tmp_path / "in.csv").write_text("0,0\n2,0\n-2,0\n")
    predictions = predict(folder, tmp_path / "in.csv")
    assert [(p.label, p.class_index) for p in predictions] == [("no", 0), ("yes", 1), ("no", 0)]
    assert predictions[1].probabilities == pytest.approx((0.1192, 0.8808), abs=1e-4)


@pytest.mark.parametrize(
    ("outputs", "names", "expected"),
    [
        ([[0.2, 0.8]], ["a", "b"], [0.2, 0.8]),
        ([[0.2, 0.8]], [], [0.2, 0.8]),
        ([[-1000.0, 1000.0]], ["a", "b"], [0.0, 1.0]),
        ([[np.log(1.0), np.log(3.0)]], ["a", "b"], [0.25, 0.75]),
        ([[-1000.0]], ["a", "b"], [1.0, 0.0]),
        ([[0.9, 0.6, 0.1]], ["a", "b", "c"], [0.9, 0.6, 0.1]),
    ],
)
def test_outputs_become_probabilities(outputs, names, expected):
    (prediction,) = interpret(np.array(outputs), names)
    assert prediction.probabilities == pytest.approx(expected)
    assert prediction.label == (names[prediction.class_index] if names else None)


@pytest.mark.parametrize(
    ("kind", "names", "outputs", "expected"),
    [
        ("logits", ["a", "b"], [0.2, 0.2], [0.5, 0.5]),
        ("logits", ["no", "yes"], [0.0], [0.5, 0.5]),
        ("softmax", ["a", "b"], [1.002, 0.0], [1.002, 0.0]),
        ("sigmoid", ["a", "b"], [0.4, 0.9], [0.4, 0.9]),
        ("softmax", [], [0.3, 0.7], [0.3, 0.7]),
        ("linear", [], [0.3, 0.7], None),
        ("sigmoid", [], [0.3, 0.7], None),
        ("logits", [], [0.3, 0.7], None),
    ],
)
def test_an_example_is_read_alike_whatever_stands_in_the_same_file(kind, names, outputs, expected):
    for other in (0.0, 1.0, 7.0, -3.0):
        first, _ = interpret(np.array([outputs, [other] * len(outputs)]), names, kind)
        found = first.values if expected is None else first.probabilities
        assert found == pytest.approx(expected or outputs)


def dense_model(activation, loss, *more):
    layers = [keras.layers.Dense(2, activation), *more]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("sgd", loss)
    return model


def context(inner):
    x = keras.Input((3,))
    model = keras.Model(x, inner(x))
    model.compile("sgd", "mse")
    return model


class OwnCall(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(2)

    def call(self, x):
        return self.out(x)


def own_call(loss):
    model = OwnCall()
    model.compile("sgd", loss)
    model(np.zeros((1, 3)))
    return model


def two_outputs():
    x = keras.Input((3,))
    heads = {"kind": keras.layers.Dense(2)(x), "size": keras.layers.Dense(1)(x)}
    model = keras.Model(x, heads)
    losses = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", {"kind": losses, "size": "mse"})
    return model


BINARY_LOGITS = keras.losses.BinaryCrossentropy(from_logits=True)
CLASS_LOGITS = keras.losses.CategoricalCrossentropy(from_logits=True)


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (lambda: dense_model("softmax", "mse"), ["softmax"]),
        (lambda: dense_model("sigmoid", None), ["sigmoid"]),
        (lambda: dense_model(None, "mse"), ["linear"]),
        (lambda: dense_model(None, CLASS_LOGITS), ["logits"]),
        (lambda: dense_model(None, BINARY_LOGITS), ["logits"]),
        (lambda: dense_model(None, "mse", keras.layers.Softmax()), ["softmax"]),
        (lambda: dense_model(None, "mse", keras.layers.Activation("sigmoid")), ["sigmoid"]),
        (lambda: context(dense_model("softmax", None)), ["softmax"]),
        (lambda: dense_model("relu", "mse"), [None]),
        (lambda: dense_model("relu", "categorical_crossentropy"), [None]),
        (lambda: own_call("categorical_crossentropy"), ["softmax"]),
        (lambda: own_call(CLASS_LOGITS), ["logits"]),
        (lambda: own_call("binary_crossentropy"), ["sigmoid"]),
        (lambda: own_call("mse"), [None]),
        (two_outputs, ["logits", "linear"]),
    ],
)
def test_an_export_records_what_the_outputs_are(make, kinds):
    assert output_kinds(make()) == kinds


def test_logits_are_read_alike_with_other_rows_in_the_file(tmp_path):
    model = dense_model(None, CLASS_LOGITS)
    model.set_weights([np.eye(3)[:, :2], np.zeros(2)])
    facts = {"class_names": ["a", "b"], "input": {"shape": [3], "dtype": "float32"}}
    folder = write(model, tmp_path / "logits", facts)
    (tmp_path / "one.csv").write_text("0.2,0.8,0\n")
    (tmp_path / "two.csv").write_text("0.2,0.8,0\n5,-5,0\n")
    (alone,), (first, _) = (predict(folder, tmp_path / f"{name}.csv") for name in ("one", "two"))
    assert alone == first
    assert alone.probability == pytest.approx(1 / (1 + np.exp(-0.6)))


def test_outputs_that_sum_to_one_by_chance_are_values_where_one_is_negative():
    assert interpret(np.array([[1.5, -0.5]]), []) == [ValuePrediction((1.5, -0.5))]


def test_class_names_that_do_not_match_the_model_are_refused():
    with pytest.raises(SearchError, match="has 3 class names, but its model has 2 outputs"):
        interpret(np.array([[0.2, 0.8]]), NAMES)


def test_inputs_and_outputs_without_names_go_by_their_places(tmp_path):
    folder = export(tmp_path / "toy", [keras.layers.Dense(1)], NAMES)
    facts = json.loads((folder / "export.json").read_text())
    facts["input"] = [{"shape": [2], "dtype": "float32"}, {"shape": [], "dtype": "float32"}]
    (folder / "export.json").write_text(json.dumps(facts))
    pair, one = keras.Input((2,)), keras.Input(())
    both = keras.layers.Concatenate()([pair, keras.layers.Reshape((1,))(one)])
    sums = keras.layers.Dense(1, kernel_initializer="ones", name="sum")(both)
    soft = keras.layers.Softmax(name="soft")(both)
    keras.Model((pair, one), (sums, soft)).save(folder / "model.keras")
    np.savez(tmp_path / "in.npz", np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([3.0, 9.0]))
    (tmp_path / "in.csv").write_text("1,2,3\n0,0,9\n")
    predictions = predict(folder, tmp_path / "in.npz")
    assert predictions == predict(folder, tmp_path / "in.csv")
    (name, total), (other, classes) = predictions[1].outputs
    assert (name, total, other, classes.label) == ("sum", ValuePrediction((9.0,)), "soft", "coat")


def test_a_folder_that_is_no_export_is_wrong_use(tmp_path, inputs):
    for folder in (tmp_path / "none", tmp_path, inputs):
        with pytest.raises(UsageError, match=r"export\.json and model\.keras"):
            predict(folder, inputs)


def test_a_wrong_word_is_refused_without_waiting_for_tensorflow(classifier):
    program = (
        "import sys\nfrom pathlib import Path\nfrom search.errors import UsageError\n"
        "from search.predict import predict\n"
        "try:\n    predict(Path(sys.argv[1]), Path('none.npy'))\n"
        "except UsageError:\n    print('tensorflow' in sys.modules)\n"
    )
    run = [sys.executable, "-c", program, str(classifier)]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "False\n"


def test_an_export_in_another_format_names_the_right_one(tmp_path, inputs):
    (tmp_path / "export.json").write_text("{}")
    with pytest.raises(UsageError, match="--format keras"):
        predict(tmp_path, inputs)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"class_names": 3, "input": {"shape": [2]}}'])
def test_a_damaged_export_is_named(tmp_path, inputs, text):
    (tmp_path / "export.json").write_text(text)
    (tmp_path / "model.keras").write_text("")
    with pytest.raises(SearchError, match=r"export\.json is damaged.*Export the trial again"):
        predict(tmp_path, inputs)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_damaged_model_is_named(classifier, inputs, tmp_path, share):
    raw = (classifier / "model.keras").read_bytes()
    (tmp_path / "export.json").write_text((classifier / "export.json").read_text())
    (tmp_path / "model.keras").write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(SearchError, match=r"Cannot load .*model\.keras"):
        predict(tmp_path, inputs)


def test_a_model_with_functions_of_the_users_own_is_named_as_such(tmp_path, inputs):
    def own(x):
        return x

    layers = [keras.layers.Flatten(), keras.layers.Dense(3, activation=own)]
    folder = export(tmp_path / "toy", layers, NAMES, (2, 2), "uint8")
    with pytest.raises(SearchError, match="custom layers or functions loads only in Python"):
        predict(folder, inputs)


PREDICTIONS = [
    ClassPrediction("boot", 1, 0.7, (0.1, 0.7, 0.2), ("bag", "boot", "coat")),
    ClassPrediction(None, 0, 0.6, (0.6, 0.4), ()),
    ValuePrediction((2.5, -1234567.0)),
]


def test_text_has_one_line_for_each_example_likeliest_class_first():
    assert as_text(PREDICTIONS).splitlines() == [
        "1: boot 0.7000, coat 0.2000, bag 0.1000",
        "2: 0 0.6000, 1 0.4000",
        "3: 2.5, -1.23457e+06",
    ]


def test_json_is_plain_data():
    assert json.loads(json.dumps(as_json(PREDICTIONS))) == [
        {
            "label": "boot",
            "class_index": 1,
            "probability": 0.7,
            "probabilities": {"bag": 0.1, "boot": 0.7, "coat": 0.2},
        },
        {
            "label": None,
            "class_index": 0,
            "probability": 0.6,
            "probabilities": {"0": 0.6, "1": 0.4},
        },
        {"values": [2.5, -1234567.0]},
    ]
