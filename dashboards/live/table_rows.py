"""The table of trials as data: filter, order and pages."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.study.progress_text import score_text

if TYPE_CHECKING:
    import pandas as pd

PAGE = 25
_TERM = re.compile(r"([^<>=!:]+)(<=|>=|!=|<|>|=|:)(.+)")
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filter, order and page that a reader has chosen. `by`: "" for the order of the trials."""

    text: str = ""
    by: str = ""
    descending: bool = False
    page: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of the table as texts. `remark`: the invalid part of the filter, or ""."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    page: int
    pages: int
    found: int
    total: int
    remark: str


def page(trials: "pd.DataFrame", wanted: Wanted) -> Page:
    """Return one page of the matching trials. Parameters and labels have short names."""
    frame = trials.rename(columns=short_names(list(trials.columns)))
    found, remark = _matching(frame, wanted.text)
    if wanted.by in found:
        found = _ordered(found, wanted.by, descending=wanted.descending)
    pages = max(-(-len(found) // PAGE), 1)
    at = min(max(wanted.page, 0), pages - 1)
    shown = found.iloc[at * PAGE : (at + 1) * PAGE].astype(object)
    shown = shown.where(shown.notna(), None)
    columns = tuple(map(str, frame.columns))
    rows = tuple(
        tuple(cell(name, value) for name, value in zip(columns, row, strict=True))
        for row in shown.itertuples(index=False, name=None)
    )
    return Page(columns, rows, at, pages, len(found), len(frame), remark)


def short_names(columns: Sequence[str]) -> dict[str, str]:
    """Remove the prefixes "params." and "labels." from column names that stay unique.

    >>> short_names(["trial", "params.layers", "labels.rung", "params.rung"])["params.layers"]
    'layers'
    """
    short = [name.partition(".")[2] or name for name in columns]
    return {
        name: name if short.count(word) > 1 else word
        for name, word in zip(columns, short, strict=True)
    }


def cell(column: str, value: Any) -> str:
    """Return a value as text for the table; "" for a missing value."""
    if value is None:
        return ""
    if column == "score":
        return score_text(float(value))
    if column == "seconds":
        return f"{value:.1f}"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.4g}"
    return str(value)


def _matching(frame: "pd.DataFrame", text: str) -> "tuple[pd.DataFrame, str]":
    """Return the rows that match all terms: a plain word, or a comparison such as `name>value`."""
    remark = ""
    for word in text.split():
        term = _TERM.fullmatch(word)
        if term is None:
            texts = frame.map(str).agg(" ".join, axis=1) if len(frame) else frame["trial"]
            frame = frame[texts.str.contains(word, case=False, regex=False)]
            continue
        name, sign, value = term.groups()
        if name not in frame:
            remark = f"no column {name!r}"
            continue
        kept = _compared(frame[name], sign, value)
        if kept is None:
            remark = f"{name} {sign} needs a number, got {value!r}"
            continue
        frame = frame[kept]
    return frame, remark


def _compared(column: "pd.Series[Any]", sign: str, value: str) -> "pd.Series[bool] | None":
    import pandas as pd

    number = pd.to_numeric(pd.Series([value]), errors="coerce")[0]
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    if sign in _ORDERS:
        return None if number != number else _ORDERS[sign](numbers, number)
    if sign == ":":
        return column.astype("string").str.contains(value, case=False, regex=False).fillna(False)
    same = column.astype("string").str.lower().eq(value.lower()).fillna(False).astype(bool)
    if number == number:
        same |= numbers.eq(number)
    return ~same if sign == "!=" else same


def _ordered(frame: "pd.DataFrame", by: str, *, descending: bool) -> "pd.DataFrame":
    """Sort rows, numerically if all values are numbers. Missing values are last, ties in order."""
    import pandas as pd

    values = frame[by]
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    all_numbers = bool((numbers.notna() | values.isna()).all())
    key = numbers if all_numbers else values.astype("string")
    order = key.sort_values(ascending=not descending, kind="stable", na_position="last").index
    return frame.loc[order]
