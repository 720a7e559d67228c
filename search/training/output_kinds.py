"""What the outputs of a model are: probabilities, logits or values."""

from typing import TYPE_CHECKING, Any

from search.data import trees

if TYPE_CHECKING:
    import keras


def output_kinds(model: "keras.Model") -> list[str | None]:
    """What each output of a model is, in order; empty for a model that does not tell.

    "softmax" or "sigmoid": probabilities, by the last activation, or by the loss where no
    activation is known. "logits": by the loss. "linear": what a last layer gives without an
    activation, for a loss that does not say. None: unknown.
    """
    try:
        return _output_kinds(model)
    except Exception:  # noqa: BLE001 - layers and losses may be the user's code, as above
        return []


def _output_kinds(model: Any) -> list[str | None]:
    outputs = _outputs(model)
    losses = _losses(model, [name for name, _ in outputs] or [""])
    activations = [_last_activation(output) for _, output in outputs] or [""]
    return [_kind(one, loss) for one, loss in zip(activations, losses, strict=True)]


def _outputs(model: Any) -> list[tuple[str, Any]]:
    """The symbolic outputs of a model by name, in the order in which `predict` gives them."""
    whole = getattr(model, "_functional", None) or model  # a Sequential's graph
    return [*trees.named(getattr(whole, "_outputs_struct", None), "")]


def _losses(model: Any, names: list[str]) -> list[Any]:
    """The loss of each output; Keras knows one by its key, else by the name of its layer."""
    given, layers = model.loss if model.compiled else None, getattr(model, "output_names", names)
    if isinstance(given, dict):
        pairs = zip(names, layers, strict=True)
        return [given.get(name.removeprefix("."), given.get(layer)) for name, layer in pairs]
    if isinstance(given, list | tuple):
        return [*given] if len(given) == len(names) else [None] * len(names)
    return [given] * len(names)


def _last_activation(output: Any) -> str:
    operation = output._keras_history.operation
    inner = _outputs(operation)
    if len(inner) == 1:  # a model within the model
        return _last_activation(inner[0][1])
    if type(operation).__name__ in ("Softmax", "Sigmoid"):
        return type(operation).__name__.lower()
    return str(getattr(getattr(operation, "activation", None), "__name__", ""))


def _kind(activation: str, loss: Any) -> str | None:
    import keras

    if activation in ("softmax", "sigmoid"):
        return activation
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    name = str(getattr(loss, "name", getattr(loss, "__name__", "")))
    from_logits = getattr(loss, "from_logits", None)
    if from_logits is None:
        from_logits = getattr(loss, "_fn_kwargs", {}).get("from_logits")
    if from_logits:
        return "logits"
    if "crossentropy" in name and str(getattr(loss, "__module__", "")).startswith("keras."):
        if activation:  # it may give what is no probability, whatever the loss takes it for
            return None
        return "sigmoid" if "binary" in name else "softmax"
    return "linear" if activation == "linear" else None
