"""Describe the architecture of a built model as plain data, for the record of the study."""

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from search.study.architecture import Layer, Network, Shape

if TYPE_CHECKING:
    import keras

_LONGEST = 40  # characters of a name of the user's
_MOST = 300  # layers: some 12 kB of journal
_NOTED = ("kernel_size", "pool_size", "rate")


def described(model: "keras.Model") -> Network | None:
    """Return the model's architecture; None if it is unknown, or has more than 300 layers.

    The model is inspected, not called: no random number is drawn and no graph is traced.
    """
    try:
        network = _network(model)
    except Exception:  # noqa: BLE001 - layers may be the user's code: a picture fails no trial
        return None
    return network if len(network.layers) <= _MOST else None


def _network(model: "keras.Model") -> Network:
    import keras
    from keras.src.models.functional import Functional

    whole: Any = model
    if isinstance(model, keras.Sequential) and type(model).call is keras.Sequential.call:
        whole = model._functional  # None where it was built by a call that no graph shows
    if isinstance(whole, Functional) and type(whole).call is Functional.call:
        return _functional(whole)
    return Network(tuple(_found(model)), subclass=type(model).__name__)


def _found(model: "keras.Model") -> Iterator[Layer]:
    """Yield the layers of a subclassed model and its nested models, named after its attributes."""
    names = {id(value): name for name, value in vars(model).items()}
    for layer in model.layers:
        if getattr(layer, "layers", None):
            yield from _found(layer)
        else:
            one = _layer(layer, _given(layer))
            yield one._replace(name=one.name or names.get(id(layer), ""))


def _functional(model: Any) -> Network:
    # `operations`, unlike `layers`, holds what `x + y` and the functions of keras.ops make
    places = {id(operation): place for place, operation in enumerate(model.operations)}
    nodes = {id(node) for depth in model._nodes_by_depth.values() for node in depth}
    layers = []
    for operation in model.operations:
        fed = dict.fromkeys(
            places[id(tensor._keras_history.operation)]
            for node in operation._inbound_nodes
            if id(node) in nodes
            for tensor in node.input_tensors
        )
        own = next(node for node in operation._inbound_nodes if id(node) in nodes)
        shape = _one(own.output_tensors[0].shape)
        layers.append(_layer(operation, shape, tuple(fed)))
    return Network(tuple(layers))


def _given(layer: "keras.Layer") -> Shape:
    """Return the output shape of a layer outside a graph, as far as known without a call."""
    import keras

    with contextlib.suppress(AttributeError, ValueError):
        return _one(layer.output.shape)  # it is part of a model within the model
    if type(layer).compute_output_shape is keras.Layer.compute_output_shape:
        return None  # Keras would trace the layer
    shapes = layer.get_build_config() or {}
    if "shapes_dict" in shapes:
        shapes = shapes["shapes_dict"]
    try:
        return _one(layer.compute_output_shape(*shapes.values()))
    except (NotImplementedError, TypeError, ValueError):
        return None


def _one(shape: Any) -> Shape:
    """The shape of one example; the first where there are several, as of a recurrent state."""
    if isinstance(shape, dict):
        shape = next(iter(shape.values()))
    if shape and isinstance(shape[0], tuple | list):
        shape = shape[0]
    return tuple(shape[1:])


def _layer(layer: Any, shape: Shape, inbound: tuple[int, ...] = ()) -> Layer:
    import keras

    is_layer = isinstance(layer, keras.Layer)
    return Layer(
        type(layer).__name__,
        shape,
        int(layer.count_params()) if is_layer and layer.built else 0,
        _activation(layer),
        inbound,
        _note(layer),
        _name(layer),
    )


def _activation(layer: Any) -> str:
    function = getattr(layer, "activation", None)
    name = str(getattr(function, "__name__", type(function).__name__))
    return "" if function is None or name == "linear" else name[:_LONGEST]


def _note(layer: Any) -> str:
    """The first of what a layer is known by; of a model within the model, how many layers."""
    inner = getattr(layer, "layers", None)
    if inner is not None:
        return f"{len(inner)} layers"
    for attribute in _NOTED:
        value = getattr(layer, attribute, None)
        if isinstance(value, int | float):
            return f"{value:g}"
        if isinstance(value, tuple | list):
            return "x".join(map(str, value))
    return ""


def _name(layer: Any) -> str:
    """A layer's name where the user gave it one: Keras names layers after their class."""
    from keras.src.utils.naming import to_snake_case

    own = re.escape(to_snake_case(type(layer).__name__))
    name = str(layer.name)
    return "" if re.fullmatch(rf"{own}(_\d+)?", name) else name[:_LONGEST]
