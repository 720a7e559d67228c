"""Show a network as an SVG drawing and as a table of its layers."""

from typing import TYPE_CHECKING

from dashboards.diagrams._canvas import Canvas, called, safe
from search.study.architecture import Network, chain, sizes

if TYPE_CHECKING:
    import pandas as pd


def drawing(network: Network) -> str:
    """Draw a network as an SVG. Lines and texts have the text colour of the page.

    Dense layers and flat inputs are columns of neurons; convolutions, recurrent layers and other
    layers with weights are boxes; other layers are thin boxes. Parallel branches are drawn one
    above the other; a long network is continued in another row. A subclassed model is drawn
    without lines, because only its code knows how the layers are connected.
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
    """Return a drawing for a separate file, with dark lines on a white background."""
    return svg.replace('style="', 'style="color:#222;background:#fff;', 1)


def rows(network: Network) -> list[dict[str, str | int]]:
    """Return one row per layer: layer, gives, activation, parameters, takes_from."""
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
    """Return the table of the layers as a data frame; see `rows`."""
    import pandas as pd

    columns = ["layer", "gives", "activation", "parameters", "takes_from"]
    return pd.DataFrame(rows(network), columns=columns)


def table(network: Network) -> str:
    """Return the table of the layers as text, with the total number of parameters."""
    found = rows(network)
    head = ["layer", "output", "activation", "parameters", "inputs"]
    cells = [head, *([str(cell) for cell in row.values()] for row in found)]
    cells = [[*row[:3], f"{row[3]:>10}", row[4]] for row in cells]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head) - 1)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in cells]
    lines.append(f"{network.parameters} parameters in total")
    if network.subclass:
        lines.append(f"connections unknown: {network.subclass} is a subclassed model")
    return "\n".join(lines)


def _in_words(network: Network) -> str:
    described = []
    for index, layer in enumerate(network.layers):
        words = [f"{index}: {called(layer)} outputs {sizes(layer.shape)}", layer.activation]
        if layer.inbound and layer.inbound != (index - 1,):
            words.append(f"inputs from {' and '.join(map(str, layer.inbound))}")
        described.append(", ".join(word for word in words if word))
    return "; ".join(described)
