"""A trial's architecture as plain data: its layers, what they give, and which feeds which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

# Of one example, without the batch; None where a size is open, or for a whole shape: not known.
Shape: TypeAlias = tuple[int | None, ...] | None

_DEFAULTS = ("", None, 0, "", None, "", "")  # of a row in the JSON form


class Layer(NamedTuple):
    """One layer.

    `kind`: its class. `shape`: of what it gives for one example. `parameters`: the numbers that it
    holds, trained or not. `activation`: Keras's name, "" for none and for linear. `inbound`: the
    places in the network of the layers it takes from; empty for an input. `note`: what else its
    kind is known by, such as the kernel of a convolution ("3x3") or the rate of dropout ("0.25").
    `name`: the user's, "" where Keras named it.
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
        """How many numbers it gives for each place of what it gives; None where not known."""
        return self.shape[-1] if self.shape else None


@dataclass(frozen=True, slots=True)
class Network:
    """A model's layers, in an order in which each comes after those it takes from.

    `subclass`: for a model whose own code joins its layers, the name of its class: the layers are
    then as they were found, and none says what it takes from.
    """

    layers: tuple[Layer, ...]
    subclass: str = ""

    @property
    def parameters(self) -> int:
        """Return the number of weights of all layers; a subclass may hold more outside of them."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def outputs(self) -> list[int]:
        """The places of the layers that no other takes from."""
        fed = {place for layer in self.layers for place in layer.inbound}
        return [place for place in range(len(self.layers)) if place not in fed]


def plain(network: Network) -> list[Any]:
    """The JSON form: a row for each layer, and before them the name of a subclass.

    A row holds a layer's fields in order, those at its end left out that have their default. Most
    layers take from the one before: their `inbound` is null.

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
    """The network that a JSON form describes.

    Raises: TypeError or ValueError where it describes none.
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
    """A shape in words.

    >>> sizes((28, 28, 1)), sizes((None, 8)), sizes(()), sizes(None)
    ('28x28x1', '?x8', '1', '?')
    """
    if shape is None:
        return "?"
    return "x".join("?" if size is None else str(size) for size in shape) or "1"


def chain(network: Network) -> str:
    """A network in one line: inputs, what its layers with parameters give, and activations.

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
