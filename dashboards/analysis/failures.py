"""Failed trials grouped by their cause, with what to do about each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_LONGEST = 300  # characters of a message
_MEMORY = ("MemoryError", "ResourceExhaustedError", "InternalError")


@dataclass(frozen=True, slots=True)
class Cause:
    """Trials that failed alike: of one kind, with messages that differ in numbers alone.

    `message`: that of the first of them. `remedy`: what to do.
    """

    kind: str
    message: str
    trials: Sequence[str]
    remedy: str


def causes(failures: "pd.DataFrame") -> list[Cause]:
    """The causes of a frame of failures, those of most trials first."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    rows = zip(failures["trial"], failures["kind"], failures["message"], strict=True)
    for trial, kind, message in rows:
        text = " ".join(str(message).split())
        alike = str(kind), re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "0", text)
        groups.setdefault(alike, []).append((str(trial), text))
    found = [
        Cause(kind, _cut(members[0][1]), [trial for trial, _ in members], remedy(kind))
        for (kind, _), members in groups.items()
    ]
    return sorted(found, key=lambda cause: -len(cause.trials))


def remedy(kind: str) -> str:
    """What to do about failures of a kind.

    >>> remedy("nan")
    'Leave out the highest learning rates, or clip gradients (clipnorm of the optimizer).'
    """
    if kind == "nan":
        return (
            "Leave out the highest learning rates, or clip gradients (clipnorm of the optimizer)."
        )
    if kind == "objective":
        return (
            "The objective has no finite value for these settings: define it where it divides by "
            "zero, or choose another objective."
        )
    if kind == "lost":
        return (
            "A worker died or took too long: fewer --workers leave each more memory, a longer "
            "--trial-timeout more time."
        )
    if kind in _MEMORY:
        return "Memory ran out: smaller models or batches, or fewer --workers."
    return (
        "The model could not be built or trained with these settings: correct build, or exclude "
        "them with when= in the space. MLflow keeps the traceback with the trial."
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
