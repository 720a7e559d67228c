"""Draw many lines as one trace, because thousands of traces make a page slow."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def gapped(
    rows: "pd.DataFrame", x: str, y: str
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Return coordinates of one line per trial, separated by NaN, and the trial of each point.

    Args:
        rows: Frame with a column `trial`. The rows of a trial may be scattered; its line follows
            their order.
        x: Name of the column for the x axis.
        y: Name of the column for the y axis.

    Returns:
        Three arrays of one length: x (float), y (float) and trial names (object).
    """
    import numpy as np

    codes = rows["trial"].factorize()[0]
    order = np.argsort(codes, kind="stable")
    ends = np.flatnonzero(np.diff(codes[order])) + 1
    along, up = (rows[name].to_numpy(dtype=float)[order] for name in (x, y))
    trials = rows["trial"].to_numpy(dtype=object)[order]
    return (
        np.insert(along, ends, np.nan),
        np.insert(up, ends, np.nan),
        np.insert(trials, ends, trials[ends]),
    )
