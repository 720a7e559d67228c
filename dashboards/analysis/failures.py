"""Group failed trials by cause, each with a remedy."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.study.progress_text import clipped

if TYPE_CHECKING:
    import pandas as pd

_LONGEST = 300  # characters of a message
_MEMORY = ("MemoryError", "ResourceExhaustedError", "InternalError")


@dataclass(frozen=True, slots=True)
class Cause:
    """Trials that failed for the same reason: equal kinds, and messages equal up to numbers.

    `message`: the message of the first trial. `remedy`: what the user can do.
    """

    kind: str
    message: str
    trials: Sequence[str]
    remedy: str


def causes(failures: "pd.DataFrame") -> list[Cause]:
    """Return the causes in a frame of failures, the most frequent first."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    rows = zip(failures["trial"], failures["kind"], failures["message"], strict=True)
    for trial, kind, message in rows:
        text = " ".join(str(message).split())
        alike = str(kind), re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "0", text)
        groups.setdefault(alike, []).append((str(trial), text))
    found = [
        Cause(
            kind,
            clipped(members[0][1], _LONGEST, "..."),
            [trial for trial, _ in members],
            remedy(kind),
        )
        for (kind, _), members in groups.items()
    ]
    return sorted(found, key=lambda cause: -len(cause.trials))


def remedy(kind: str) -> str:
    """Return the remedy for failures of a kind.

    >>> remedy("nan")
    'Exclude the highest learning rates, or clip gradients (clipnorm of the optimizer).'
    """
    if kind == "nan":
        return "Exclude the highest learning rates, or clip gradients (clipnorm of the optimizer)."
    if kind == "objective":
        return (
            "The objective has no finite value for these settings. Handle a division by zero in "
            "its function, or choose another objective."
        )
    if kind == "lost":
        return (
            "A worker died or exceeded the time limit. Use fewer --workers to give each more "
            "memory, or a longer --trial-timeout."
        )
    if kind in _MEMORY:
        return "Out of memory. Use smaller models or batches, or fewer --workers."
    return (
        "The model could not be built or trained with these settings. Correct build, or exclude "
        "the settings with when= in the space. MLflow keeps the traceback of the trial."
    )
