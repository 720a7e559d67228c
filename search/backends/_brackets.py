"""Hyperband's brackets (Li et al., JMLR 2018, algorithm 1): how many configurations, how long.

A sweep is one pass over all brackets; bracket s starts many configurations on few epochs (the
larger s, the more of them) and promotes the best 1/factor of each rung to the next. A sweep has the
paper's numbers n and r in its first rungs. Later rungs are rounded up, as KerasTuner does, where
the paper rounds down; and where max_epochs is no power of the factor, epochs are rounded up too,
so that the last rung always trains max_epochs.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bracket:
    """One bracket: its number s in the paper, and for each rung the configurations and epochs."""

    number: int
    sizes: tuple[int, ...]
    epochs: tuple[int, ...]


def sweep(max_epochs: int, factor: int, configurations: int | None = None) -> tuple[Bracket, ...]:
    """The brackets of one sweep, most aggressive first.

    With a number of configurations, these are shared out in proportion to the natural sizes
    (largest remainder first). A bracket of several rungs that would get fewer than `factor`
    gives its share to the most aggressive one.

    >>> [bracket.sizes for bracket in sweep(9, 3)]
    [(9, 3, 1), (5, 2), (3,)]
    >>> [bracket.sizes for bracket in sweep(9, 3, configurations=5)]
    [(4, 2, 1), (1,)]
    """
    sizes = natural_sizes(max_epochs, factor)
    if configurations is not None:
        sizes = _resized(sizes, factor, configurations)
    return tuple(
        Bracket(
            number,
            rungs(size, number, factor),
            tuple(_ceil_div(max_epochs, factor ** (number - rung)) for rung in range(number + 1)),
        )
        for number, size in sizes.items()
        if size > 0
    )


def _ceil_div(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


def rungs(size: int, number: int, factor: int) -> tuple[int, ...]:
    """The sizes of all rungs of bracket `number` whose first holds `size` configurations."""
    return tuple(_ceil_div(size, factor**rung) for rung in range(number + 1))


def natural_sizes(max_epochs: int, factor: int) -> dict[int, int]:
    """The first rung's size by bracket: n = ceil((s_max + 1) * factor**s / (s + 1))."""
    s_max = _whole_log(max_epochs, factor)
    return {s: _ceil_div((s_max + 1) * factor**s, s + 1) for s in range(s_max, -1, -1)}


def _resized(natural: Mapping[int, int], factor: int, configurations: int) -> dict[int, int]:
    total = sum(natural.values())
    sizes = {s: configurations * size // total for s, size in natural.items()}
    by_remainder = sorted(natural, key=lambda s: -(configurations * natural[s] % total))
    for s in by_remainder[: configurations - sum(sizes.values())]:
        sizes[s] += 1
    most_aggressive = next(iter(sizes))
    for s in sizes:
        if 0 < s < most_aggressive and sizes[s] < factor:
            sizes[most_aggressive] += sizes[s]
            sizes[s] = 0
    return sizes


def halving(candidates: int, max_epochs: int, factor: int) -> Bracket:
    """The one bracket of scikit-learn's successive halving, with epochs as the resource.

    The arithmetic of sklearn/model_selection/_search_successive_halving.py (scikit-learn 1.9) under
    min_resources="exhaust": as many rungs as bring the candidates below the factor, the first on as
    many epochs as let the last have nearly all. Logarithms are taken in whole numbers, where
    scikit-learn's `floor(log(243, 3))` is 4.

    >>> halving(9, 10, 3)
    Bracket(number=2, sizes=(9, 3, 1), epochs=(1, 3, 9))
    >>> halving(20, 9, 3).epochs, halving(4, 9, 3).epochs
    ((1, 3, 9), (3, 9))
    """
    needed = _whole_log(candidates, factor)
    first = max(1, max_epochs // factor**needed)
    number = min(needed, _whole_log(max_epochs // first, factor))
    epochs = tuple(first * factor**rung for rung in range(number + 1))
    return Bracket(number, rungs(candidates, number, factor), epochs)


def _whole_log(value: int, base: int) -> int:
    exponent = 0  # in whole numbers: math.log(243, 3) is below 5
    while base ** (exponent + 1) <= value:
        exponent += 1
    return exponent
