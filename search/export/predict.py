"""Predict with an exported model: classes with probabilities, or values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from search.data import trees
from search.errors import SearchError, UsageError, first_line
from search.export._input_files import InputFacts, read_examples
from search.export._several_inputs import read_inputs
from search.export.base import ABOUT, MODEL, SERVED
from search.export.reader import UNREADABLE, read_facts, read_model, structured
from search.runtime import tensorflow_setup
from search.training.model_steps import as_tensors

if TYPE_CHECKING:
    import keras
    import numpy as np

_SUM_SLACK = 1e-3  # float32 rounding of a softmax over many classes


@dataclass(frozen=True, slots=True)
class ClassPrediction:
    """Predicted class of one example.

    Attributes:
        label: Name of the most probable class; None for an export without class names.
        class_index: Index of the most probable class.
        probability: Probability of the most probable class.
        probabilities: Probability of each class.
        class_names: Names of the classes; empty for an export without class names.
    """

    label: str | None
    class_index: int
    probability: float
    probabilities: tuple[float, ...]
    class_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValuePrediction:
    """Predicted values of one example.

    Attributes:
        values: One value per unit of the output.
    """

    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SeveralPredictions:
    """Predictions of a model with several outputs for one example.

    Attributes:
        outputs: Pairs of an output's name and its prediction.
    """

    outputs: tuple[tuple[str, ClassPrediction | ValuePrediction], ...]


Prediction: TypeAlias = ClassPrediction | ValuePrediction | SeveralPredictions


def predict(export_dir: Path, source: Path) -> list[Prediction]:
    """Predict the examples in a file with the model in an export folder.

    A model is a classifier if the export has class names, or if its outputs are probabilities that
    sum to 1. A single output with two class names is the probability of the second class. Outputs
    of a classifier outside [0, 1] are logits. Of several outputs, those with as many units as class
    names are classes. All other outputs are values.

    Args:
        export_dir: Folder written by a search or by `export`.
        source: File with the examples: .npy, .npz, .csv, or an image (see `read_examples`); for
            texts also .txt; for a model with several inputs .npz or .csv (see `read_inputs`).

    Returns:
        One prediction per example, in the order of the file.

    Raises:
        UsageError: The file is missing or of an unknown type, or the folder is not an export.
        DataError: The examples do not fit the model.
        SearchError: The model cannot be loaded.

    Example:
        for prediction in predict(Path("models/17"), Path("digit.npy")):
            print(prediction.label, prediction.probability)
    """
    facts = _facts(export_dir)
    if isinstance(facts.inputs, InputFacts):
        return _said(export_dir, read_examples(source, facts.inputs), facts)
    named = {name.removeprefix("."): each for name, each in trees.named(facts.inputs, "")}
    if not isinstance(facts.inputs, Mapping):
        named = {f"arr_{place}": each for place, each in named.items()}  # np.savez's own names
    examples = read_inputs(source, named)
    found = iter(examples.values())
    structure = trees.mapped(lambda _: next(found), facts.inputs)
    return _said(export_dir, structure, facts)


@dataclass(frozen=True, slots=True)
class _Facts:
    class_names: tuple[str, ...]
    inputs: Any  # InputFacts, or a structure of them as the problem's x
    outputs: tuple[str | None, ...]  # see `search.training.output_kinds`

    def kinds(self, count: int) -> tuple[str | None, ...]:
        """Return the kind of each of `count` outputs; None in exports of earlier versions."""
        return self.outputs if len(self.outputs) == count else (None,) * count


def _facts(export_dir: Path) -> _Facts:
    if not (export_dir / ABOUT).is_file():
        raise UsageError(
            f"{export_dir} is not an export: it must be a folder with {ABOUT} and {MODEL}. "
            "Create one with `python -m search export STUDY --format keras --to DIR`."
        )
    if not (export_dir / MODEL).is_file() and not (export_dir / SERVED).is_dir():
        raise UsageError(
            f"{export_dir} has no {MODEL}, which predict needs. Export again with `--format keras`."
        )
    return read_facts(export_dir, "the model's input and class names", _parsed)


def _parsed(facts: Mapping[str, Any]) -> _Facts:
    inputs = structured(facts["input"], _input)
    names = tuple(str(name) for name in facts["class_names"])
    return _Facts(names, inputs, tuple(facts.get("outputs", ())))


def _input(described: Mapping[str, Any]) -> InputFacts:
    return InputFacts(tuple(int(size) for size in described["shape"]), str(described["dtype"]))


def _said(export_dir: Path, examples: Any, facts: _Facts) -> list[Prediction]:
    tensorflow_setup.prepare()  # late: an error in the arguments must not wait for TensorFlow
    model = _model(export_dir)
    count = len(trees.first(examples))
    if isinstance(examples, list) and isinstance(getattr(model, "input", None), tuple):
        examples = tuple(examples)  # JSON has no tuples
    outputs = model.predict(as_tensors(examples), verbose=0)
    if not isinstance(outputs, list | tuple | dict):
        return interpret(outputs.reshape(count, -1), facts.class_names, *facts.kinds(1))
    by_output, by_name = [], _by_name(model, outputs)
    for (name, output), kind in zip(by_name, facts.kinds(len(by_name)), strict=True):
        values = output.reshape(count, -1)
        names = facts.class_names if values.shape[1] == len(facts.class_names) else ()
        by_output.append([(name, each) for each in _interpreted(values, names, kind)])
    return [SeveralPredictions(each) for each in zip(*by_output, strict=True)]


def _by_name(model: "keras.Model", outputs: Any) -> list[tuple[str, Any]]:
    """Return the outputs with the model's names, or by default with their positions."""
    named = [(name.removeprefix("."), output) for name, output in trees.named(outputs, "")]
    known = getattr(model, "output_names", ())
    if isinstance(outputs, dict) or len(known) != len(named):
        return named
    return [(name, output) for name, (_, output) in zip(known, named, strict=True)]


def _model(export_dir: Path) -> "keras.Model":
    """Load the model with Keras, or its SavedModel graph if it needs user code."""
    try:
        return read_model(export_dir)[0]
    except UNREADABLE as error:
        raise SearchError(
            f"Cannot load {export_dir / MODEL} ({first_line(error)[:200]}). Export the trial "
            "again. A model with custom layers or functions loads only in Python, where they are "
            "defined."
        ) from error


def interpret(
    outputs: "np.ndarray[Any, Any]", class_names: Sequence[str], kind: str | None = None
) -> list[Prediction]:
    """Convert one output of a model to predictions.

    Args:
        outputs: Floats of shape (n, k).
        class_names: Names of the classes, or empty.
        kind: Kind of the output, see `search.training.output_kinds`; None to infer the kind from
            all values.

    Returns:
        One prediction per row.

    Raises:
        SearchError: The number of class names is not k.
    """
    return [*_interpreted(outputs, class_names, kind)]


def _interpreted(
    outputs: "np.ndarray[Any, Any]", class_names: Sequence[str], kind: str | None
) -> Sequence[ClassPrediction | ValuePrediction]:
    import numpy as np

    outputs = outputs.astype(np.float64)
    count = outputs.shape[1]
    names = tuple(class_names)
    if not names and not (count > 1 and _sum_to_one(outputs, kind)):
        return [ValuePrediction(tuple(map(float, row))) for row in outputs]
    two = count == 1 and len(names) == 2
    if names and count != len(names) and not two:
        raise SearchError(
            f"The export has {len(names)} class names, but its model has {count} outputs. "
            "Correct class_names in export.json."
        )
    outputs = shares(outputs, two=two, kind=kind)
    return [_classified(tuple(map(float, row)), names) for row in outputs]


def _sum_to_one(outputs: "np.ndarray[Any, Any]", kind: str | None) -> bool:
    """Return whether each row contains the probabilities of exclusive classes."""
    import numpy as np

    if kind is not None:
        return kind == "softmax"
    return _within(outputs) and np.allclose(outputs.sum(axis=1), 1.0, atol=_SUM_SLACK)


def shares(
    outputs: "np.ndarray[Any, Any]", *, two: bool, kind: str | None = None
) -> "np.ndarray[Any, Any]":
    """Convert outputs to the probability of each class.

    Args:
        outputs: float64 of shape (n, k).
        two: A single output is about the second of two classes.
        kind: Kind of the outputs. If it does not tell probabilities from logits, outputs are logits
            when a value is outside [0, 1].

    Returns:
        float64 of shape (n, classes).
    """
    import numpy as np

    within = kind in ("softmax", "sigmoid") if kind not in (None, "linear") else _within(outputs)
    if two and outputs.shape[1] == 1:
        second = outputs if within else 0.5 * (1 + np.tanh(outputs / 2))
        return np.concatenate([1 - second, second], axis=1)
    if within:
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _within(outputs: "np.ndarray[Any, Any]") -> bool:
    return bool(((outputs >= 0) & (outputs <= 1 + _SUM_SLACK)).all())


def _classified(row: tuple[float, ...], names: tuple[str, ...]) -> ClassPrediction:
    index = max(range(len(row)), key=row.__getitem__)
    return ClassPrediction(names[index] if names else None, index, row[index], row, names)


def as_text(predictions: Sequence[Prediction]) -> str:
    """Format predictions as text: one line per example, the most probable class first.

    Args:
        predictions: Result of `predict`.

    >>> print(as_text([ClassPrediction("coat", 1, 0.9, (0.1, 0.9), ("bag", "coat"))]))
    1: coat 0.9000, bag 0.1000
    """
    return "\n".join(f"{n}: {_text(each)}" for n, each in enumerate(predictions, start=1))


def _text(prediction: Prediction) -> str:
    if isinstance(prediction, SeveralPredictions):
        return "; ".join(f"{name}: {_text(each)}" for name, each in prediction.outputs)
    if isinstance(prediction, ValuePrediction):
        return ", ".join(f"{value:.6g}" for value in prediction.values)
    ranked = sorted(enumerate(prediction.probabilities), key=lambda pair: -pair[1])
    return ", ".join(f"{_name(prediction, index)} {share:.4f}" for index, share in ranked)


def as_json(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Convert predictions to JSON data: one object per example.

    Args:
        predictions: Result of `predict`.

    Returns:
        For a class: "label" (null without class names), "class_index", "probability" and
        "probabilities" (by class name, or by index). For values: "values". For several outputs:
        "outputs", with one such object per output by name.
    """
    return [_plain(prediction) for prediction in predictions]


def _plain(prediction: Prediction) -> dict[str, Any]:
    if isinstance(prediction, SeveralPredictions):
        return {"outputs": {name: _plain(each) for name, each in prediction.outputs}}
    if isinstance(prediction, ValuePrediction):
        return {"values": list(prediction.values)}
    shares = enumerate(prediction.probabilities)
    return {
        "label": prediction.label,
        "class_index": prediction.class_index,
        "probability": prediction.probability,
        "probabilities": {_name(prediction, index): share for index, share in shares},
    }


def _name(prediction: ClassPrediction, index: int) -> str:
    return prediction.class_names[index] if prediction.class_names else str(index)
