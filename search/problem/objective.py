"""What a study optimises: one metric, its direction, and which epoch's value counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from search.errors import UsageError

Metrics: TypeAlias = Mapping[str, float]
Direction: TypeAlias = Literal["max", "min"]
ScoreAt: TypeAlias = Literal["best", "last"]


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric by its Keras name ("val_accuracy"), to be made large ("max") or small ("min").

    `score_at` says whose epoch's weights a trial hands over, and so which value is its score:
    the best epoch (default), or the last one, where the number of epochs is itself searched.

    >>> Objective("val_loss", "min").best_epoch([0.9, 0.5, 0.7])
    2
    """

    metric: str
    direction: Direction
    score_at: ScoreAt = "best"

    def __post_init__(self) -> None:
        if self.direction not in ("max", "min"):
            raise UsageError(
                f"objective {self.metric}: direction must be 'max' or 'min', got {self.direction!r}"
            )

    def better(self, score: float, than: float) -> bool:
        """Whether `score` is strictly better."""
        return score > than if self.direction == "max" else score < than

    def sort_key(self, score: float) -> float:
        """A key under which sorting ascending puts the best score first."""
        return -score if self.direction == "max" else score

    def best_epoch(self, values: Sequence[float]) -> int:
        """The 1-based epoch whose weights are handed over; the first one among equals.

        `values`: the metric after epochs 1, 2, ...; not empty.
        """
        if self.score_at == "last":
            return len(values)
        return min(range(len(values)), key=lambda index: self.sort_key(values[index])) + 1
