"""Parts of data from pandas frames and CSV files, with what is wrong named by column and row."""

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
_FEWEST_ROWS = 10  # from which on a running number is no coincidence

Where: TypeAlias = Callable[[int], str]  # a row, counted from 0, in the user's words


def frame_part(
    frame: "pd.DataFrame",
    target: str | Sequence[str],
    inputs: Mapping[str, Sequence[str]] | None = None,
    weights: str | None = None,
) -> Part:
    """A part from a frame with one row for each example.

    `target`: the column of labels, or several of them for outputs of those names. `inputs`: which
    columns go to which named input of the model; without it all others are one array, in their
    order. `weights`: a column with the weight of each example.

    Columns of texts are an input of texts `(n, columns)`. An index that was saved with the frame
    ("Unnamed: 0") is left out, and a column that numbers the rows is named, with a warning each.

    Raises: DataError for an unknown column, naming the nearest, one that holds no numbers, one that
    is input and target at once, or no rows; UsageError for inputs that are no mapping.
    """
    return _part(frame, target, inputs, weights, "row {}".format)


def csv_part(
    path: str | Path,
    target: str | Sequence[str],
    inputs: Mapping[str, Sequence[str]] | None = None,
    weights: str | None = None,
) -> Part:
    """A part from a CSV file with a first line of names; the rest is as for `frame_part`.

    Commas, semicolons, tabs, bars or spaces separate its columns, whichever gives the target's
    name; beside semicolons and tabs numbers may have a decimal comma.

    Raises: DataError also for a file that cannot be read as one; it names column and line.
    """
    names = [target] if isinstance(target, str) else list(target)
    try:
        frame = _read(Path(path), names)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: must be a readable CSV file, got {error}; correct it") from error

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
    """Return the columns of a frame or series as one array: `(n, columns)` float32, or of texts.

    Raises: DataError for columns that hold neither, naming the first such value.
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
    """Return labels or weights as they are: one column `(n,)`, texts as texts."""
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
            f"inputs must map the model's inputs to columns, got {inputs!r}; write "
            'inputs={"name": ["column", ...]}, or leave it out for one input of all columns'
        )
    named = [name for group in (inputs or {}).values() for name in group]
    for name in (*special, *named):
        if name not in frame.columns:
            raise DataError(f"{unknown_name('column', name, map(str, frame.columns))}")
    for name in targets:
        if name in named:
            raise DataError(
                f"column {name!r} is the target and cannot be an input too: the model would be "
                "told the answer; leave it out of inputs"
            )
    if not len(frame):
        raise DataError("there are names of columns and no rows; give at least one example")
    groups = inputs or {"": _features(frame, special, where)}
    matrices = {name: array_of(frame[list(group)], where) for name, group in groups.items()}
    for group in groups.values():
        _say_missing(frame[list(group)], where)
    labels = {name: labels_of(frame[name], where) for name in targets}
    return Part(
        matrices if inputs else matrices[""],
        labels[target] if isinstance(target, str) else labels,
        None if weights is None else labels_of(frame[weights], where),
        columns={f"x.{name}" if name else "x": tuple(map(str, g)) for name, g in groups.items()},
    )


def _features(frame: "pd.DataFrame", special: list[str], where: Where) -> list[str]:
    """The columns that are inputs where none are named: all but the target, and a saved index."""
    found = []
    for name in (name for name in frame.columns if name not in special):
        column = frame[name]
        unnamed = str(name).startswith("Unnamed:") or str(name) == "nan"
        if column.isna().all():
            if not unnamed:
                raise DataError(f"column {name!r} is empty; leave it out, or fill it in")
            _say(f"column {name!r} is empty and is left out: the lines end with a separator")
        elif unnamed and column.dtype.kind in "iu" and column.is_unique:
            _say(f"column {name!r} is left out: it is the index that was saved with the frame")
        else:
            if column.dtype.kind in "iu" and len(column) >= _FEWEST_ROWS and _runs(column):
                _say(
                    f"column {name!r} numbers the rows from {where(0)} on, and is trained on: if "
                    "the rows have an order it tells the model the label; leave it out (inputs=)"
                )
            found.append(name)
    if not found:
        raise DataError("there is no column beside the target; give the inputs of the model")
    return found


def _runs(column: Any) -> bool:
    """Whether a column counts up, as a running number or the key of a table does."""
    return bool(column.is_monotonic_increasing and column.is_unique)


def _say(text: str) -> None:
    warnings.warn(text, SearchWarning, stacklevel=4)


def _say_missing(frame: Any, where: Where) -> None:
    for name in frame.columns:
        wrong = frame[name].isna().to_numpy()
        if wrong.any():
            _say(
                f"column {name!r} has no value in {int(wrong.sum())} of {len(wrong)} rows, the "
                f"first in {where(int(wrong.argmax()))}; fill it in, unless the model does"
            )


def _refuse_missing(column: Any, where: Where, what: str) -> None:
    wrong = column.isna().to_numpy()
    if wrong.any():
        raise DataError(
            f"column {column.name!r}: every example needs a {what}, got {int(wrong.sum())} "
            f"without, the first in {where(int(wrong.argmax()))}; drop those rows"
        )


def _holds_texts(column: Any) -> bool:
    """Whether a column is of texts, and not of numbers with some cells that are none."""
    known = column.dropna()
    if column.dtype.kind not in "OSUT" or not len(known):
        return False
    if isinstance(column.dtype.type, type) and column.dtype.name == "category":
        return False
    texts = [isinstance(value, str | bytes) for value in known]
    return all(texts) and sum(map(_is_number, known)) * 2 <= len(known)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _no_numbers(column: Any, where: Where, *, texts: bool) -> str:
    """What is wrong with a column that should hold numbers."""
    wrong = [row for row, value in enumerate(column) if not _is_number(value)]
    row = wrong[0] if wrong else 0
    count = f" in {len(wrong)} of {len(column)} rows, the first" if len(wrong) > 0 else ""
    remedy = "encode it (pandas.get_dummies for categories), or leave it out"
    if wrong and 2 * len(wrong) < len(column):
        remedy = "correct those cells, or leave them empty and have the model fill them in"
    elif texts:
        remedy = f"{remedy}, or give texts an input (inputs=)"
    return (
        f"column {column.name!r} must hold numbers, got {column.dtype} with "
        f"{column.iloc[row]!r}{count} in {where(row)}; {remedy}"
    )


def _read(path: Path, targets: Sequence[str]) -> "pd.DataFrame":
    """The file by the first separator that gives the names of the targets; else by commas."""
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
    """The line of the file in which a row of the frame ends: blank lines are no rows."""
    for number, (line, _) in enumerate(_records(path)):
        if number == row + 1:
            return line
    return row + 2


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    ignored = contextlib.suppress(OSError, UnicodeDecodeError, csv.Error)
    with ignored, path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        yield from ((reader.line_num, cells) for cells in reader if cells)
