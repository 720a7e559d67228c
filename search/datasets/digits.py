"""Digits: 1,797 grey images of handwritten digits, 8 x 8, that come with scikit-learn."""

import importlib.util
from pathlib import Path

from search.datasets import base
from search.problem import Data, Part

SPLIT_SEED = 0


def load(data_dir: Path | None = None) -> Data:
    """Train on 60 %, validate on 20 %, test on 20 %, each with all classes in equal shares.

    `x: (n, 8, 8) float32`, 0 to 16; `y: (n,) int64`, 0 to 9. Always the same split; `data_dir` is
    not needed, the images are part of scikit-learn.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images, labels = digits.images.astype("float32"), digits.target.astype("int64")
    x, rest_x, y, rest_y = train_test_split(
        images, labels, test_size=0.4, random_state=SPLIT_SEED, stratify=labels
    )
    validation_x, test_x, validation_y, test_y = train_test_split(
        rest_x, rest_y, test_size=0.5, random_state=SPLIT_SEED, stratify=rest_y
    )
    return Data(
        train=Part(x, y),
        validation=Part(validation_x, validation_y),
        test=Part(test_x, test_y),
        class_names=tuple(str(digit) for digit in range(10)),
    )


def describe(data_dir: Path | None = None) -> list[base.SourceStatus]:
    """One source: scikit-learn itself."""
    found = importlib.util.find_spec("sklearn") is not None
    detail = "part of it, no download" if found else "not installed: pip install scikit-learn"
    return [base.SourceStatus("scikit-learn", found, detail)]
