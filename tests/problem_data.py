"""The data of every problem without any network: what cannot be had everywhere is made up here."""

import io
from pathlib import Path

import numpy as np

from search.data.parts import Data
from search.datasets import california_housing, mnist
from search.export import writer
from search.problem.problem import Problem
from spaces import fashion

EARLIER = "fashion-grid-7"


def housing_table(rows: int = 64) -> bytes:
    """A table like StatLib's: 9 columns, CRLF between lines; the value follows the income."""
    rng = np.random.default_rng(0)
    households = rng.integers(100, 900, rows)
    income = rng.uniform(0.5, 12, rows)
    columns = (
        *(rng.uniform(-124, -114, rows), rng.uniform(32, 42, rows), rng.integers(1, 52, rows)),
        *(households * rng.uniform(3, 8, rows), households * rng.uniform(0.9, 1.3, rows)),
        *(households * rng.uniform(1.5, 5, rows), households, income, 40_000 * income),
    )
    text = io.StringIO()
    np.savetxt(text, np.stack(columns, axis=1), fmt="%.6f", delimiter=",", newline="\r\n")
    return text.getvalue().removesuffix("\r\n").encode()


def mnist_archive(rows: int = 80) -> bytes:
    """An archive like Keras's, with fewer images."""
    rng = np.random.default_rng(0)
    file = io.BytesIO()
    images = {f"x_{part}": rng.integers(0, 256, (rows, 28, 28), np.uint8) for part in PARTS}
    labels = {f"y_{part}": np.arange(rows, dtype=np.uint8) % 10 for part in PARTS}
    np.savez(file, **images, **labels)
    return file.getvalue()


PARTS = ("train", "test")


def earlier_export(folder: Path, study: str = EARLIER) -> Path:
    """What a study of fashion leaves behind, with the weights it began with."""
    assert fashion.PROBLEM.baseline is not None
    model = fashion.build(fashion.PROBLEM.baseline)
    return writer.write(model, folder / study, {"problem": "fashion", "study": study})


def folder_for_all(folder: Path) -> Path:
    """A folder that serves every problem as `--data-dir`: a housing table, an earlier export."""
    (folder / california_housing.NAME).write_bytes(housing_table())
    earlier_export(folder)
    return folder


def load(found: Problem, folder: Path) -> Data:
    """The problem's data from such a folder; MNIST, which is held to its checksum, from memory."""
    if found.name == "mnist":
        return mnist.data_from(mnist_archive(), validation_count=20)
    return found.load(folder)
