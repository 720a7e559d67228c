"""California housing: 20,640 districts, 8 measurements, median house value (Pace & Barry, 1997)."""

import io
import pickle
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.data.parts import Data, Part
from search.datasets import base
from search.errors import DataError

if TYPE_CHECKING:
    import numpy as np

NAME = "cal_housing.data"
FILES: base.Files = {NAME: "d3d8a1a722ae78f91134862727d27a70b1415e7d512a89140406248687f4b902"}
SUBFOLDER = "california-housing"
SPLIT_SEED = 42
COLUMNS = (
    *("median_income", "house_age", "average_rooms", "average_bedrooms"),
    *("population", "average_occupancy", "latitude", "longitude"),
)
"""The columns of `x`, in scikit-learn's order."""
SCIKIT_LEARN_URL = "https://ndownloader.figshare.com/files/5976036"
"""Where sklearn.datasets.fetch_california_housing downloads from."""
_DAMAGE = (  # what a damaged or foreign file makes joblib raise
    *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError),
    *(pickle.UnpicklingError, zlib.error),
)
ADVICE = (
    f"Give a folder with {NAME} (9 columns, separated by commas) as --data-dir, or go online once."
)


def load(data_dir: Path | None = None) -> Data:
    """Train on 9/16 of the rows, validate on 3/16, test on 4/16: 11,610, 3,870 and 5,160.

    `x: (n, 8) float32`, the COLUMNS as measured; `y: (n,) float32`, in 100,000 dollars. The split
    is always the same. A table in `data_dir` is used as it is: its checksum is not compared.

    Raises: DataError that names every source tried, or the fault of a table.
    """
    name, content = _given(data_dir) or (NAME, supply(data_dir).obtain()[NAME])
    return data_from(name, content)


def describe(data_dir: Path | None = None) -> list[base.SourceStatus]:
    """The sources in the order they are tried, without any download."""
    return supply(data_dir).status()


def supply(data_dir: Path | None = None, *, home: Path | None = None) -> base.Supply:
    """The places asked, in order; the folder `data_dir` or its subfolder first.

    `home`: the home directory that caches lie under, by default the user's own.
    """
    home = home or Path.home()
    return base.Supply(
        title="California housing",
        files=FILES,
        given=base.given(data_dir, SUBFOLDER),
        cache=base.Folder("cache", base.cache_folder(home) / SUBFOLDER),
        elsewhere=(
            ScikitLearnCache(
                "scikit-learn's cache", home / "scikit_learn_data/cal_housing_py3.pkz"
            ),
            Archive("scikit-learn's download", SCIKIT_LEARN_URL, f"CaliforniaHousing/{NAME}"),
        ),
        advice=ADVICE,
    )


def data_from(name: str, content: bytes) -> Data:
    """The data in a table of 9 columns: longitude, latitude, age, rooms, bedrooms, ..., value.

    Raises: DataError for anything else, and for rows without households or with missing values.
    """
    import numpy as np
    from sklearn.model_selection import train_test_split

    try:
        table = np.loadtxt(io.BytesIO(content), delimiter=",", ndmin=2)
    except ValueError as error:
        raise DataError(f"{name} must contain only numbers: {error}. Correct it.") from error
    if table.shape[1] != 9 or len(table) < 6:
        raise DataError(
            f"{name} must have 9 columns and at least 6 rows, not {table.shape[1]} and "
            f"{len(table)}. Use the StatLib table of California housing."
        )
    bad = ~np.isfinite(table).all(axis=1) | (table[:, 6] <= 0)
    if bad.any():
        raise DataError(
            f"{name}, row {int(bad.argmax()) + 1}: a value is not finite, or households is not "
            "above 0. Correct or remove the row."
        )
    x, y = _measured(table)
    x, test_x, y, test_y = train_test_split(x, y, random_state=SPLIT_SEED)
    x, validation_x, y, validation_y = train_test_split(x, y, random_state=SPLIT_SEED)
    return Data(
        train=Part(x, y), validation=Part(validation_x, validation_y), test=Part(test_x, test_y)
    )


def _measured(
    table: "np.ndarray[Any, Any]",
) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """What scikit-learn's fetch_california_housing makes of the table."""
    import numpy as np

    longitude, latitude, age, rooms, bedrooms, population, households, income, value = table.T
    per_household = (rooms / households, bedrooms / households, population / households)
    columns = (income, age, *per_household[:2], population, per_household[2], latitude, longitude)
    return np.stack(columns, axis=1).astype("float32"), (value / 100_000).astype("float32")


def _given(data_dir: Path | None) -> tuple[str, bytes] | None:
    """The path and contents of the table that the user pointed to; None where there is none."""
    for folder in base.given(data_dir, SUBFOLDER):
        path = folder.path / NAME
        if path.is_file():
            try:
                return str(path), path.read_bytes()
            except OSError as error:
                raise DataError(f"cannot read {path}: {error.strerror}") from error
    return None


@dataclass(frozen=True, slots=True)
class ScikitLearnCache:
    """The file that scikit-learn keeps of the table, its columns in another order."""

    name: str
    path: Path

    def status(self, files: base.Files) -> base.SourceStatus:
        """Available when the file is there."""
        found = self.path.is_file()
        detail = str(self.path) if found else f"{self.path} is no file"
        return base.SourceStatus(self.name, found, detail)

    def fetch(self, files: base.Files, scratch: Path) -> Path:
        """Write the table as it came: CRLF between lines, so that its checksum can be verified."""
        import joblib
        import numpy as np

        if not self.path.is_file():
            raise base.SourceError(f"{self.path} is no file")
        try:
            kept = joblib.load(self.path)[:, [8, 7, 2, 3, 4, 5, 6, 1, 0]]
        except _DAMAGE as error:
            raise base.SourceError(f"{self.path}: {type(error).__name__}: {error}") from error
        text = io.StringIO()
        np.savetxt(text, kept, fmt="%.6f", delimiter=",", newline="\r\n")
        (scratch / NAME).write_bytes(text.getvalue().removesuffix("\r\n").encode())
        return scratch


@dataclass(frozen=True, slots=True)
class Archive:
    """One file of a .tgz at a web address; `seconds` bounds every wait for the network."""

    name: str
    url: str
    member: str
    seconds: float = 10.0

    def status(self, files: base.Files) -> base.SourceStatus:
        """Only trying tells."""
        return base.SourceStatus(self.name, None, f"{self.url} (not asked)")

    def fetch(self, files: base.Files, scratch: Path) -> Path:
        """Download the archive and take the file out of it."""
        archive = scratch / "archive.tgz"
        base.download(self.url, archive, self.seconds)
        try:
            with tarfile.open(archive, "r:gz") as opened:
                found = opened.extractfile(self.member)
                if found is None:
                    raise base.SourceError(f"{self.url}: {self.member} is no file there")
                (scratch / Path(self.member).name).write_bytes(found.read())
        except (tarfile.TarError, KeyError, OSError, EOFError) as error:
            raise base.SourceError(
                f"{self.url}: cannot read {self.member} from the .tgz file: {error}"
            ) from error
        return scratch
