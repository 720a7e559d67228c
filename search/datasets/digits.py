"""Digits: 1,797 grey images of handwritten digits, 8 x 8, that come with scikit-learn."""

from pathlib import Path

from search.data.parts import Data
from search.datasets import base

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
    train, validation, test = base.in_three(images, labels, train_test_split, SPLIT_SEED)
    return Data(train, validation, test, class_names=tuple(str(digit) for digit in range(10)))


def describe(data_dir: Path | None = None) -> list[base.SourceStatus]:
    """One source: scikit-learn itself."""
    return base.in_scikit_learn()
