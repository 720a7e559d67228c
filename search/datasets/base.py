"""Where data sets come from: sources tried in order, checksums, a cache; a digest of what came."""

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

Files: TypeAlias = Mapping[str, str]
"""File names and the SHA-256 of each one's contents, uncompressed: archives recompress."""


class SourceError(DataError):
    """One source does not have the files; the message is the reason. The next source is tried."""


class ChecksumError(SourceError):
    """A source has a file of the right name with the wrong contents."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What can be said of a source without asking it; `available` None: only trying tells."""

    name: str
    available: bool | None
    detail: str


class Source(Protocol):
    """One place that files may come from; it keeps no state and writes only into `scratch`."""

    @property
    def name(self) -> str:
        """The words that messages use for it."""
        ...

    def status(self, files: Files) -> SourceStatus:
        """What can be said without any download."""
        ...

    def fetch(self, files: Files, scratch: Path) -> Path:
        """A folder that holds the files, plain or as `.gz`; their contents need not be right.

        `scratch`: an empty folder that lives until the files have been read.
        Raises: SourceError with the reason.
        """
        ...


class DatasetModule(Protocol):
    """What a file in `search/datasets/` offers; its name is the name of the data set."""

    def load(self, data_dir: Path | None) -> Data:
        """The data; `data_dir` is where the user said they lie, or None.

        Raises: DataError that names every source tried, and what to do.
        """
        ...

    def describe(self, data_dir: Path | None) -> list[SourceStatus]:
        """The sources in the order they are tried, without any download."""
        ...


def names() -> list[str]:
    """The data sets there are: one per file beside this one."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in found if module.name != "base")


def module(name: str) -> DatasetModule:
    """The file that loads the data set of this name.

    Raises: UsageError for an unknown name, with the nearest one.
    """
    if name not in names():
        raise unknown_name("data set", name, names())
    return cast("DatasetModule", importlib.import_module(f"search.datasets.{name}"))


def cache_folder(home: Path) -> Path:
    """Where data sets are kept, under a home directory."""
    return home / ".cache" / "keras-hyperparameter-search"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on this machine."""

    name: str
    path: Path

    def status(self, files: Files) -> SourceStatus:
        """Available when every file is there; what is in them is looked at when they are loaded."""
        missing = self._missing(files)
        detail = f"{self.path} has no {missing[0]}[.gz]" if missing else str(self.path)
        return SourceStatus(self.name, not missing, detail)

    def fetch(self, files: Files, scratch: Path) -> Path:
        """The folder itself."""
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
    """Files under one web address, each with `suffix`; `seconds` bounds each wait for the net."""

    name: str
    base_url: str
    seconds: float = 10.0
    suffix: str = ".gz"

    def status(self, files: Files) -> SourceStatus:
        """Only trying tells."""
        return SourceStatus(self.name, None, f"{self.base_url} (not asked)")

    def fetch(self, files: Files, scratch: Path) -> Path:
        """Download each file; the first failure ends it."""
        for name in files:
            file = f"{name}{self.suffix}"
            download(f"{self.base_url}{file}", scratch / file, self.seconds)
        return scratch


def download(url: str, path: Path, seconds: float) -> None:
    """Write what is at a web address to a file; `seconds` bounds every wait for the network.

    Raises: SourceError when it cannot be had.
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
    """How one data set is had: its files, and the places they may come from.

    `given` are folders the user named; they are asked first, and other contents under these names
    are refused there, not passed over: the user means those. Then comes the `cache`, then what
    lies `elsewhere`; from there the files are copied to the cache, uncompressed.
    """

    title: str
    files: Files
    cache: Folder
    elsewhere: tuple[Source, ...]
    advice: str
    given: tuple[Folder, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source in the order it is tried."""
        return (*self.given, self.cache, *self.elsewhere)

    def status(self) -> list[SourceStatus]:
        """What can be said of each source without any download."""
        return [source.status(self.files) for source in self.sources]

    def obtain(self) -> dict[str, bytes]:
        """The contents of the files, from the first source that has all of them as they should be.

        Raises: DataError when every source fails, naming each with its reason, and the advice.
        """
        reasons = []
        for source in self.sources:
            try:
                with tempfile.TemporaryDirectory(prefix="keras-search-") as scratch:
                    found = read_verified(source.fetch(self.files, Path(scratch)), self.files)
            except (SourceError, OSError) as error:
                if source in self.given and isinstance(error, ChecksumError):
                    raise DataError(
                        f"{source.name}: must hold the original files of {self.title}, got "
                        f"another: {error}; put the right one there, or leave {source.name} out"
                    ) from error
                reasons.append(f"  {source.name}: {error}")
                continue
            if source in self.elsewhere:
                _keep(found, self.cache.path)
            return found
        tried = f"{self.title} must come from one of its sources, got it from none; tried"
        raise DataError("\n".join([tried, *reasons, self.advice]))


def read_verified(folder: Path, files: Files) -> dict[str, bytes]:
    """The contents of the files in a folder, uncompressed.

    Raises: SourceError for a file that cannot be read; ChecksumError for one that is not the
    file it should be.
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
            raise ChecksumError(f"{path} must have SHA-256 {expected}, got {got} (uncompressed)")
        found[name] = content
    return found


def in_three(x: Any, y: Any, split: Callable[..., Any], seed: int) -> tuple[Part, Part, Part]:
    """60 % to train on, 20 % to validate and 20 % to test on, all classes in equal shares.

    `split`: scikit-learn's `train_test_split`.
    """
    x, rest_x, y, rest_y = split(x, y, test_size=0.4, random_state=seed, stratify=y)
    validation_x, test_x, validation_y, test_y = split(
        rest_x, rest_y, test_size=0.5, random_state=seed, stratify=rest_y
    )
    return Part(x, y), Part(validation_x, validation_y), Part(test_x, test_y)


def in_scikit_learn() -> list[SourceStatus]:
    """The one source of data sets that are part of scikit-learn."""
    found = importlib.util.find_spec("sklearn") is not None
    detail = "part of it, no download" if found else "not installed: pip install scikit-learn"
    return [SourceStatus("scikit-learn", found, detail)]


RANDOM = (
    "If load draws at random (a shuffle, a split such as train_test_split, the order of a set or "
    "of files in a folder), give it a seed (random_state=0) or sort"
)


def digest(data: Data) -> str:
    """SHA-256, in hexadecimal, over all arrays (dtype, shape, values), names and weights."""
    result = hashlib.sha256("\x1f".join(data.class_names).encode())
    if data.class_weight is not None:
        weights = class_weights(data.class_weight, data.train.y, data.class_names)
        result.update(f"\x1eclass_weight {sorted(weights.items())}\x1e".encode())
    for place, array in _every_array(data):
        result.update(f"\x1e{place} {array.dtype.str} {array.shape}\x1e".encode())
        result.update(_bytes(array))
    return result.hexdigest()


def same(one: Data, other: Data) -> bool:
    """Return whether two data have equal digests; quicker than to calculate them."""
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
    """The values of an array; those of an object array are addresses, which always differ."""
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
    """Write each file to the cache in one step; a cache that cannot be written only costs time."""
    temporary: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            handle, path = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
            temporary = Path(path)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, folder / name)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
