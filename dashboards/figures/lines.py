"""Many lines as one trace: thousands of traces would make a page slow."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def gapped(
    rows: "pd.DataFrame", x: str, y: str
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Coordinates of a line per trial, NaN between them, and the trial of each place.

    A trial's rows need not stand together; its line follows their order.
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
