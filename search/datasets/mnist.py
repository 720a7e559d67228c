"""MNIST: 70,000 grey images of handwritten digits, 28 x 28 (LeCun et al., 1998)."""

import io
import zipfile
from pathlib import Path

from search.data.parts import Data, Part
from search.datasets import base
from search.errors import DataError

NAME = "mnist.npz"
FILES: base.Files = {NAME: "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"}
"""The checksum that keras.datasets.mnist.load_data holds the file to."""
KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
"""Where keras.datasets.mnist.load_data downloads from (keras/src/datasets/mnist.py)."""
SUBFOLDER = "mnist"
VALIDATION_COUNT = 5_000
ADVICE = (
    f"Give a folder with {NAME} as --data-dir, or go online once "
    '(`python -c "import keras; keras.datasets.mnist.load_data()"` gets the same file). '
    "`python -m search run digits` searches smaller images that need no download."
)


def supply(data_dir: Path | None = None, *, home: Path | None = None) -> base.Supply:
    """The places asked, in order; the folder `data_dir` or its subfolder `mnist` first.

    `home`: the home directory that caches lie under, by default the user's own.
    """
    home = home or Path.home()
    return base.Supply(
        title="MNIST",
        files=FILES,
        given=base.given(data_dir, SUBFOLDER),
        cache=base.Folder("cache", base.cache_folder(home) / SUBFOLDER),
        elsewhere=(
            base.Folder("Keras's cache", home / ".keras" / "datasets"),
            base.Download("Keras's download", KERAS_URL, suffix=""),
        ),
        advice=ADVICE,
    )


def load(data_dir: Path | None = None) -> Data:
    """Train on 55,000 images, validate on the first 5,000 of the training part, test on 10,000.

    `x: (n, 28, 28) uint8`, 0 to 255; `y: (n,) uint8`, 0 to 9.

    Raises: DataError naming every source tried; at once where `data_dir` holds another file under
    this name.
    """
    return data_from(supply(data_dir).obtain()[NAME])


def describe(data_dir: Path | None = None) -> list[base.SourceStatus]:
    """The sources in the order they are tried, without any download."""
    return supply(data_dir).status()


def data_from(content: bytes, validation_count: int = VALIDATION_COUNT) -> Data:
    """The data that the file holds.

    Raises: DataError when it is not Keras's archive of four arrays.
    """
    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            x, y, test_x, test_y = (file[n] for n in ("x_train", "y_train", "x_test", "y_test"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{NAME} must contain x_train, y_train, x_test and y_test: {error}. Download it again."
        ) from error
    return Data(
        train=Part(x[validation_count:], y[validation_count:]),
        validation=Part(x[:validation_count], y[:validation_count]),
        test=Part(test_x, test_y),
        class_names=tuple(str(digit) for digit in range(10)),
    )
