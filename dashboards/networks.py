"""A network as a small drawing (SVG) and as a table: layers, widths, activations, parameters."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from dashboards.figures.theme import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY
from dashboards.placing import Spot, spots
from search.network import Layer, Network, chain, sizes

if TYPE_CHECKING:
    import pandas as pd

_WIDEST = 460  # of a band, so that its texts can be read where the drawing is 390 pixels wide
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


def drawing(network: Network) -> str:
    """The network as SVG, to stand in a page of any colour: lines and texts take the text's.

    Dense layers and flat inputs are columns of neurons, as many as fit; convolutions, recurrent
    layers and others that hold parameters are boxes, the rest thin boxes. What runs side by side
    stands one above the other; a long network goes on in a second row. Of a subclassed model,
    whose code alone knows what joins its layers, there are the layers without lines.
    """
    looks = [_look(layer) for layer in network.layers]
    places = spots(network, [_WIDTHS[look] for look in looks], _WIDEST)
    sheet = _Sheet(network, looks, places)
    body = "".join([*sheet.edges(), *sheet.nodes()])
    width, height = sheet.size
    title = (
        f"Network: {chain(network)}" if not network.subclass else f"Layers of {network.subclass}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'style="width:100%;max-width:{width * 1.25:g}px;height:auto" fill="none" '
        'stroke="currentColor" font-family="system-ui, sans-serif" font-size="10">'
        f"<title>{escape(title)}</title><desc>{escape(_in_words(network))}</desc>{body}</svg>"
    )


def standalone(svg: str) -> str:
    """A drawing as a file of its own: dark on white, whatever shows it."""
    return svg.replace('style="', 'style="color:#222;background:#fff;', 1)


def rows(network: Network) -> list[dict[str, str | int]]:
    """A row for each layer: layer, gives, activation, parameters, takes_from."""
    named = [_called(layer) for layer in network.layers]
    return [
        {
            "layer": f"{place}: {named[place]}",
            "gives": sizes(layer.shape),
            "activation": layer.activation,
            "parameters": layer.parameters,
            "takes_from": "?" if network.subclass else ", ".join(map(str, layer.inbound)),
        }
        for place, layer in enumerate(network.layers)
    ]


def summary(network: Network) -> "pd.DataFrame":
    """The table of a network's layers; see `rows`."""
    import pandas as pd

    columns = ["layer", "gives", "activation", "parameters", "takes_from"]
    return pd.DataFrame(rows(network), columns=columns)


def table(network: Network) -> str:
    """The table of a network's layers as lines of text, with the sum of its parameters."""
    found = rows(network)
    head = ["layer", "gives", "activation", "parameters", "takes from"]
    cells = [head, *([str(cell) for cell in row.values()] for row in found)]
    cells = [[*row[:3], f"{row[3]:>10}", row[4]] for row in cells]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head) - 1)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in cells]
    lines.append(f"{network.parameters} parameters in all")
    if network.subclass:
        lines.append(f"the layers of {network.subclass} as found: its own code joins them")
    return "\n".join(lines)


def _called(layer: Layer) -> str:
    words = [layer.name and f"{layer.name},", _SHORT.get(layer.kind, layer.kind), layer.note]
    return " ".join(word for word in words if word)


def _in_words(network: Network) -> str:
    said = []
    for place, layer in enumerate(network.layers):
        words = [f"{place}: {_called(layer)} gives {sizes(layer.shape)}", layer.activation]
        if layer.inbound and layer.inbound != (place - 1,):
            words.append(f"takes from {' and '.join(map(str, layer.inbound))}")
        said.append(", ".join(word for word in words if word))
    return "; ".join(said)


def _look(layer: Layer) -> str:
    """How a layer is drawn: "neurons", "box" or "thin"."""
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
    """A layer on the sheet: what is drawn, around which point, and the heights of its neurons."""

    layer: Layer
    look: str
    spot: Spot
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
        return self.spot.x + _MARGIN


class _Sheet:
    """The drawing: its nodes at their points, and the lines between them."""

    def __init__(self, network: Network, looks: list[str], places: list[Spot]) -> None:
        self._network = network
        bands = max((spot.band for spot in places), default=0) + 1
        lanes = [1] * bands
        for spot in places:
            lanes[spot.band] = max(lanes[spot.band], spot.lane + 1)
        self._tall = 8 * _STEP if max(lanes) == 1 else 6 * _STEP
        self._lane = self._tall + 3 * _LINE + 16
        self._tops = [_MARGIN + sum(lanes[:band]) * self._lane for band in range(bands)]
        both = zip(network.layers, looks, places, strict=True)
        self._nodes = [self._node(layer, look, spot) for layer, look, spot in both]
        right = max(
            (spot.x + _WIDTHS[look] / 2 for spot, look in zip(places, looks, strict=True)),
            default=0,
        )
        self.size = right + 2 * _MARGIN, self._tops[-1] + lanes[-1] * self._lane

    def _node(self, layer: Layer, look: str, spot: Spot) -> _Node:
        y = self._tops[spot.band] + spot.lane * self._lane + self._tall / 2
        units = layer.units or 1
        most = self._tall // _STEP
        shown = min(units, most)
        if units > most:  # wider layers have more of them, by powers of four
            shown = min(most, most - 3 + max(0, math.ceil(math.log(units / 16, 4))))
        top = y - (shown - 1) * _STEP / 2
        heights = tuple(top + place * _STEP for place in range(shown))
        return _Node(layer, look, spot, y, heights, gap=shown < units)

    def nodes(self) -> Iterator[str]:
        """Every layer, with the words below it."""
        draws = {"neurons": self._neurons, "box": self._box, "thin": self._thin}
        for node in self._nodes:
            hint = f"{_called(node.layer)}: {sizes(node.layer.shape)} {node.layer.activation}"
            inside = draws[node.look](node)
            yield f"<g><title>{escape(hint.rstrip())}</title>{inside}</g>"

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
        text = escape(f"{kind} {node.layer.note}".strip()[:20])
        return (
            f'<rect x="{node.left:g}" y="{node.y - tall / 2:g}" width="20" height="{tall}" rx="3" '
            f'fill="{_colour(node.layer)}" fill-opacity=".3"/>'
            f'<text transform="translate({node.x + 3.5:g} {node.y:g}) rotate(-90)" '
            f'text-anchor="middle" fill="currentColor" stroke="none">{text}</text>'
        )

    def edges(self) -> Iterator[str]:
        """The lines, those of two columns of neurons as one path."""
        for node in self._nodes:
            for place in node.layer.inbound:
                fed = self._nodes[place]
                near = fed.spot.band == node.spot.band and fed.spot.column + 1 == node.spot.column
                path = "".join(_fan(fed, node)) if near else self._way(fed, node)
                faint = ".22" if near and "neurons" in (fed.look, node.look) else ".6"
                yield f'<path d="{path}" stroke-opacity="{faint}"/>'

    def _way(self, fed: _Node, node: _Node) -> str:
        """A line past other columns: along its lane, over what stands in it, or to a new row."""
        start, end = f"M{fed.right:g} {fed.y:g}", f"{node.left:g} {node.y:g}"
        if fed.spot.band != node.spot.band:
            edge, above = self.size[0] - 5, self._tops[node.spot.band] - 8
            return f"{start}H{edge:g}V{above:g}H5V{node.y:g}H{node.left:g}"
        if fed.spot.lane != node.spot.lane:
            turn = node.left - 22
            return f"{start}H{turn:g}C{turn + 14:g} {fed.y:g} {turn + 8:g} {node.y:g} {end}"
        top = fed.y - self._tall / 2 - 12
        return (
            f"{start}Q{fed.right + 8:g} {top:g} {fed.right + 20:g} {top:g}"
            f"H{node.left - 20:g}Q{node.left - 8:g} {top:g} {end}"
        )


def _fan(fed: _Node, node: _Node) -> Iterator[str]:
    """From each neuron to each; a box counts as one."""
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
    note = note.replace("x", "×") if note[:1].isdigit() else note
    gives = sizes(layer.shape).replace("x", "×")
    lines = [kind, gives, f"{note} {layer.activation}".strip()]
    return "".join(
        f'<text x="{node.x:g}" y="{below + _LINE * place:g}" text-anchor="middle" '
        f'fill="currentColor" stroke="none">{escape(_cut(line))}</text>'
        for place, line in enumerate(filter(None, lines), start=1)
    )


def _cut(text: str) -> str:
    return text if len(text) <= 12 else f"{text[:11]}…"
