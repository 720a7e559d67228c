"""Sources of data sets (tried in order), checksums and cache; the digest of loaded data."""

import contextlib
import gzip
import hashlib
import http.client
import importlib
import importlib.util
import os
import pkgutil
import shutil
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from search.data import trees
from search.data.class_weights import class_weights
from search.data.parts import Data, Part
from search.errors import DataError, unknown_name
from search.runtime.files import write_atomically

Files: TypeAlias = Mapping[str, str]
"""File names and the SHA-256 of their uncompressed contents (mirrors may recompress them)."""


class SourceError(DataError):
    """A source does not have the files. The message is the reason; the next source is tried."""


class ChecksumError(SourceError):
    """A source has a file with the right name and wrong contents."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Status of a source, without a download.

    Attributes:
        name: Name of the source in messages.
        available: Whether it has the files; None if only a download shows it.
        detail: The folder or URL, or the reason why it is not available.
    """

    name: str
    available: bool | None
    detail: str


class Source(Protocol):
    """Source of files. An implementation has no state and writes only to `scratch`."""

    @property
    def name(self) -> str:
        """Name of the source in messages."""
        ...

    def status(self, files: Files) -> SourceStatus:
        """Return the status of the source, without a download."""
        ...

    def fetch(self, files: Files, scratch: Path) -> Path:
        """Return a folder with the files, plain or as `.gz`. Contents are verified by the caller.

        Args:
            files: The files.
            scratch: An empty folder that exists until the files have been read.

        Raises:
            SourceError: The source does not have the files.
        """
        ...


class DatasetModule(Protocol):
    """Interface of a file in `search/datasets/`. The file's name is the name of the data set."""

    def load(self, data_dir: Path | None) -> Data:
        """Load the data.

        Args:
            data_dir: Folder given by the user, or None.

        Raises:
            DataError: No source has the data. The message names each source and says what to do.
        """
        ...

    def describe(self, data_dir: Path | None) -> list[SourceStatus]:
        """Return the status of each source, in the order they are tried, without a download."""
        ...


def names() -> list[str]:
    """Return the names of the data sets: one per file of this folder."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in found if module.name != "base")


def module(name: str) -> DatasetModule:
    """Import the module of a data set.

    Raises:
        UsageError: The name is unknown; the message has the nearest one.
    """
    if name not in names():
        raise unknown_name("data set", name, names())
    return cast("DatasetModule", importlib.import_module(f"search.datasets.{name}"))


def cache_folder(home: Path) -> Path:
    """Return the cache folder of data sets under a home directory."""
    return home / ".cache" / "keras-hyperparameter-search"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on this machine."""

    name: str
    path: Path

    def status(self, files: Files) -> SourceStatus:
        """Return available if every file exists. Contents are verified when they are loaded."""
        missing = self._missing(files)
        detail = f"{self.path} has no {missing[0]}[.gz]" if missing else str(self.path)
        return SourceStatus(self.name, not missing, detail)

    def fetch(self, files: Files, scratch: Path) -> Path:
        """Return the folder.

        Raises:
            SourceError: It is not a folder, or a file is missing.
        """
        if not self.path.is_dir():
            raise SourceError(f"{self.path} is not a folder")
        missing = self._missing(files)
        if missing:
            raise SourceError(f"{self.path} has no {missing[0]}[.gz]")
        return self.path

    def _missing(self, files: Files) -> list[str]:
        return [name for name in files if _lies_in(self.path, name) is None]


@dataclass(frozen=True, slots=True)
class Download:
    """Files under one URL.

    Attributes:
        name: Name of the source.
        base_url: URL, to which the name of a file and `suffix` are appended.
        seconds: Timeout of each network operation.
        suffix: Suffix of the files on the server.
    """

    name: str
    base_url: str
    seconds: float = 10.0
    suffix: str = ".gz"

    def status(self, files: Files) -> SourceStatus:
        """Return unknown: only a download shows whether the files are available."""
        return SourceStatus(self.name, None, f"{self.base_url} (not asked)")

    def fetch(self, files: Files, scratch: Path) -> Path:
        """Download all files to `scratch` and return it.

        Raises:
            SourceError: A download failed.
        """
        for name in files:
            file = f"{name}{self.suffix}"
            download(f"{self.base_url}{file}", scratch / file, self.seconds)
        return scratch


def download(url: str, path: Path, seconds: float) -> None:
    """Download a URL to a file.

    Args:
        url: The URL.
        path: The file to write.
        seconds: Timeout of each network operation.

    Raises:
        SourceError: The download failed.
    """
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except urllib.error.HTTPError as error:
        error.close()
        raise SourceError(f"{url}: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"{url}: {getattr(error, 'reason', error)}") from error


@dataclass(frozen=True, slots=True)
class Supply:
    """Files of a data set, and the sources they may come from.

    Sources are tried in the order `given`, `cache`, `elsewhere`.

    Attributes:
        title: Title of the data set.
        files: Names of the files, with the SHA-256 of the uncompressed contents.
        cache: Cache folder.
        elsewhere: Further sources. Their files are copied to the cache, uncompressed.
        advice: Last line of the error if no source has the files.
        given: Folders named by the user. A file with other contents there is an error; the next
            source is not tried.
    """

    title: str
    files: Files
    cache: Folder
    elsewhere: tuple[Source, ...]
    advice: str
    given: tuple[Folder, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources in the order they are tried."""
        return (*self.given, self.cache, *self.elsewhere)

    def status(self) -> list[SourceStatus]:
        """Return the status of each source, without a download."""
        return [source.status(self.files) for source in self.sources]

    def obtain(self) -> dict[str, bytes]:
        """Return the contents of the files from the first source that has all of them.

        Returns:
            Uncompressed contents by file name.

        Raises:
            DataError: All sources failed (the message has each reason and the advice), or a folder
                of the user contains a file with other contents.
        """
        reasons = []
        for source in self.sources:
            try:
                with tempfile.TemporaryDirectory(prefix="keras-search-") as scratch:
                    found = read_verified(source.fetch(self.files, Path(scratch)), self.files)
            except (SourceError, OSError) as error:
                if source in self.given and isinstance(error, ChecksumError):
                    raise DataError(
                        f"{source.name} does not contain the original files of {self.title}: "
                        f"{error}. Replace the file, or leave {source.name} out."
                    ) from error
                reasons.append(f"  {source.name}: {error}")
                continue
            if source in self.elsewhere:
                _keep(found, self.cache.path)
            return found
        tried = f"{self.title} is not available from any of its sources. Tried:"
        raise DataError("\n".join([tried, *reasons, self.advice]))


def given(data_dir: Path | None, subfolder: str) -> tuple[Folder, ...]:
    """The folder that the user named, and its subfolder for a data set."""
    if data_dir is None:
        return ()
    return (Folder("--data-dir", data_dir), Folder("--data-dir", data_dir / subfolder))


def read_verified(folder: Path, files: Files) -> dict[str, bytes]:
    """Read the files of a folder, decompress them and verify their checksums.

    Returns:
        Uncompressed contents by file name.

    Raises:
        SourceError: A file is missing or cannot be read.
        ChecksumError: A file is damaged, or has another checksum.
    """
    found = {}
    for name, expected in files.items():
        path = _lies_in(folder, name)
        if path is None:
            raise SourceError(f"{folder} has no {name}[.gz]")
        try:
            raw = path.read_bytes()
            content = gzip.decompress(raw) if path.suffix == ".gz" else raw
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ChecksumError(f"{path} is damaged ({error})") from error
        except OSError as error:
            raise SourceError(f"{path}: {error}") from error
        got = hashlib.sha256(content).hexdigest()
        if got != expected:
            raise ChecksumError(f"{path} has SHA-256 {got}, not {expected} (uncompressed)")
        found[name] = content
    return found


def in_three(x: Any, y: Any, split: Callable[..., Any], seed: int) -> tuple[Part, Part, Part]:
    """Split data, stratified by class: 60 % training, 20 % validation, 20 % test.

    Args:
        x: Inputs `(n, ...)`.
        y: Labels `(n,)`.
        split: scikit-learn's `train_test_split`.
        seed: Seed of the split.
    """
    x, rest_x, y, rest_y = split(x, y, test_size=0.4, random_state=seed, stratify=y)
    validation_x, test_x, validation_y, test_y = split(
        rest_x, rest_y, test_size=0.5, random_state=seed, stratify=rest_y
    )
    return Part(x, y), Part(validation_x, validation_y), Part(test_x, test_y)


def in_scikit_learn() -> list[SourceStatus]:
    """Return the status of the source of data sets included in scikit-learn."""
    found = importlib.util.find_spec("sklearn") is not None
    detail = "part of it, no download" if found else "not installed: pip install scikit-learn"
    return [SourceStatus("scikit-learn", found, detail)]


RANDOM = (
    "If load draws at random (a shuffle, a split such as train_test_split, the order of a set or "
    "of files in a folder), give it a seed (random_state=0) or sort"
)


def digest(data: Data) -> str:
    """Return the hexadecimal SHA-256 of all arrays (dtype, shape, values), names and weights."""
    result = hashlib.sha256("\x1f".join(data.class_names).encode())
    if data.class_weight is not None:
        weights = class_weights(data.class_weight, data.train.y, data.class_names)
        result.update(f"\x1eclass_weight {sorted(weights.items())}\x1e".encode())
    for place, array in _every_array(data):
        result.update(f"\x1e{place} {array.dtype.str} {array.shape}\x1e".encode())
        result.update(_bytes(array))
    return result.hexdigest()


def same(one: Data, other: Data) -> bool:
    """Return whether two data sets have equal digests; faster than computing them."""
    both = [list(_every_array(data)) for data in (one, other)]
    facts = [
        (data.class_names, data.class_weight, [(p, a.dtype.str, a.shape) for p, a in named])
        for data, named in zip((one, other), both, strict=True)
    ]
    pairs = zip(*both, strict=False)
    return facts[0] == facts[1] and all(_bytes(a) == _bytes(b) for (_, a), (_, b) in pairs)


def _every_array(data: Data) -> Iterator[tuple[str, Any]]:
    for name in ("train", "validation", "test"):
        part = getattr(data, name)
        if part is not None:
            yield from _named_arrays(part, name)


def _bytes(array: Any) -> bytes:
    """Return the values of an array as bytes; for objects their text, not their addresses."""
    if array.dtype.hasobject or array.dtype.kind == "T":
        return repr(array.tolist()).encode()
    return bytes(array.tobytes())


def _named_arrays(part: Part, name: str) -> Iterator[tuple[str, Any]]:
    yield from trees.named(part.x, f"{name}.x")
    yield from trees.named(part.y, f"{name}.y")
    if part.weights is not None:
        yield from trees.named(part.weights, f"{name}.weights")
    if part.given is not None:
        yield from trees.named(part.given, f"{name}.given")


def _lies_in(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if os.path.isfile(path)), None)


def _keep(contents: Mapping[str, bytes], folder: Path) -> None:
    """Write each file to the cache atomically. Errors are ignored: the cache only saves time."""
    with contextlib.suppress(OSError):
        for name, content in contents.items():
            write_atomically(folder / name, content)
