"""XOR: four rows, whose classes no straight line separates (Minsky & Papert, 1969)."""

from pathlib import Path

from search.data.parts import Data, Part
from search.datasets import base

REPEATS = 128


def load(data_dir: Path | None = None) -> Data:
    """The four rows as every part; the training part has each of them REPEATS times.

    Repeated, so that an epoch is many steps. `x: (n, 2) float32`; `y: (n,) float32`, 0 or 1.
    """
    import numpy as np

    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    y = np.array([0, 1, 1, 0], dtype=np.float32)
    rows = Part(x, y)
    return Data(rows.take(np.tile(np.arange(4), REPEATS)), rows, rows, class_names=("0", "1"))


def describe(data_dir: Path | None = None) -> list[base.SourceStatus]:
    """One source: this file."""
    return [base.SourceStatus("none needed", True, "four rows, written down in the program")]
