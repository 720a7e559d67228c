"""Objective of a study: a metric, its direction, and the epoch whose value is the score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from search.errors import UsageError

Metrics: TypeAlias = Mapping[str, float]
Direction: TypeAlias = Literal["max", "min"]
ScoreAt: TypeAlias = Literal["best", "last"]


@dataclass(frozen=True, slots=True)
class Objective:
    """Metric to optimise.

    Attributes:
        metric: Keras's name of the metric, such as "val_accuracy".
        direction: "max" or "min".
        score_at: Epoch that gives a trial its score and its weights: "best", or "last" (for a
            search over the number of epochs).

    Raises:
        UsageError: The direction is neither "max" nor "min".

    Example:
        >>> Objective("val_loss", "min").best_epoch([0.9, 0.5, 0.7])
        2
    """

    metric: str
    direction: Direction
    score_at: ScoreAt = "best"

    def __post_init__(self) -> None:
        if self.direction not in ("max", "min"):
            raise UsageError(
                f"objective {self.metric}: direction must be 'max' or 'min', not "
                f"{self.direction!r}. Correct it."
            )

    @property
    def plain(self) -> dict[str, str]:
        """The metric and its direction as JSON data."""
        return {"metric": self.metric, "direction": self.direction}

    def better(self, score: float, than: float) -> bool:
        """Return whether `score` is strictly better than `than`."""
        return score > than if self.direction == "max" else score < than

    def sort_key(self, score: float) -> float:
        """Return a sort key: ascending order puts the best score first."""
        return -score if self.direction == "max" else score

    def best_epoch(self, values: Sequence[float]) -> int:
        """Return the epoch, counted from 1, that gives the score; the first among equal ones.

        Args:
            values: The metric after epochs 1, 2, ...; not empty.
        """
        if self.score_at == "last":
            return len(values)
        return min(range(len(values)), key=lambda index: self.sort_key(values[index])) + 1
