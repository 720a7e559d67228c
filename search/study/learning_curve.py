"""The epochs of one trial as a sequence of reports that takes few bytes."""

import math
from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from search.study.trial import EpochReport


class Curve(Sequence[EpochReport]):
    """Reports of epochs 1, 2, ..., stored as rows of numbers and created again at each access.

    A study of 100,000 trials holds all curves in memory: a row has 8 bytes for its seconds and for
    each metric, an `EpochReport` several hundred. `names`: the expected metrics; curves with the
    same names share one tuple.

    >>> curve = Curve("1")
    >>> curve.append(EpochReport("1", 1, {"loss": 0.5}, 2.0))
    >>> curve[0], len(curve), curve.values("loss")
    (EpochReport(trial='1', epoch=1, metrics={'loss': 0.5}, seconds=2.0), 1, [0.5])
    """

    __slots__ = ("_numbers", "_trial", "names")

    def __init__(self, trial: str, names: tuple[str, ...] = ()) -> None:
        self.names = names
        self._trial = trial
        self._numbers = array("d")  # rows: the seconds, then the metrics by `names`

    def append(self, report: EpochReport) -> None:
        """Add the next epoch; its number is ignored."""
        names = tuple(report.metrics)
        if names != self.names:
            self._widen(names)
        self._add(report)

    def _add(self, report: EpochReport) -> None:
        self._numbers.append(report.seconds)
        # metrics are finite (`EpochReport`), so NaN can stand for one that this epoch lacks
        self._numbers.extend([report.metrics.get(name, math.nan) for name in self.names])

    def values(self, metric: str) -> list[float]:
        """One metric by epoch.

        Raises: KeyError when an epoch does not have it.
        """
        if not self:
            return []
        if metric not in self.names:
            raise KeyError(metric)
        values = self._column(1 + self.names.index(metric))
        if any(map(math.isnan, values)):
            raise KeyError(metric)
        return values

    @property
    def seconds(self) -> float:
        """Seconds of all epochs."""
        return sum(self._column(0))

    def __len__(self) -> int:
        return len(self._numbers) // self._width

    @overload
    def __getitem__(self, index: int) -> EpochReport: ...

    @overload
    def __getitem__(self, index: slice) -> list[EpochReport]: ...

    def __getitem__(self, index: int | slice) -> EpochReport | list[EpochReport]:
        if isinstance(index, slice):
            return [self._report(place) for place in range(len(self))[index]]
        return self._report(range(len(self))[index])

    def __iter__(self) -> Iterator[EpochReport]:
        return map(self._report, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        return f"Curve({list(self)!r})"

    @property
    def _width(self) -> int:
        return len(self.names) + 1

    def _column(self, place: int) -> list[float]:
        return self._numbers[place :: self._width].tolist()

    def _report(self, place: int) -> EpochReport:
        seconds, *row = self._numbers[place * self._width : (place + 1) * self._width]
        metrics = {n: v for n, v in zip(self.names, row, strict=True) if not math.isnan(v)}
        return EpochReport(self._trial, place + 1, metrics, seconds)

    def _widen(self, names: tuple[str, ...]) -> None:
        """Make room for metrics that no epoch had before."""
        if not self:
            self.names = names
            return
        if set(names) <= set(self.names):
            return
        reports = list(self)
        self.names = tuple(dict.fromkeys((*self.names, *names)))
        self._numbers = array("d")
        for report in reports:
            self._add(report)
