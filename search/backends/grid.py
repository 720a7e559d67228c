"""Grid search: every combination of the declared levels, with scikit-learn's ParameterGrid."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.backends._sequential import SequentialBackend
from search.backends.base import BackendSettings, Known, whole_budgets
from search.errors import UsageError
from search.seeds import seed_for
from search.space._enumeration import Structures, count
from search.space.parameters import Parameter, Scalar
from search.space.space import Space
from search.study.trial import Answer, Exhausted

if TYPE_CHECKING:
    from sklearn.model_selection import ParameterGrid

EPOCHS_AS_BUDGET = False
planned_epochs = whole_budgets

# ParameterGrid takes the product of its sizes in 64 bits (scikit-learn 1.9, __getitem__).
_LARGEST = 2**62


def size(space: Space) -> int:
    """How many points the grid has, counted without making it.

    Raises: UsageError for an active Float with neither levels nor step, and for a space whose
    conditions depend on each other too much to be counted.
    """
    points = count(space.nodes, _level_count, _levels)
    if points is None:  # every parameter has levels
        raise UsageError(
            f"The conditions between {len(space.nodes)} parameters have too many combinations to "
            "count a grid. Fix some parameters with --set, or use another --backend."
        )
    return points


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """The whole grid."""
    return size(space)


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The size of the grid."""
    return (f"the grid has {size(space):,} points, visited in a random order of the seed",)


def _levels(parameter: Parameter) -> Sequence[Scalar]:
    levels = parameter.grid_levels()
    if levels is None:
        raise UsageError(
            f"{parameter.name}: a grid needs levels or a step for a Float. Add levels=(...), or "
            f"use --set {parameter.name}=a,b,c."
        )
    return levels


def _level_count(parameter: Parameter) -> int:
    return len(_levels(parameter))


class _Points:
    """The points of the grid by their number, without listing them.

    A point lies in one structure of the space, that is in one of the ways its conditions can turn
    out: so it holds active names only and none comes twice. ParameterGrid counts the points of the
    structure, several of them where one would be too large for scikit-learn's arithmetic.
    """

    def __init__(self, space: Space) -> None:
        self.size = size(space)
        self._parameters = {node.name: node.parameter for node in space.nodes}
        self._space = space
        self._structures = Structures(space.nodes, _level_count, _levels)

    def __getitem__(self, number: int) -> dict[str, Scalar]:
        structure, offset = self._structures.find(number)
        levels = {
            name: _levels(self._parameters[name]) if values is None else values
            for name, values in structure.items()
        }
        point: dict[str, Scalar] = {}
        for grid in _grids(levels):
            offset, here = divmod(offset, len(grid))
            point |= grid[here]
        return self._space.active(point)


def _grids(levels: dict[str, Sequence[Scalar]]) -> "list[ParameterGrid]":
    from sklearn.model_selection import ParameterGrid

    blocks: list[dict[str, Sequence[Scalar]]] = [{}]
    points = 1
    for name, values in levels.items():
        points *= len(values)
        if points > _LARGEST:
            blocks.append({})
            points = len(values)
        blocks[-1][name] = values
    return [ParameterGrid(block) for block in blocks]


class _Shuffled:
    """The numbers below `size` in a random order, one at a time.

    Fisher and Yates's shuffle (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm P) that
    remembers only the places exchanged so far, so k numbers cost memory for k.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._drawn = 0
        self._moved: dict[int, int] = {}
        self._random = random.Random(seed)

    def next(self) -> int | None:
        """The next number; None when all have been drawn."""
        if self._drawn == self._size:
            return None
        place = self._random.randrange(self._drawn, self._size)
        number = self._moved.pop(place, place)
        first = self._moved.pop(self._drawn, self._drawn)
        if place != self._drawn:
            self._moved[place] = first
        self._drawn += 1
        return number


class _Grid(SequentialBackend):
    """A grid over the levels of the space, visited in a seeded random order, less the known points.

    The order makes a grid that is cut short a random sample of itself, not one corner of it.

    Raises: UsageError for a Float with neither levels nor step.
    """

    name = "grid"

    def start(self, known: Sequence[Known]) -> None:
        self._points = _Points(self._space)
        self._order = _Shuffled(self._points.size, seed_for(self._seed, "grid order"))

    def ask(self) -> Answer:
        if self._draws.left == 0:
            return Exhausted()
        while (number := self._order.next()) is not None:
            proposal = self._draws.proposal(self._points[number])
            if proposal is not None:
                return proposal
        return Exhausted()


create = _Grid
