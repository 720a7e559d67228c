"""Class weights: what a user gives, held against the labels that they are for."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

from search.errors import UsageError, unknown_name

if TYPE_CHECKING:
    import numpy as np

    Labels: TypeAlias = np.ndarray[Any, Any]

BALANCED = "balanced"
_FORM = 'write class_weight={0: 1.0, 1: 20.0}, or "balanced"'


class ClassWeights(dict[Any, float]):
    """Weights by label that have been held against the labels of a training part.

    A part of those examples may lack some of the labels, and needs no second look.
    """


def class_weights(given: Any, y: Any, names: tuple[str, ...]) -> ClassWeights:
    """Return what each label weighs; a label that is left out weighs 1.

    `given`: a mapping by label or by class name, or "balanced": n / (classes * examples of the
    class), as in scikit-learn. `y`: the labels of the training part. `names[k]`: the class of
    label k.

    Raises: UsageError for a key that is no label, naming the nearest, a weight that is no finite
    number from 0, another kind of value, or labels that are no classes.
    """
    if isinstance(given, ClassWeights):
        return given
    labels = class_labels(y)
    if isinstance(given, str):
        if given != BALANCED:
            raise UsageError(f"class_weight: {unknown_name('word', given, [BALANCED])}; {_FORM}")
        return _balanced(labels)
    if not isinstance(given, Mapping):
        raise UsageError(f"class_weight must map each label to its weight, got {given!r}; {_FORM}")
    known = _known(labels, y, names)
    found = ClassWeights()
    for key, weight in given.items():
        label = _label(key, known, names)
        if label in found:
            raise UsageError(
                f"class_weight has two weights for label {label} ({names[label]!r}); give one"
            )
        found[label] = _checked(key, weight)
    return found


def class_labels(y: Any) -> "Labels":
    """Return the class of each example, `(n,)`: from `(n,)`, `(n, 1)`, or one-hot `(n, k)`.

    Raises: UsageError for other labels, and for those of several outputs, as Keras's `fit`.
    """
    if y is None:
        raise UsageError("class_weight needs labels, and the training part has none; drop it")
    if isinstance(y, Mapping | list | tuple):
        raise UsageError(
            "class_weight is for a model with one output, and the training part has labels for "
            f"{len(y)} outputs; give each example its weight instead, Part(x, y, weights)"
        )
    if not all(hasattr(y, word) for word in ("dtype", "ndim", "reshape")):
        raise UsageError(
            f"class_weight needs labels in an array, got {type(y).__name__}; see search.data.part"
        )
    labels: Labels = y.argmax(1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
    if labels.dtype.kind in "OSU":
        raise UsageError(
            f"class_weight needs labels that are numbered, got {y.dtype} ({labels[0]!r}, ...); "
            "search.data.split numbers them and takes class_weight by name"
        )
    if y.ndim not in (1, 2) or labels.dtype.kind not in "biuf":
        raise UsageError(
            f"class_weight needs one label for each example, got {y.dtype} of shape {y.shape}; "
            "give each example its weight instead, Part(x, y, weights)"
        )
    if labels.dtype.kind == "f" and (labels % 1 != 0).any():
        other = labels[labels % 1 != 0][0]
        raise UsageError(
            f"class_weight needs labels that are classes, got {other}; drop class_weight, or round "
            "the labels"
        )
    return labels


def _known(labels: "Labels", y: Any, names: tuple[str, ...]) -> list[Any]:
    """The labels that there are, with those of classes that train happens to lack."""
    columns = y.shape[1] if y.ndim == 2 else 1
    declared = max(len(names), columns if columns > 1 else 0)
    return sorted({*labels.tolist(), *range(declared)})


def _label(key: Any, known: list[Any], names: tuple[str, ...]) -> Any:
    """The label that a key means: itself, or the place of a class name."""
    if isinstance(key, str) and key in names:
        return names.index(key)
    try:
        if not isinstance(key, str) and key in known:
            return key
    except (TypeError, ValueError):  # whatever cannot be compared with a number
        pass
    words: Iterable[Any] = (*names, *known)
    raise UsageError(f"class_weight: {unknown_name('label', str(key), map(_word, words))}")


def _word(label: Any) -> str:
    return f"{label:g}" if isinstance(label, float) else str(label)


def _checked(key: Any, weight: Any) -> Any:
    number = isinstance(weight, Real) and not isinstance(weight, bool)
    if not number or not math.isfinite(weight) or weight < 0:
        raise UsageError(
            f"class_weight[{key!r}] must be a finite number from 0, got {weight!r}; correct it"
        )
    return weight


def _balanced(labels: "Labels") -> ClassWeights:
    counts = Counter(labels.tolist())
    return ClassWeights(
        {label: len(labels) / (len(counts) * count) for label, count in sorted(counts.items())}
    )
