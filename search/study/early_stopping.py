"""Early stopping as a pure function of the whole curve, with the meaning of Keras's EarlyStopping.

Keras's callback starts over at each `fit`, so that a trial promoted in two-epoch rungs never runs
out of patience. A function of the curve has no state that is reset.
"""

from collections.abc import Sequence

from search.problem.objective import Direction


def stop_epoch(
    values: Sequence[float],
    direction: Direction,
    patience: int | None,
    min_delta: float = 0.0,
) -> int | None:
    """The 1-based epoch after which training stops; None while there is still patience.

    `values`: the monitored metric after epochs 1, 2, ... `patience`: epochs without improvement
    by more than `min_delta` that are put up with (0 and 1 both stop at the first, as in Keras);
    None never stops.

    Source: keras/src/callbacks/early_stopping.py; the parity test holds it to that class.

    >>> stop_epoch([0.5, 0.6, 0.6, 0.55], "max", patience=2)
    4
    """
    if patience is None:
        return None
    best: float | None = None
    waited = 0
    for epoch, value in enumerate(values, start=1):
        gain = 0.0 if best is None else (value - best if direction == "max" else best - value)
        waited += 1
        if best is None or gain > min_delta:
            best, waited = value, 0
        if waited >= max(patience, 1):
            return epoch
    return None
