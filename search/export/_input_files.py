"""Read examples for a model from a .npy, .npz, .csv, .txt or image file, and validate them."""

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
    """Shape, without the batch dimension, and dtype of one raw example of a model."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def is_text(self) -> bool:
        """Whether its values are texts."""
        return is_text_dtype(self.dtype)

    @property
    def size(self) -> int:
        """Number of values of one example."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape)) or 'one value'} of {keras_dtype(self.dtype)}"


def read_examples(path: Path, facts: InputFacts) -> "Array":
    """Read the examples in a file: `(n, *facts.shape)` of `facts.dtype`, n >= 1.

    .npy: one example, or a batch. .npz: the same, as its only array. .csv: one example per row,
    with values in row-major order; a header is skipped. .txt, for models that take one text: one
    example per line. Images: one example, for models that take (h, w), (h, w, 1) or (h, w, 3). An
    image is converted to grey or RGB and resized to the model's size; values are 0 to 255, and
    transparent pixels are black. Images are not inverted: Fashion-MNIST has light clothes on a dark
    background, so a photograph on white must be inverted first.

    Raises: UsageError for a missing file or an unknown type; DataError for a file that cannot be
    read or does not fit the model.
    """
    suffix = kind(path, (".npy", ".npz", ".csv", *((".txt",) if facts.is_text else IMAGES)))
    try:
        if suffix == ".npy":
            return typed(batch(_array(path), facts, str(path)), facts, str(path))
        if suffix == ".npz":
            found = archive(path)
            if len(found) != 1:
                raise DataError(
                    f"{path} has {len(found)} arrays ({', '.join(found)}), but the model has one "
                    "input. Keep only its array."
                )
            (only,) = found.values()
            return typed(batch(only, facts, str(path)), facts, str(path))
        if suffix == ".csv":
            return typed(_table(path, facts), facts, str(path))
        if suffix == ".txt":
            return typed(_lines_of(path, facts), facts, str(path))
        return typed(_image(path, facts), facts, str(path))
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}") from error


def kind(path: Path, kinds: tuple[str, ...]) -> str:
    """Return the suffix of an input file, in lower case.

    Raises: UsageError for a suffix that is not in `kinds`, or a missing file.
    """
    suffix = path.suffix.lower()
    if suffix not in kinds:
        raise UsageError(
            f"Cannot predict from {path.name!r}: the file type must be one of {' '.join(kinds)}. "
            "Convert the file."
        )
    if not path.is_file():
        raise UsageError(f"There is no file {path}. Check the path.")
    return suffix


def _array(path: Path) -> "Array":
    import numpy as np

    try:
        with path.open("rb") as file:
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, MemoryError, tokenize.TokenError) as error:
        # NumPy 2.4 raises an error of tokenize for a damaged header
        raise _unsaved(path, "np.save writes", error) from error
    return array


def archive(path: Path) -> "dict[str, Array]":
    """Read the arrays of a .npz file by name.

    Raises: DataError for a damaged file, or one with objects.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as opened:
            return {name: opened[name] for name in opened.files}
    except (ValueError, MemoryError, EOFError, zipfile.BadZipFile, tokenize.TokenError) as error:
        raise _unsaved(path, "np.savez writes", error) from error


def _unsaved(path: Path, how: str, error: BaseException) -> DataError:
    return DataError(
        f"{path} has no numbers or texts as {how} them ({error}). Save it again, with texts as an "
        "array of str: array.astype(str)."
    )


def batch(array: "Array", facts: InputFacts, place: str) -> "Array":
    """Return an array as a batch of examples: `(n, *facts.shape)`, also for a single example.

    Raises: DataError for another shape, with `place`.
    """
    import numpy as np

    if array.shape == facts.shape:
        return array[np.newaxis]
    if array.shape[1:] == facts.shape and array.ndim == len(facts.shape) + 1:
        return array
    expected = ", ".join(map(str, facts.shape))
    raise DataError(
        f"{place} has shape {array.shape}, but the model takes ({expected}) or (n, {expected}). "
        "Reshape it."
    )


def _table(path: Path, facts: InputFacts) -> "Array":
    _, cells = rows(path, facts.size, str(facts), [facts.is_text] * facts.size)
    table = cells.values if facts.is_text else numbers(path, cells, range(facts.size))
    return table.reshape(-1, *facts.shape)


def _lines_of(path: Path, facts: InputFacts) -> "Array":
    import numpy as np

    if facts.size != 1:
        raise DataError(f"{path}: the model takes {facts}. Give a .csv file with one column each.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}. Save it as UTF-8.") from error
    return np.array(lines, dtype=object).reshape(-1, *facts.shape)


def _image(path: Path, facts: InputFacts) -> "Array":
    import numpy as np
    from PIL import Image, ImageOps

    height, width, mode = _picture(path, facts)
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.mode.startswith("I;16"):
                # Pillow 13 clips 16-bit grey to 255 when it converts to 8 bits
                picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
            if picture.has_transparency_data:
                ground = Image.new("RGBA", picture.size, "black")
                picture = Image.alpha_composite(ground, picture.convert("RGBA"))
            picture = picture.convert(mode)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"Pillow cannot read the image {path} ({error}): it is damaged or of another format. "
            "Convert it."
        ) from error
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture).reshape(1, *facts.shape)


def _picture(path: Path, facts: InputFacts) -> tuple[int, int, str]:
    """Return height, width and Pillow's mode of the images that a model takes."""
    if len(facts.shape) == 2 or (len(facts.shape) == 3 and facts.shape[2] in (1, 3)):
        height, width = facts.shape[:2]
        return height, width, "RGB" if facts.shape[2:] == (3,) else "L"
    raise DataError(f"{path} is an image, but the model takes {facts}. Give a .npy or .csv file.")


def typed(array: "Array", facts: InputFacts, place: str) -> "Array":
    """Convert values to the model's dtype.

    Raises: DataError for values that the dtype cannot represent, with `place`.
    """
    import numpy as np

    if facts.is_text:
        return _texts(array, place)
    try:
        wanted = np.dtype(facts.dtype)
    except TypeError as error:
        raise SearchError(
            f"{facts.dtype!r} in the export is not a dtype. Export the trial again."
        ) from error
    if not len(array):
        raise DataError(f"{place} has no examples.")
    if wanted.kind not in "iuf":
        return array.astype(wanted)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{place} has values of {array.dtype}, but the model takes numbers.")
    with np.errstate(invalid="ignore", over="ignore"):
        held = array.astype(wanted)
    if not (np.all(np.isfinite(array)) and np.all(np.isfinite(held))):
        raise DataError(
            f"{place} has NaN, infinity or a number too large for {wanted}. Replace these values."
        )
    if wanted.kind in "iu" and not np.array_equal(held, array):
        wrong = array[held != array].flat[0]
        raise DataError(
            f"{place} has the value {wrong}, but the model takes raw values of {wanted}. Undo any "
            "scaling."
        )
    return held


def _texts(array: "Array", place: str) -> "Array":
    """Convert texts to objects of str, of any length."""
    if not len(array):
        raise DataError(f"{place} has no examples.")
    if not is_text(array) or first_other(array) is not None:
        raise DataError(
            f"{place} has values of {array.dtype}, but the model takes texts. Convert them with "
            "astype(str)."
        )
    return array.astype(object)
