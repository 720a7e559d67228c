"""A network as a small drawing (SVG) and as a table: layers, widths, activations, parameters."""

from typing import TYPE_CHECKING

from dashboards.diagrams._canvas import Canvas, called, safe
from search.study.architecture import Network, chain, sizes

if TYPE_CHECKING:
    import pandas as pd


def drawing(network: Network) -> str:
    """The network as SVG, to stand in a page of any colour: lines and texts take the text's.

    Dense layers and flat inputs are columns of neurons, as many as fit; convolutions, recurrent
    layers and others that hold parameters are boxes, the rest thin boxes. What runs side by side
    stands one above the other; a long network goes on in a second row. Of a subclassed model,
    whose code alone knows what joins its layers, there are the layers without lines.
    """
    canvas = Canvas(network)
    body = "".join([*canvas.edges(), *canvas.nodes()])
    width, height = canvas.size
    title = (
        f"Network: {chain(network)}" if not network.subclass else f"Layers of {network.subclass}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'style="width:100%;max-width:{width * 1.25:g}px;height:auto" fill="none" '
        'stroke="currentColor" font-family="system-ui, sans-serif" font-size="10">'
        f"<title>{safe(title)}</title><desc>{safe(_in_words(network))}</desc>{body}</svg>"
    )


def standalone(svg: str) -> str:
    """A drawing as a file of its own: dark on white, whatever shows it."""
    return svg.replace('style="', 'style="color:#222;background:#fff;', 1)


def rows(network: Network) -> list[dict[str, str | int]]:
    """A row for each layer: layer, gives, activation, parameters, takes_from."""
    named = [called(layer) for layer in network.layers]
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


def _in_words(network: Network) -> str:
    said = []
    for place, layer in enumerate(network.layers):
        words = [f"{place}: {called(layer)} gives {sizes(layer.shape)}", layer.activation]
        if layer.inbound and layer.inbound != (place - 1,):
            words.append(f"takes from {' and '.join(map(str, layer.inbound))}")
        said.append(", ".join(word for word in words if word))
    return "; ".join(said)
