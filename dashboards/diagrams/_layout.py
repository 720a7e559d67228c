"""Layout of a network drawing: columns by depth, lanes for parallel branches."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.study.architecture import Network


@dataclass(frozen=True, slots=True)
class Position:
    """Position of a layer: its column, lane and band, and `x`, the centre of the column.

    Columns are wrapped into bands, as words are wrapped into lines.
    """

    column: int
    lane: int
    band: int
    x: float


def spots(network: Network, widths: Sequence[float], limit: float) -> list[Position]:
    """Return the position of each layer. `widths`: of the layers; `limit`: of a band."""
    columns = _columns(network)
    lanes = _lanes(network, columns)
    needed = [0.0] * (max(columns, default=-1) + 1)
    for column, width in zip(columns, widths, strict=True):
        needed[column] = max(needed[column], width)
    bands, middles = _wrapped(needed, limit)
    both = zip(columns, lanes, strict=True)
    return [Position(column, lane, bands[column], middles[column]) for column, lane in both]


def _columns(network: Network) -> list[int]:
    """Return the depth of each layer: the length of the longest path from an input."""
    if network.subclass:  # the order of the calls is unknown
        return list(range(len(network.layers)))
    columns: list[int] = []
    for place, layer in enumerate(network.layers):
        before = [columns[fed] for fed in layer.inbound if fed < place]
        columns.append(max(before, default=-1) + 1)
    return columns


def _lanes(network: Network, columns: list[int]) -> list[int]:
    """Return the lane of each layer: the lane of an input layer, or a free one for a branch."""
    last = list(columns)  # the last column that uses the output of a layer
    for place, layer in enumerate(network.layers):
        for fed in layer.inbound:
            last[fed] = max(last[fed], columns[place])
    lanes = [0] * len(columns)
    ends: list[int] = []  # the layer at the end of each lane
    busy: list[int] = []  # the column up to which each lane is taken
    for place in sorted(range(len(columns)), key=lambda place: (columns[place], place)):
        nearest = sorted(network.layers[place].inbound, key=lambda one: -columns[one])
        free = [lanes[one] for one in nearest if ends[lanes[one]] == one]
        if network.subclass and ends:
            free = [0]
        free += [lane for lane, column in enumerate(busy) if column < columns[place]]
        lane = free[0] if free else len(ends)
        if lane == len(ends):
            ends.append(place)
            busy.append(last[place])
        lanes[place], ends[lane] = lane, place
        busy[lane] = max(busy[lane], last[place])
    return lanes


def _wrapped(needed: Sequence[float], limit: float) -> tuple[list[int], list[float]]:
    """Return the band and the centre of each column. Bands are about equally wide."""
    count = -(-sum(needed) // limit)
    goal = sum(needed) / count if count else limit
    bands: list[int] = []
    middles: list[float] = []
    band, filled, total = 0, 0.0, 0.0
    for width in needed:
        full = filled + width > limit or total + width / 2 > goal * (band + 1)
        if filled and full:
            band, filled = band + 1, 0.0
        bands.append(band)
        middles.append(filled + width / 2)
        filled += width
        total += width
    return bands, middles
