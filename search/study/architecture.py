"""Architecture of a trial as plain data: its layers, their output shapes and connections."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

# Of one example, without the batch; None where a size is open, or for a whole shape: not known.
Shape: TypeAlias = tuple[int | None, ...] | None

_DEFAULTS = ("", None, 0, "", None, "", "")  # of a row in the JSON form


class Layer(NamedTuple):
    """One layer.

    `kind`: name of its class. `shape`: output shape for one example. `parameters`: number of
    weights, trainable or not. `activation`: Keras's name; "" for none and for linear. `inbound`:
    indices of the layers whose output is its input; empty for an input layer. `note`: a property
    typical of its class, such as the kernel size of a convolution ("3x3") or the rate of dropout
    ("0.25"). `name`: the name given by the user; "" if Keras chose it.
    """

    kind: str
    shape: Shape = None
    parameters: int = 0
    activation: str = ""
    inbound: tuple[int, ...] = ()
    note: str = ""
    name: str = ""

    @property
    def units(self) -> int | None:
        """Size of the last axis of the output; None if unknown."""
        return self.shape[-1] if self.shape else None


@dataclass(frozen=True, slots=True)
class Network:
    """Layers of a model, in an order in which each layer follows the layers that it depends on.

    `subclass`: name of the class of a subclassed `keras.Model`, otherwise "". The layers of such a
    model are in the order of `model.layers`, and their connections are unknown.
    """

    layers: tuple[Layer, ...]
    subclass: str = ""

    @property
    def parameters(self) -> int:
        """Number of weights of all layers; a subclassed model may have more outside of them."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def outputs(self) -> list[int]:
        """Indices of the output layers: layers whose output no other layer uses as input."""
        fed = {place for layer in self.layers for place in layer.inbound}
        return [place for place in range(len(self.layers)) if place not in fed]


def plain(network: Network) -> list[Any]:
    """Return a network as JSON-serializable data: one row per layer.

    The name of a subclassed model precedes the rows. A row contains the fields of a layer in order,
    without trailing fields that have their default value. `inbound` is null for a layer whose only
    input is the previous layer.

    >>> chain = (Layer("InputLayer", (4,)), Layer("Dense", (3,), 15, "softmax", (0,)))
    >>> plain(Network(chain))
    [['InputLayer', [4]], ['Dense', [3], 15, 'softmax']]
    """
    rows: list[Any] = [network.subclass] if network.subclass else []
    for place, layer in enumerate(network.layers):
        usual = _usual(place, network.subclass)
        inbound = None if layer.inbound == usual else list(layer.inbound)
        shape = None if layer.shape is None else list(layer.shape)
        row = [layer.kind, shape, *layer[2:4], inbound, *layer[5:]]
        while len(row) > 1 and row[-1] == _DEFAULTS[len(row) - 1]:
            row.pop()
        rows.append(row)
    return rows


def from_plain(rows: Sequence[Any]) -> Network:
    """Return the network described by the data of `plain`.

    Raises: TypeError or ValueError for other data.
    """
    subclass = ""
    if rows and isinstance(rows[0], str):
        subclass, *rows = rows
    layers = [_layer(_usual(place, subclass), *row) for place, row in enumerate(rows)]
    return Network(tuple(layers), subclass)


def _layer(
    usual: tuple[int, ...],
    kind: str,
    shape: Sequence[int | None] | None = None,
    parameters: int = 0,
    activation: str = "",
    inbound: Sequence[int] | None = None,
    note: str = "",
    name: str = "",
) -> Layer:
    own = usual if inbound is None else tuple(inbound)
    return Layer(
        kind, None if shape is None else tuple(shape), parameters, activation, own, note, name
    )


def _usual(place: int, subclass: str) -> tuple[int, ...]:
    """Return the layers from which a layer takes its input, if its row does not name them."""
    return () if subclass or place == 0 else (place - 1,)


def sizes(shape: Shape) -> str:
    """Return a shape as text.

    >>> sizes((28, 28, 1)), sizes((None, 8)), sizes(()), sizes(None)
    ('28x28x1', '?x8', '1', '?')
    """
    if shape is None:
        return "?"
    return "x".join("?" if size is None else str(size) for size in shape) or "1"


def chain(network: Network) -> str:
    """Return a network as one line: input shapes, sizes of layers with weights, activations.

    >>> layers = (Layer("InputLayer", (4,)), Layer("Dense", (3,), 15, "softmax", (0,)))
    >>> chain(Network(layers))
    '4 > 3 softmax'
    """
    words = []
    for layer in network.layers:
        if layer.kind == "InputLayer":
            words.append(sizes(layer.shape))
        elif layer.parameters and (layer.activation or "Normalization" not in layer.kind):
            kind = "" if layer.kind == "Dense" else f"{layer.kind} "
            size = "?" if layer.units is None else layer.units
            words.append(f"{kind}{size} {layer.activation}".rstrip())
    return " > ".join(words)
