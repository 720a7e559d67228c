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
    """Return the number of points of the grid, without enumerating them.

    Raises: UsageError for an active Float with neither levels nor step, and for a space whose
    conditions allow too many combinations.
    """
    points = count(space.nodes, _level_count, _levels)
    if points is None:  # every parameter has levels
        raise UsageError(
            f"The conditions among {len(space.nodes)} parameters allow too many combinations to "
            "compute the size of the grid. Fix some parameters with --set, or choose another "
            "--backend."
        )
    return points


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """Return the size of the grid."""
    return size(space)


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """Return a remark on the size of the grid."""
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
    """The points of the grid by index, without enumerating them.

    Each point belongs to one structure of the space, i.e. to one set of active parameters. So a
    point contains active parameters only, and no point occurs twice. ParameterGrid indexes the
    points of a structure. If one ParameterGrid would be too large for 64 bits, several are used.
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

    This is the Fisher-Yates shuffle (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm P).
    Only the positions exchanged so far are stored, so that k numbers need memory for k positions.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._drawn = 0
        self._moved: dict[int, int] = {}
        self._random = random.Random(seed)

    def next(self) -> int | None:
        """Return the next number; None after the last one."""
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
    """Visit the points of the grid in a seeded random order, except for known points.

    Because of the random order, a study that visits only part of the grid is a random sample of it.

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
