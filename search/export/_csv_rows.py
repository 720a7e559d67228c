"""Read examples to predict from the rows of a .csv file: numbers and texts."""

import csv
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from search.errors import DataError, SearchWarning

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a table: `values` `(n, size)` of str, and the line of the file of each row."""

    values: "Array"
    lines: tuple[int, ...]


def rows(
    path: Path, size: int, described: str, texts: Sequence[bool]
) -> tuple[list[str] | None, Cells]:
    """Read a .csv file. Return its header, or None without one, and its cells: n >= 1.

    `texts`: which columns contain texts. If all do, the first line is a header if all its cells
    are identifiers.

    Raises: DataError for a row with another number of values.
    """
    import numpy as np

    values: list[list[str]] = []
    lines: list[int] = []
    names: list[str] | None = None
    for line, cells in _lines(path):
        if not lines and names is None and _are_names(path, cells, all(texts)):
            names = [cell.strip() for cell in cells]
            continue
        _check_size(cells, line, path, size, described)
        values.append(cells)
        lines.append(line)
    if not values:
        raise DataError(f"{path} has no rows of values.")
    return names, Cells(np.array(values, dtype=object).reshape(len(values), size), tuple(lines))


def numbers(path: Path, cells: Cells, columns: Sequence[int]) -> "Array":
    """Convert some columns of a table to numbers, `(n, len(columns)) float64`.

    Raises: DataError with row and column of a value that is not a number.
    """
    import numpy as np

    for line, row in zip(cells.lines, cells.values, strict=True):
        for column in columns:
            if not _is_number(row[column]):
                raise DataError(
                    f"{path}, row {line}, column {column + 1}: {row[column]!r} is not a number. "
                    "Correct it."
                )
    return np.array(cells.values[:, list(columns)], dtype=np.float64)


def _are_names(path: Path, cells: list[str], texts: bool) -> bool:
    if not texts:
        return not any(map(_is_number, cells))
    if not all(cell.strip().isidentifier() for cell in cells):
        return False
    warnings.warn(
        f"{path}: the first line, {', '.join(cells)!r}, is used as the header. If it is an "
        "example, give a .txt file.",
        SearchWarning,
        stacklevel=2,
    )
    return True


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, cells
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a UTF-8 table: {error}. Save it again.") from error


def _check_size(cells: list[str], line: int, path: Path, size: int, described: str) -> None:
    if len(cells) != size:
        remedy = "Remove the label" if len(cells) == size + 1 else "Correct the row"
        raise DataError(
            f"{path}, row {line}, has {len(cells)} values, but an example has {size} "
            f"({described}). {remedy}."
        )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
