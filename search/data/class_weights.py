"""Class weights: validation against the labels of the training part."""

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
_WRITE = 'Write class_weight={0: 1.0, 1: 20.0}, or "balanced".'


class ClassWeights(dict[Any, float]):
    """Weights by label that have been validated against the labels of a training part.

    They are not validated again for a subset of the examples, which may lack some labels.
    """


def class_weights(given: Any, y: Any, names: tuple[str, ...]) -> ClassWeights:
    """Validate class weights and return the weight of each label.

    Args:
        given: A mapping from labels or class names to weights, or "balanced": n / (number of
            classes * examples of the class), as in scikit-learn.
        y: Labels of the training part.
        names: Class names; `names[k]` is the class of label k.

    Returns:
        Weights by label. A label that is left out has weight 1.

    Raises:
        UsageError: A key is not a label, a weight is not a finite number >= 0, `given` is neither
            a mapping nor "balanced", or the labels are not classes.
    """
    if isinstance(given, ClassWeights):
        return given
    labels = class_labels(y)
    if isinstance(given, str):
        if given != BALANCED:
            raise UsageError(f"class_weight: {unknown_name('word', given, [BALANCED])}. {_WRITE}")
        return _balanced(labels)
    if not isinstance(given, Mapping):
        raise UsageError(f"class_weight must map each label to its weight, not {given!r}. {_WRITE}")
    valid = _valid_labels(labels, y, names)
    weights = ClassWeights()
    for key, weight in given.items():
        label = _label(key, valid, names)
        if label in weights:
            raise UsageError(
                f"class_weight has two weights for label {label} ({names[label]!r}). Remove one."
            )
        _check_weight(key, weight)
        weights[label] = weight
    return weights


def class_labels(y: Any) -> "Labels":
    """Return the class of each example as an array `(n,)`.

    Args:
        y: Labels `(n,)`, `(n, 1)`, or one-hot `(n, k)`.

    Raises:
        UsageError: The labels have another form, or belong to several outputs (which Keras's
            `fit` refuses too).
    """
    if y is None:
        raise UsageError(
            "class_weight needs labels, but the training part has none. Remove class_weight."
        )
    if isinstance(y, Mapping | list | tuple):
        raise UsageError(
            "class_weight requires a model with one output, but the training part has labels for "
            f"{len(y)} outputs. Pass a weight for each example instead: Part(x, y, weights)."
        )
    if not all(hasattr(y, word) for word in ("dtype", "ndim", "reshape")):
        raise UsageError(
            f"class_weight needs labels in an array, not in a {type(y).__name__}. Convert them "
            "with search.data.part."
        )
    labels: Labels = y.argmax(1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
    if labels.dtype.kind in "OSU":
        raise UsageError(
            f"class_weight needs integer labels, but y is {y.dtype} ({labels[0]!r}, ...). Use "
            "search.data.split, which numbers the classes and takes class_weight by name."
        )
    if y.ndim not in (1, 2) or labels.dtype.kind not in "biuf":
        raise UsageError(
            f"class_weight needs one label for each example, but y is {y.dtype} of shape "
            f"{y.shape}. Pass a weight for each example instead: Part(x, y, weights)."
        )
    if labels.dtype.kind == "f" and (labels % 1 != 0).any():
        fraction = labels[labels % 1 != 0][0]
        raise UsageError(
            f"class_weight needs class labels, but y contains {fraction}. Remove class_weight, or "
            "round the labels."
        )
    return labels


def _valid_labels(labels: "Labels", y: Any, names: tuple[str, ...]) -> list[Any]:
    """Return the labels in `y` and those of declared classes without an example."""
    columns = y.shape[1] if y.ndim == 2 else 1
    declared = max(len(names), columns if columns > 1 else 0)
    return sorted({*labels.tolist(), *range(declared)})


def _label(key: Any, valid: list[Any], names: tuple[str, ...]) -> Any:
    """Return the label of a key: the key itself, or the index of a class name."""
    if isinstance(key, str) and key in names:
        return names.index(key)
    try:
        if not isinstance(key, str) and key in valid:
            return key
    except (TypeError, ValueError):  # the key cannot be compared with a number
        pass
    words: Iterable[Any] = (*names, *valid)
    raise UsageError(f"class_weight: {unknown_name('label', str(key), map(_word, words))}")


def _word(label: Any) -> str:
    return f"{label:g}" if isinstance(label, float) else str(label)


def _check_weight(key: Any, weight: Any) -> None:
    number = isinstance(weight, Real) and not isinstance(weight, bool)
    if not number or not math.isfinite(weight) or weight < 0:
        raise UsageError(
            f"class_weight[{key!r}] must be a finite number >= 0, not {weight!r}. Correct it."
        )


def _balanced(labels: "Labels") -> ClassWeights:
    counts = Counter(labels.tolist())
    return ClassWeights(
        {label: len(labels) / (len(counts) * count) for label, count in sorted(counts.items())}
    )
