"""Iris: 150 flowers of three kinds, four measurements each, that come with scikit-learn."""

from pathlib import Path

from search.data.parts import Data
from search.datasets import base

SPLIT_SEED = 0


def load(data_dir: Path | None = None) -> Data:
    """Train on 90 flowers, validate on 30, test on 30, each with all kinds in equal shares.

    `x: (n, 4) float32`, in centimetres; `y: (n,) int64`, 0 to 2. Always the same split; `data_dir`
    is not needed, the measurements are part of scikit-learn.
    """
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    iris = load_iris()
    x, y = iris.data.astype("float32"), iris.target.astype("int64")
    train, validation, test = base.in_three(x, y, train_test_split, SPLIT_SEED)
    return Data(train, validation, test, class_names=tuple(str(name) for name in iris.target_names))


def describe(data_dir: Path | None = None) -> list[base.SourceStatus]:
    """One source: scikit-learn itself."""
    return base.in_scikit_learn()
