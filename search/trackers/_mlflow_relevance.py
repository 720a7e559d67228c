"""How much a parameter seems to matter: the share of the scores' ranks that its values explain.

A one-way analysis of variance on ranks (the idea of Kruskal and Wallis, JASA 1952) with Kelley's
correction for the number of groups (epsilon squared, PNAS 1935). It needs no library and no model,
sees effects that rise and fall again, and takes words as well as numbers; effects that two
parameters have only together it does not see.
"""

from collections.abc import Sequence

_GROUPS = 4  # numbers with more values than that are cut into so many groups of equal size


def relevance(values: Sequence[float | str | bool], scores: Sequence[float]) -> float:
    """From 0, nothing or too few to say, to 1: the value decides the order of the scores.

    `values`: a parameter's value in each trial that had it, `scores`: what the trial came to.

    >>> relevance([1, 1, 2, 2], [0.1, 0.2, 0.8, 0.9])
    0.7
    >>> relevance(["sgd", "adam", "sgd", "adam"], [0.1, 0.2, 0.3, 0.4])
    0.0
    """
    count = len(scores)
    groups = _grouped(values)
    if not 1 < len(set(groups)) < count:
        return 0.0
    ranks = _ranks(scores)
    mean = (count + 1) / 2
    total = sum((rank - mean) ** 2 for rank in ranks)
    if total == 0:
        return 0.0
    members: dict[object, list[float]] = {}
    for group, rank in zip(groups, ranks, strict=True):
        members.setdefault(group, []).append(rank)
    between = sum(len(of) * (sum(of) / len(of) - mean) ** 2 for of in members.values())
    explained = 1 - (1 - between / total) * (count - 1) / (count - len(members))
    return round(max(0.0, explained), 9)


def _grouped(values: Sequence[float | str | bool]) -> Sequence[object]:
    """Words as they are; numbers of many values by where they stand in the order."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(values) or len(set(numbers)) <= _GROUPS:
        return values
    return [int((rank - 0.5) * _GROUPS / len(numbers)) for rank in _ranks(numbers)]


def _ranks(numbers: Sequence[float]) -> list[float]:
    """Where each number stands, 1 for the lowest; equal ones share the mean of their places.

    >>> _ranks([5, 7, 5])
    [1.5, 3.0, 1.5]
    """
    places: dict[float, list[int]] = {}
    for place, number in enumerate(sorted(numbers), start=1):
        places.setdefault(number, []).append(place)
    return [sum(places[number]) / len(places[number]) for number in numbers]
