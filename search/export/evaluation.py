"""Summary of predictions on held-out examples: confusion matrix, mistakes, residuals."""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from search.data import trees
from search.errors import SearchError
from search.export.predict import shares

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

FILE = "evidence.npz"
MOST_CLASSES = 100
MOST_EXAMPLES = 12
MOST_POINTS = 5000
_LARGEST, _SMALLEST = 96, 4  # pixels per side of a stored image

PartName: TypeAlias = Literal["test", "validation"]


@dataclass(frozen=True, slots=True, eq=False)
class Classified:
    """Predictions of a classifier on held-out examples.

    `part`: the part of the data, test or validation. `output`: name of the output; "" for a model
    with one output. `size`: number of examples. `confusion[i, j]`: number of examples of class i
    predicted as class j, `(k, k) int64`; `(0, 0)` for more than 100 classes.

    The other fields describe up to 12 misclassified examples, sorted by how far the probability of
    the predicted class exceeds that of the true class, largest first. `rows`: indices in the part.
    `true`, `predicted`: classes. `probability`: of the predicted class. `true_probability`: of the
    true class. `images`: `(m, h, w)` or `(m, h, w, 3) uint8`; `(0,)` if the inputs are not images.
    """

    part: PartName
    output: str
    size: int
    class_names: tuple[str, ...]
    confusion: "Array"
    rows: "Array"
    true: "Array"
    predicted: "Array"
    probability: "Array"
    true_probability: "Array"
    images: "Array"


@dataclass(frozen=True, slots=True, eq=False)
class Regressed:
    """Predictions of a regression on held-out examples: `true` and `predicted`, `(m,) float32`.

    `size`: number of values. If there are more than 5,000, evenly spaced ones are stored.
    """

    part: PartName
    output: str
    size: int
    true: "Array"
    predicted: "Array"


Evidence: TypeAlias = Classified | Regressed
_KINDS: dict[str, type[Evidence]] = {"classified": Classified, "regressed": Regressed}


def gathered(
    outputs: Any,
    names: Sequence[str],
    part: Any,
    part_name: PartName,
    class_names: Sequence[str],
    metric: str,
) -> Evidence | None:
    """Summarize a model's predictions; None for outputs that are neither classes nor values.

    `names`: names of the outputs, in order. `metric`: the objective. If there are several outputs,
    the output named in `metric` is summarized, otherwise the first. Labels are classes if they are
    whole numbers and the output has several units, if they are one-hot vectors, or if they are 0
    and 1 and the output is one probability.
    """
    pairs = dict(_pairs(outputs, part.y, names))
    if not pairs:
        return None
    about = metric.removeprefix("val_")
    output = max(pairs, key=lambda name: len(name) if about.startswith(f"{name}_") else 0)
    values, labels = pairs[output]
    if values.dtype.kind not in "fiu" and values.dtype.name != "bfloat16":
        return None
    values = values.astype("float64").reshape(len(labels), -1)
    true = _classes(values, labels, class_names)
    if true is not None:
        return _classified(part_name, output, shares(values, two=True), true, class_names, part.x)
    flat = labels.reshape(-1)
    if labels.dtype.kind not in "biuf" or flat.size != values.size:
        return None
    return _regressed(part_name, output, flat, values.reshape(-1))


def packed(evidence: Evidence) -> bytes:
    """Return the contents of the .npz file, which contains no pickled objects."""
    import numpy as np

    word = next(word for word, kind in _KINDS.items() if isinstance(evidence, kind))
    named = {field.name: np.asarray(getattr(evidence, field.name)) for field in fields(evidence)}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, kind=np.asarray(word), **named)
    return file.getvalue()


def read(directory: Path) -> Evidence | None:
    """Read the predictions in an export folder; None without the file, as in older exports.

    Raises: SearchError for a damaged file.
    """
    import numpy as np

    path = directory / FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        kind = _KINDS[str(found.pop("kind"))]
        for name in {"part", "output"}:
            found[name] = str(found[name])
        found["size"] = int(found["size"])
        if kind is Classified:
            found["class_names"] = tuple(map(str, found["class_names"]))
        return kind(**found)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise SearchError(
            f"{path} with the model's predictions is damaged ({type(error).__name__}). Delete it "
            "to continue without it."
        ) from error


def _pairs(
    outputs: Any, labels: Any, names: Sequence[str]
) -> Iterator[tuple[str, tuple["Array", "Array"]]]:
    """Yield each output by name, with its labels; nothing when they cannot be matched."""
    if not isinstance(outputs, Mapping | list | tuple):
        if not isinstance(labels, Mapping | list | tuple):
            yield "", (outputs, labels)
        return
    if isinstance(outputs, list | tuple):
        named = zip(names, outputs, strict=False)
        outputs = dict(named) if len(names) == len(outputs) else dict(enumerate(outputs))
    if isinstance(labels, list | tuple) and len(labels) == len(outputs):
        labels = dict(zip(outputs, labels, strict=True))
    for name, said in outputs.items():
        if isinstance(labels, Mapping) and name in labels:
            yield str(name), (said, labels[name])


def _classes(said: "Array", labels: "Array", class_names: Sequence[str]) -> "Array | None":
    """Return the class of each example; None for a regression."""
    import numpy as np

    count, width = said.shape
    if labels.dtype.kind not in "biuf" or not count:
        return None
    if labels.size == count:
        flat = labels.reshape(-1)
        whole = labels.dtype.kind in "biu" or bool(np.all(flat == np.round(flat)))
        top = 2 if width == 1 else width
        if not whole or flat.min() < 0 or flat.max() >= top:
            return None
        if width == 1 and len(class_names) != 2 and (said.min() < 0 or said.max() > 1):
            return None  # 0 and 1 are values of a regression
        return flat.astype(np.int64)
    wide = labels.reshape(count, -1)
    if wide.shape != said.shape or width < 2:
        return None
    one_hot = bool(np.all((wide == 0) | (wide == 1)) and np.all(wide.sum(axis=1) == 1))
    return np.asarray(wide.argmax(axis=1)) if one_hot else None


def _classified(
    part: PartName,
    output: str,
    probabilities: "Array",
    true: "Array",
    class_names: Sequence[str],
    x: Any,
) -> Classified:
    import numpy as np

    count = probabilities.shape[1]
    known = len(class_names) == count
    names = tuple(class_names) if known else tuple(map(str, range(count)))
    probabilities = np.nan_to_num(probabilities)
    predicted = probabilities.argmax(axis=1)
    kept = count if count <= MOST_CLASSES else 0  # a matrix of 50,000 classes needs too much memory
    pairs = (
        np.bincount(true * count + predicted, minlength=kept**2)[: kept**2] if kept else true[:0]
    )
    every = np.arange(len(true))
    right, ahead = probabilities[every, true], probabilities[every, predicted]
    wrong = np.flatnonzero(predicted != true)
    rows = wrong[np.argsort((right - ahead)[wrong], kind="stable")][:MOST_EXAMPLES]
    return Classified(
        part,
        output,
        len(true),
        names,
        pairs.reshape(kept, kept),
        rows,
        true[rows],
        predicted[rows],
        ahead[rows].astype(np.float32),
        right[rows].astype(np.float32),
        _images(x, rows),
    )


def _images(x: Any, rows: "Array") -> "Array":
    """Return the examples as images, reduced to the maximal size."""
    import numpy as np

    for _, array in trees.named(x, ""):
        shape = array.shape[1:]
        if array.dtype.kind not in "biuf" or len(shape) not in (2, 3) or min(shape[:2]) < _SMALLEST:
            continue
        if len(shape) == 3 and shape[2] not in (1, 3):
            continue
        steps = [-(-side // _LARGEST) for side in shape[:2]]
        kept = array[rows][:, :: steps[0], :: steps[1]]
        if len(shape) == 3 and shape[2] == 1:
            kept = kept[..., 0]
        if kept.dtype == np.uint8 or not kept.size:
            return np.asarray(kept, np.uint8)
        low, high = float(kept.min()), float(kept.max())
        return np.asarray(np.round((kept - low) * (255 / ((high - low) or 1.0))), np.uint8)
    return np.zeros(0, np.uint8)


def _regressed(part: PartName, output: str, true: "Array", said: "Array") -> Regressed:
    import numpy as np

    size = true.size
    rows = np.linspace(0, size - 1, min(size, MOST_POINTS)).astype(np.int64)
    true, said = true[rows].astype(np.float32), said[rows].astype(np.float32)
    finite = np.isfinite(true) & np.isfinite(said)
    return Regressed(part, output, size, true[finite], said[finite])
