"""SVG elements of a network drawing: neurons, boxes, labels and lines."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from dashboards.diagrams._layout import Position, spots
from dashboards.figures.theme import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY
from search.study.architecture import Layer, Network, sizes
from search.study.progress_text import clipped

_WIDEST = 460  # width of a band, so that texts are readable in a drawing of 390 pixels
_STEP, _RADIUS, _LINE = 14, 5, 12
_MARGIN = 14
_SHORT = {
    "InputLayer": "Input",
    "BatchNormalization": "BatchNorm",
    "LayerNormalization": "LayerNorm",
    "Concatenate": "Concat",
    "GlobalAveragePooling2D": "GlobalAvgPool",
    "GlobalMaxPooling2D": "GlobalMaxPool",
}
_COLOURS = {"Dense": BLUE, "Input": GREY, "Conv": ORANGE, "Pool": GREEN, "Drop": PURPLE}
_WIDTHS = {"neurons": 64, "box": 72, "thin": 34}


def safe(text: str) -> str:
    """Escape a text for XML, and remove control characters."""
    return escape("".join(filter(str.isprintable, text)))


def called(layer: Layer) -> str:
    """Return the label of a layer: its name, its kind, and the note on its kind."""
    words = [layer.name and f"{layer.name},", _SHORT.get(layer.kind, layer.kind), layer.note]
    return " ".join(word for word in words if word)


def _look(layer: Layer) -> str:
    """Return the shape of a layer: "neurons", "box" or "thin"."""
    if layer.kind == "Dense" or (layer.kind == "InputLayer" and len(layer.shape or ()) < 2):
        return "neurons"
    if layer.kind == "InputLayer" or (layer.parameters and "Normalization" not in layer.kind):
        return "box"
    return "thin"


def _colour(layer: Layer) -> str:
    kind = _SHORT.get(layer.kind, layer.kind)
    return next((colour for word, colour in _COLOURS.items() if word in kind), SKY)


@dataclass(frozen=True, slots=True)
class _Node:
    """A layer in the drawing: its shape, its centre, and the y values of its neurons."""

    layer: Layer
    look: str
    position: Position
    y: float
    neurons: tuple[float, ...]
    gap: bool

    @property
    def half(self) -> float:
        """Half its width."""
        return {"neurons": _RADIUS, "box": 24, "thin": 10}[self.look]

    @property
    def left(self) -> float:
        return self.x - self.half

    @property
    def right(self) -> float:
        return self.x + self.half

    @property
    def x(self) -> float:
        return self.position.x + _MARGIN


class Canvas:
    """The drawing of a network: nodes, and the edges between them. `size`: width and height."""

    def __init__(self, network: Network) -> None:
        looks = [_look(layer) for layer in network.layers]
        places = spots(network, [_WIDTHS[look] for look in looks], _WIDEST)
        bands = max((position.band for position in places), default=0) + 1
        lanes = [1] * bands
        for position in places:
            lanes[position.band] = max(lanes[position.band], position.lane + 1)
        self._tall = 8 * _STEP if max(lanes) == 1 else 6 * _STEP
        self._lane = self._tall + 3 * _LINE + 16
        self._tops = [_MARGIN + sum(lanes[:band]) * self._lane for band in range(bands)]
        both = zip(network.layers, looks, places, strict=True)
        self._nodes = [self._node(layer, look, position) for layer, look, position in both]
        right = max(
            (position.x + _WIDTHS[look] / 2 for position, look in zip(places, looks, strict=True)),
            default=0,
        )
        self.size = right + 2 * _MARGIN, self._tops[-1] + lanes[-1] * self._lane

    def _node(self, layer: Layer, look: str, position: Position) -> _Node:
        y = self._tops[position.band] + position.lane * self._lane + self._tall / 2
        units = layer.units or 1
        most = self._tall // _STEP
        shown = min(units, most)
        if units > most:  # wider layers show more neurons, by powers of four
            shown = min(most, most - 3 + max(0, math.ceil(math.log(units / 16, 4))))
        top = y - (shown - 1) * _STEP / 2
        heights = tuple(top + place * _STEP for place in range(shown))
        return _Node(layer, look, position, y, heights, gap=shown < units)

    def nodes(self) -> Iterator[str]:
        """Yield the SVG of every layer, with the label below it."""
        draws = {"neurons": self._neurons, "box": self._box, "thin": self._thin}
        for node in self._nodes:
            hint = f"{called(node.layer)}: {sizes(node.layer.shape)} {node.layer.activation}"
            inside = draws[node.look](node)
            yield f"<g><title>{safe(hint.rstrip())}</title>{inside}</g>"

    def _neurons(self, node: _Node) -> str:
        colour = _colour(node.layer)
        middle = len(node.neurons) // 2 if node.gap else -1
        dots = "".join(
            f'<circle cx="{node.x:g}" cy="{y:g}" r="{_RADIUS}" fill="{colour}" fill-opacity=".45"/>'
            for place, y in enumerate(node.neurons)
            if place != middle
        )
        if node.gap:
            y = node.neurons[middle]
            dots += "".join(
                f'<circle cx="{node.x:g}" cy="{y + dy:g}" r="1" fill="currentColor"/>'
                for dy in (-4, 0, 4)
            )
        below = node.neurons[-1] if node.neurons else node.y
        return dots + _words(node, below + _RADIUS)

    def _box(self, node: _Node) -> str:
        colour, sheets = _colour(node.layer), (4, 0) if len(node.layer.shape or ()) > 2 else (0,)
        rects = "".join(
            f'<rect x="{node.left + shift:g}" y="{node.y - 24 - shift:g}" width="44" height="48" '
            f'rx="2" fill="{colour}" fill-opacity=".35"/>'
            for shift in sheets
        )
        return rects + _words(node, node.y + 26)

    def _thin(self, node: _Node) -> str:
        tall = 6 * _STEP + 16
        kind = _SHORT.get(node.layer.kind, node.layer.kind)
        text = safe(f"{kind} {_times(node.layer.note)}".strip()[:20])
        return (
            f'<rect x="{node.left:g}" y="{node.y - tall / 2:g}" width="20" height="{tall}" rx="3" '
            f'fill="{_colour(node.layer)}" fill-opacity=".3"/>'
            f'<text transform="translate({node.x + 3.5:g} {node.y:g}) rotate(-90)" '
            f'text-anchor="middle" fill="currentColor" stroke="none">{text}</text>'
        )

    def edges(self) -> Iterator[str]:
        """Yield the SVG of the edges. All lines between two layers of neurons are one path."""
        for node in self._nodes:
            for place in node.layer.inbound:
                fed = self._nodes[place]
                near = (
                    fed.position.band == node.position.band
                    and fed.position.column + 1 == node.position.column
                )
                path = "".join(_fan(fed, node)) if near else self._way(fed, node)
                faint = ".22" if near and "neurons" in (fed.look, node.look) else ".6"
                yield f'<path d="{path}" stroke-opacity="{faint}"/>'

    def _way(self, fed: _Node, node: _Node) -> str:
        """Return the path past other columns: along the lane, over its layers, or to a new row."""
        start, end = f"M{fed.right:g} {fed.y:g}", f"{node.left:g} {node.y:g}"
        if fed.position.band != node.position.band:
            edge, above = self.size[0] - 5, self._tops[node.position.band] - 8
            return f"{start}H{edge:g}V{above:g}H5V{node.y:g}H{node.left:g}"
        if fed.position.lane != node.position.lane:
            turn = node.left - 22
            return f"{start}H{turn:g}C{turn + 14:g} {fed.y:g} {turn + 8:g} {node.y:g} {end}"
        top = fed.y - self._tall / 2 - 12
        return (
            f"{start}Q{fed.right + 8:g} {top:g} {fed.right + 20:g} {top:g}"
            f"H{node.left - 20:g}Q{node.left - 8:g} {top:g} {end}"
        )


def _fan(fed: _Node, node: _Node) -> Iterator[str]:
    """Yield the lines from each neuron to each neuron; a box counts as one neuron."""
    starts, ends = (one.neurons if one.look == "neurons" else (one.y,) for one in (fed, node))
    hidden = [
        one.neurons[len(one.neurons) // 2] if one.gap and one.look == "neurons" else None
        for one in (fed, node)
    ]
    for start in starts:
        for end in ends:
            if start != hidden[0] and end != hidden[1]:
                yield f"M{fed.right:g} {start:g}L{node.left:g} {end:g}"


def _words(node: _Node, below: float) -> str:
    """Up to three lines below a layer: what it is, how wide, its activation."""
    layer = node.layer
    kind = layer.name or _SHORT.get(layer.kind, layer.kind)
    note = layer.note if node.look == "box" else ""
    lines = [kind, _times(sizes(layer.shape)), f"{_times(note)} {layer.activation}".strip()]
    return "".join(
        f'<text x="{node.x:g}" y="{below + _LINE * place:g}" text-anchor="middle" '
        f'fill="currentColor" stroke="none">{safe(clipped(line, 12))}</text>'
        for place, line in enumerate(filter(None, lines), start=1)
    )


def _times(sizes: str) -> str:
    return sizes.replace("x", "×") if sizes[:1].isdigit() or sizes[:1] == "?" else sizes
