"""Fashion-MNIST: 70,000 grey images of clothing, 28 x 28, in ten classes (Xiao et al., 2017)."""

import math
import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.data.parts import Data, Part
from search.datasets import base
from search.errors import DataError

if TYPE_CHECKING:
    import numpy as np

FILES: base.Files = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
"""Where keras.datasets.fashion_mnist downloads from (keras/src/datasets/fashion_mnist.py)."""
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = "usr/share/datasets/fashion-mnist"
VALIDATION_COUNT = 5_000
ADVICE = (
    f"Give a folder with {', '.join(f'{name}.gz' for name in FILES)} as --data-dir, "
    f"or install the Debian package {DEBIAN_PACKAGE}, or go online once."
)


def supply(data_dir: Path | None = None, *, home: Path | None = None) -> base.Supply:
    """Return the sources in the order they are tried.

    The first sources are the folder `data_dir` and its subfolder `fashion-mnist`. `home`: the home
    directory that contains the caches; by default the user's.
    """
    home = home or Path.home()
    subfolder = "fashion-mnist"
    return base.Supply(
        title="Fashion-MNIST",
        files=FILES,
        given=base.given(data_dir, subfolder),
        cache=base.Folder("cache", base.cache_folder(home) / subfolder),
        elsewhere=(
            base.Folder("Keras's cache", home / ".keras" / "datasets" / subfolder),
            base.Folder("installed Debian package", Path("/") / DEBIAN_FOLDER),
            base.Download("Keras's download", KERAS_URL),
            AptPackage("Debian's download", DEBIAN_PACKAGE, DEBIAN_FOLDER),
        ),
        advice=ADVICE,
    )


def load(data_dir: Path | None = None) -> Data:
    """Load Fashion-MNIST: 55,000 training, 5,000 validation and 10,000 test examples.

    The validation examples are the first 5,000 of the original training set. `x: (n, 28, 28)
    uint8`, 0 to 255; `y: (n,) uint8`, 0 to 9. The arrays are read-only.

    Raises: DataError if no source has the files; the message lists the sources tried. Also if a
    file in `data_dir` has the wrong checksum; then no other source is tried.
    """
    return data_from(supply(data_dir).obtain())


def describe(data_dir: Path | None = None) -> list[base.SourceStatus]:
    """Return the status of each source in the order they are tried, without any download."""
    return supply(data_dir).status()


def data_from(contents: Mapping[str, bytes], validation_count: int = VALIDATION_COUNT) -> Data:
    """Convert the contents of the four files to data.

    Raises: DataError when a file is not an IDX file of uint8.
    """
    images, labels, test_images, test_labels = (idx(name, contents[name]) for name in FILES)
    return Data(
        train=Part(images[validation_count:], labels[validation_count:]),
        validation=Part(images[:validation_count], labels[:validation_count]),
        test=Part(test_images, test_labels),
        class_names=CLASS_NAMES,
    )


def idx(name: str, content: bytes) -> "np.ndarray[Any, Any]":
    """Parse an IDX file: 0, 0, the type (8 for uint8), the rank, the shape, the values.

    Raises: DataError when the content is not an IDX file of uint8.

    >>> idx("labels", bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    array([7, 9], dtype=uint8)
    """
    import numpy as np

    rank = content[3] if len(content) >= 4 else 0
    start = 4 + 4 * rank
    if content[:3] != b"\0\0\x08" or len(content) < start:
        raise DataError(
            f"{name} is not an IDX file of uint8 (first bytes {content[:4]!r}). Download it again."
        )
    shape = struct.unpack(f">{rank}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"{name} has {len(content) - start} values, but its header says {math.prod(shape)}. "
            "Download it again."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


@dataclass(frozen=True, slots=True)
class AptPackage:
    """A Debian or Ubuntu package that is downloaded and unpacked without installing it.

    `folder`: folder of the files in the package. `search_path`: path for finding the commands;
    by default PATH. `as_root`: whether package lists may be updated, which needs root; by default
    whether the user is root. `seconds`: time limit of each command.
    """

    name: str
    package: str
    folder: str
    search_path: str | None = None
    as_root: bool | None = None
    seconds: float = 300.0

    def status(self, files: base.Files) -> base.SourceStatus:
        """Return unavailable without apt-get or dpkg-deb, otherwise unknown."""
        missing = [word for word in ("apt-get", "dpkg-deb") if self._command(word) is None]
        if missing:
            return base.SourceStatus(self.name, False, f"{missing[0]}: no such command")
        return base.SourceStatus(self.name, None, f"package {self.package} (not asked)")

    def fetch(self, files: base.Files, scratch: Path) -> Path:
        """Download and unpack the package; as root, update the package lists if that fails."""
        try:
            self._run("apt-get", "download", self.package, folder=scratch)
        except base.SourceError as error:
            as_root = os.geteuid() == 0 if self.as_root is None else self.as_root
            if self._command("apt-get") is None:
                raise
            if not as_root:
                raise base.SourceError(
                    f"{error} (without root: not tried `apt-get update`)"
                ) from error
            self._run("apt-get", "update", folder=scratch)
            self._run("apt-get", "download", self.package, folder=scratch)
        packages = sorted(scratch.glob("*.deb"))
        if not packages:
            raise base.SourceError(f"apt-get download {self.package} left no .deb file")
        self._run("dpkg-deb", "-x", str(packages[0]), str(scratch), folder=scratch)
        return base.Folder(self.name, scratch / self.folder).fetch(files, scratch)

    def _command(self, word: str) -> str | None:
        return shutil.which(word, path=self.search_path)

    def _run(self, word: str, *arguments: str, folder: Path) -> None:
        command = self._command(word)
        if command is None:
            raise base.SourceError(f"{word}: no such command")
        # A closed network must fail in seconds, not after apt's two minutes and three retries.
        quick = ("-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10")
        options = quick if word == "apt-get" else ()
        said = " ".join((word, *arguments[:2]))
        try:
            done = subprocess.run(
                [command, *options, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=self.seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise base.SourceError(f"{said}: {error}") from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise base.SourceError(f"{said}: {last}")
