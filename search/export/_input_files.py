"""Examples for a model from a file, .npy, .npz, .csv, .txt or an image, checked against it."""

import math
import tokenize
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from search.data.texts import first_other, is_text, is_text_dtype, keras_dtype
from search.errors import DataError, SearchError, UsageError
from search.export._csv_rows import numbers, rows

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")


@dataclass(frozen=True, slots=True)
class InputFacts:
    """One raw example as the model takes it: its shape, without the batch, and its dtype."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def is_text(self) -> bool:
        """Whether its values are texts."""
        return is_text_dtype(self.dtype)

    @property
    def size(self) -> int:
        """How many values one example has."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape)) or 'one value'} of {keras_dtype(self.dtype)}"


def read_examples(path: Path, facts: InputFacts) -> "Array":
    """The examples in a file: `(n, *facts.shape)` of `facts.dtype`, n >= 1.

    .npy: one example, or a batch of them. .npz: the same, as its only array. .csv: one example in
    each row, its values in row-major order; a first line of names is passed over. .txt, for models
    that take one text: an example in each line. Images: one
    example, for models that take (h, w), (h, w, 1) or (h, w, 3), made grey or RGB and brought to
    the model's size, with values from 0 to 255 as they are and what is transparent black. Nothing
    is inverted: Fashion-MNIST shows light clothes on a dark ground, so that a photograph on white
    must be inverted first.

    Raises: UsageError for a missing file or an unknown kind; DataError for one that cannot be read
    or does not fit.
    """
    suffix = kind(path, (".npy", ".npz", ".csv", *((".txt",) if facts.is_text else IMAGES)))
    try:
        if suffix == ".npy":
            return typed(batch(_array(path), facts, str(path)), facts, str(path))
        if suffix == ".npz":
            found = archive(path)
            if len(found) != 1:
                raise DataError(
                    f"{path}: the model has one input, got {len(found)} arrays "
                    f"({', '.join(found)}); keep the one it takes"
                )
            (only,) = found.values()
            return typed(batch(only, facts, str(path)), facts, str(path))
        if suffix == ".csv":
            return typed(_table(path, facts), facts, str(path))
        if suffix == ".txt":
            return typed(_lines_of(path, facts), facts, str(path))
        return typed(_image(path, facts), facts, str(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def kind(path: Path, kinds: tuple[str, ...]) -> str:
    """The ending of an input file, in small letters.

    Raises: UsageError for one that is not among `kinds`, or where there is no file.
    """
    suffix = path.suffix.lower()
    if suffix not in kinds:
        raise UsageError(
            f"an input must end in one of {' '.join(kinds)}, got {path.name!r}; convert it"
        )
    if not path.is_file():
        raise UsageError(f"an input must be a file, got {path}, which is none; check the path")
    return suffix


def _array(path: Path) -> "Array":
    import numpy as np

    try:
        with path.open("rb") as file:
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, MemoryError, tokenize.TokenError) as error:
        # NumPy 2.4 lets tokenize's own error through where a header is damaged
        raise _unsaved(path, "np.save writes", error) from error
    return array


def archive(path: Path) -> "dict[str, Array]":
    """The arrays of a .npz file, by name.

    Raises: DataError for a file that is damaged, or holds objects.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as opened:
            return {name: opened[name] for name in opened.files}
    except (ValueError, MemoryError, EOFError, zipfile.BadZipFile, tokenize.TokenError) as error:
        raise _unsaved(path, "np.savez writes", error) from error


def _unsaved(path: Path, how: str, error: BaseException) -> DataError:
    return DataError(
        f"{path} must hold numbers or texts as {how} them, and does not ({error}). Save it again, "
        "texts as an array of str: array.astype(str)"
    )


def batch(array: "Array", facts: InputFacts, place: str) -> "Array":
    """An array as a batch of examples: `(n, *facts.shape)`, also where it is but one.

    Raises: DataError for another shape, naming the place.
    """
    import numpy as np

    if array.shape == facts.shape:
        return array[np.newaxis]
    if array.shape[1:] == facts.shape and array.ndim == len(facts.shape) + 1:
        return array
    expected = ", ".join(map(str, facts.shape))
    raise DataError(
        f"{place}: the model takes arrays of shape ({expected}) or (n, {expected}), got "
        f"{array.shape}; reshape it"
    )


def _table(path: Path, facts: InputFacts) -> "Array":
    _, cells = rows(path, facts.size, str(facts), [facts.is_text] * facts.size)
    table = cells.values if facts.is_text else numbers(path, cells, range(facts.size))
    return table.reshape(-1, *facts.shape)


def _lines_of(path: Path, facts: InputFacts) -> "Array":
    import numpy as np

    if facts.size != 1:
        raise DataError(f"{path}: the model takes {facts}; give a .csv file with a column for each")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} must be a text in UTF-8, got {error}; save it as such") from error
    return np.array(lines, dtype=object).reshape(-1, *facts.shape)


def _image(path: Path, facts: InputFacts) -> "Array":
    import numpy as np
    from PIL import Image, ImageOps

    height, width, mode = _picture(path, facts)
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.mode.startswith("I;16"):
                # Pillow 13 clips 16-bit grey to 255 where it converts it to 8 bits
                picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
            if picture.has_transparency_data:
                ground = Image.new("RGBA", picture.size, "black")
                picture = Image.alpha_composite(ground, picture.convert("RGBA"))
            picture = picture.convert(mode)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path} must be an image that Pillow reads, and is not or is damaged ({error}); "
            "convert it"
        ) from error
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture).reshape(1, *facts.shape)


def _picture(path: Path, facts: InputFacts) -> tuple[int, int, str]:
    """Height, width and Pillow's mode of the pictures that a model takes."""
    if len(facts.shape) == 2 or (len(facts.shape) == 3 and facts.shape[2] in (1, 3)):
        height, width = facts.shape[:2]
        return height, width, "RGB" if facts.shape[2:] == (3,) else "L"
    raise DataError(
        f"{path}: the model takes no images but examples of {facts}; give a .npy or .csv file"
    )


def typed(array: "Array", facts: InputFacts, place: str) -> "Array":
    """The values in the model's dtype.

    Raises: DataError for values that it cannot hold, naming the place.
    """
    import numpy as np

    if facts.is_text:
        return _texts(array, place)
    try:
        wanted = np.dtype(facts.dtype)
    except TypeError as error:
        raise SearchError(f"the export names no dtype but {facts.dtype!r}; correct it") from error
    if not len(array):
        raise DataError(f"{place}: at least one example is needed, got none")
    if wanted.kind not in "iuf":
        return array.astype(wanted)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{place}: values must be numbers, got {array.dtype}; convert them")
    with np.errstate(invalid="ignore", over="ignore"):
        held = array.astype(wanted)
    if not (np.all(np.isfinite(array)) and np.all(np.isfinite(held))):
        raise DataError(
            f"{place}: values must be finite numbers of {wanted}, got NaN, infinity or a number "
            "too large; replace it"
        )
    if wanted.kind in "iu" and not np.array_equal(held, array):
        wrong = array[held != array].flat[0]
        raise DataError(
            f"{place}: the model takes raw values of {wanted}, got {wrong}; undo any scaling"
        )
    return held


def _texts(array: "Array", place: str) -> "Array":
    """Texts of any length, as objects."""
    if not len(array):
        raise DataError(f"{place}: at least one example is needed, got none")
    if not is_text(array) or first_other(array) is not None:
        raise DataError(
            f"{place}: the model takes texts, got {array.dtype}; write them as texts (astype(str))"
        )
    return array.astype(object)
