"""Parts from pandas frames and CSV files. Errors name the column and the row."""

import contextlib
import csv
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from search.data.parts import Part
from search.errors import DataError, SearchWarning, UsageError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

_SEPARATORS = (",", ";", "\t", "|", r"\s+")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?")
_FEWEST_ROWS = 10  # in fewer rows an increasing column may be coincidence

Where: TypeAlias = Callable[[int], str]  # names a row, counted from 0, for a message


def frame_part(
    frame: "pd.DataFrame",
    target: str | Sequence[str],
    inputs: Mapping[str, Sequence[str]] | None = None,
    weights: str | None = None,
) -> Part:
    """Make a part from a frame with one row for each example.

    Args:
        frame: The frame. Columns of texts become an input of texts `(n, columns)`.
        target: Column of the labels, or a list of columns for outputs of these names.
        inputs: Maps each named input of the model to its columns. Default: all other columns, in
            their order, are one array `(n, columns)`.
        weights: Column with the weight of each example.

    Returns:
        The part.

    Raises:
        DataError: A column is unknown, is not numeric, or is both input and target; or the frame
            has no rows.
        UsageError: `inputs` is not a mapping.

    Warns:
        SearchWarning: A saved index ("Unnamed: 0") or an empty unnamed column is left out, a
            column numbers the rows, or a column has missing values.
    """
    return _part(frame, target, inputs, weights, "row {}".format)


def csv_part(
    path: str | Path,
    target: str | Sequence[str],
    inputs: Mapping[str, Sequence[str]] | None = None,
    weights: str | None = None,
) -> Part:
    """Make a part from a CSV file whose first line has the names of the columns.

    The separator (comma, semicolon, tab, bar or spaces) is the first one that gives the target's
    name. With a separator other than a comma, numbers may have a decimal comma.

    Args:
        path: The file.
        target: As for `frame_part`.
        inputs: As for `frame_part`.
        weights: As for `frame_part`.

    Returns:
        The part.

    Raises:
        DataError: As for `frame_part`, or the file is not readable as CSV. The message names
            column and line.
        UsageError: `inputs` is not a mapping.
    """
    names = [target] if isinstance(target, str) else list(target)
    try:
        frame = _read(Path(path), names)
    except (OSError, ValueError) as error:
        raise DataError(
            f"Cannot read {path} as a CSV file: {error}. Correct the file or the path."
        ) from error

    def line(row: int) -> str:
        return f"line {_line(Path(path), row)}"

    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        try:
            part = _part(frame, target, inputs, weights, line)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
    for remark in remarks:
        warnings.warn(f"{path}: {remark.message}", remark.category, stacklevel=2)
    return part


def array_of(frame: Any, where: Where = "row {}".format) -> Any:
    """Convert a frame or series to one array `(n, columns)`, of float32 or of texts.

    Raises:
        DataError: A column is neither numeric nor of texts; the message has its first such value.
    """
    import numpy as np

    frame = frame.to_frame() if frame.ndim == 1 else frame
    texts = [name for name in frame.columns if _holds_texts(frame[name])]
    if texts and len(texts) == frame.shape[1]:
        for name in texts:
            _refuse_missing(frame[name], where, "text")
        return np.column_stack([frame[name].to_numpy(object) for name in texts])
    for name in frame.columns:
        if frame[name].dtype.kind not in "biuf":
            raise DataError(_no_numbers(frame[name], where, texts=name in texts))
    return frame.to_numpy("float32", na_value=np.nan)


def labels_of(thing: Any, where: Where = "row {}".format) -> Any:
    """Convert labels or weights to an array: one column becomes `(n,)`, texts stay texts."""
    if thing.ndim == 2 and thing.shape[1] == 1:
        thing = thing.iloc[:, 0]
    if thing.ndim == 1 and thing.dtype.kind not in "biuf":
        _refuse_missing(thing, where, "label")
        return thing.to_numpy(str)
    return thing.to_numpy()


def _part(
    frame: "pd.DataFrame",
    target: str | Sequence[str],
    inputs: Mapping[str, Sequence[str]] | None,
    weights: str | None,
    where: Where,
) -> Part:
    targets = [target] if isinstance(target, str) else list(target)
    special = [*targets, *([] if weights is None else [weights])]
    if inputs is not None and not isinstance(inputs, Mapping):
        raise UsageError(
            f"inputs must map the model's inputs to columns, not be {inputs!r}. Write "
            'inputs={"name": ["column", ...]}, or leave it out for one input of all columns.'
        )
    named = [name for group in (inputs or {}).values() for name in group]
    for name in (*special, *named):
        if name not in frame.columns:
            raise DataError(f"{unknown_name('column', name, map(str, frame.columns))}")
    for name in targets:
        if name in named:
            raise DataError(
                f"column {name!r} is the target and must not be an input (label leakage). Remove "
                "it from inputs."
            )
    if not len(frame):
        raise DataError("the table has column names but no rows. Add at least one example.")
    groups = inputs or {"": _features(frame, special, where)}
    matrices = {name: array_of(frame[list(group)], where) for name, group in groups.items()}
    for group in groups.values():
        _warn_of_missing(frame[list(group)], where)
    labels = {name: labels_of(frame[name], where) for name in targets}
    return Part(
        matrices if inputs else matrices[""],
        labels[target] if isinstance(target, str) else labels,
        None if weights is None else labels_of(frame[weights], where),
        columns={f"x.{name}" if name else "x": tuple(map(str, g)) for name, g in groups.items()},
    )


def _features(frame: "pd.DataFrame", special: list[str], where: Where) -> list[str]:
    """Return the default input columns: all but target, weights, saved index and empty columns."""
    found = []
    for name in (name for name in frame.columns if name not in special):
        column = frame[name]
        unnamed = str(name).startswith("Unnamed:") or str(name) == "nan"
        if column.isna().all():
            if not unnamed:
                raise DataError(f"column {name!r} is empty. Remove it, or fill it in.")
            _warn(f"column {name!r} is empty and is left out: the lines end with a separator.")
        elif unnamed and column.dtype.kind in "iu" and column.is_unique:
            _warn(f"column {name!r} is left out: it is the saved index of the frame.")
        else:
            if column.dtype.kind in "iu" and len(column) >= _FEWEST_ROWS and _runs(column):
                _warn(
                    f"column {name!r} numbers the rows from {where(0)} on and is used as an input. "
                    "If the rows are sorted by label, the model can read the label from it. Leave "
                    "it out with inputs=."
                )
            found.append(name)
    if not found:
        raise DataError("there is no column except the target. Add the inputs of the model.")
    return found


def _runs(column: Any) -> bool:
    """Return whether a column increases strictly, as row numbers and table keys do."""
    return bool(column.is_monotonic_increasing and column.is_unique)


def _warn(text: str) -> None:
    warnings.warn(text, SearchWarning, stacklevel=4)


def _warn_of_missing(frame: Any, where: Where) -> None:
    for name in frame.columns:
        wrong = frame[name].isna().to_numpy()
        if wrong.any():
            _warn(
                f"column {name!r} has no value in {int(wrong.sum())} of {len(wrong)} rows, the "
                f"first in {where(int(wrong.argmax()))}. Fill it in, unless the model handles NaN."
            )


def _refuse_missing(column: Any, where: Where, what: str) -> None:
    wrong = column.isna().to_numpy()
    if wrong.any():
        raise DataError(
            f"column {column.name!r} has no {what} in {int(wrong.sum())} of {len(wrong)} rows, the "
            f"first in {where(int(wrong.argmax()))}. Remove these rows."
        )


def _holds_texts(column: Any) -> bool:
    """Return whether a column is of texts, and not of numbers with a few invalid cells."""
    present = column.dropna()
    if column.dtype.kind not in "OSUT" or not len(present):
        return False
    if isinstance(column.dtype.type, type) and column.dtype.name == "category":
        return False
    texts = [isinstance(value, str | bytes) for value in present]
    return all(texts) and sum(map(_is_number, present)) * 2 <= len(present)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _no_numbers(column: Any, where: Where, *, texts: bool) -> str:
    """Return the message for a column that is not numeric."""
    wrong = [row for row, value in enumerate(column) if not _is_number(value)]
    row = wrong[0] if wrong else 0
    count = f" in {len(wrong)} of {len(column)} rows, the first" if len(wrong) > 0 else ""
    remedy = "Encode it (pandas.get_dummies for categories), or leave it out"
    if wrong and 2 * len(wrong) < len(column):
        remedy = "Correct these cells, or leave them empty and let the model handle NaN"
    elif texts:
        remedy = f"{remedy}, or give the texts a separate input (inputs=)"
    return (
        f"column {column.name!r} must contain numbers, but is {column.dtype} with "
        f"{column.iloc[row]!r}{count} in {where(row)}. {remedy}."
    )


def _read(path: Path, targets: Sequence[str]) -> "pd.DataFrame":
    """Read the file with the first separator that gives the targets' names; default: commas."""
    import pandas as pd

    for separator in _SEPARATORS:
        with contextlib.suppress(ValueError):
            names = pd.read_csv(path, nrows=0, sep=separator, engine="python").columns
            if separator != "," and set(targets) <= set(names):
                return _with_decimals(path, separator)
            if set(targets) <= set(names):
                break
    return pd.read_csv(path)


def _with_decimals(path: Path, separator: str) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.read_csv(path, sep=separator)
    texts = [frame[name] for name in frame.columns if frame[name].dtype.kind not in "biuf"]
    commas = [column for column in texts if _has_decimal_commas(column)]
    return pd.read_csv(path, sep=separator, decimal=",") if commas else frame


def _has_decimal_commas(column: Any) -> bool:
    values = [str(value) for value in column.dropna()]
    return any("," in value for value in values) and all(map(_DECIMAL_COMMA.fullmatch, values))


def _line(path: Path, row: int) -> int:
    """Return the line of the file where a row of the frame ends; blank lines are not rows."""
    for number, (line, _) in enumerate(_records(path)):
        if number == row + 1:
            return line
    return row + 2


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    ignored = contextlib.suppress(OSError, UnicodeDecodeError, csv.Error)
    with ignored, path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        yield from ((reader.line_num, cells) for cells in reader if cells)
