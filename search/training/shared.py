"""Traced and compiled epochs, shared by trials whose models are equal but for variables' values.

Tracing an epoch takes some tenths of a second, compiling it one or two seconds; a search over
learning rates and batch sizes would pay that for every trial. A trial may train the model of an
earlier one, with its own values put into the variables, where nothing else can differ: the two are
equal as Keras writes them down, and consist of Keras's own classes only. L2, dropout rates, momenta
are constants in the graph: models that differ in them differ in what Keras writes down.
"""

import hashlib
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from search.errors import plain_text
from search.problem import Data
from search.serialized import only_keras
from search.training import xla
from search.training.epochs import Epochs, FitEpochs, needs_fit, say_fit
from search.training.graph import GraphEpochs, TensorData

if TYPE_CHECKING:
    import keras


class SharedEpochs:
    """The epochs of the models that a process trains, one at a time; `most` traced ones are kept.

    A model returned by `of` is valid until the next call.
    """

    def __init__(self, data: Data, tensors: TensorData, most: int = 8) -> None:
        self._data = data
        self._tensors = tensors
        self._most = most
        self._kept: OrderedDict[str, GraphEpochs] = OrderedDict()

    def of(
        self,
        model: "keras.Model",
        batch_size: int,
        epochs: int,
        hook: "keras.callbacks.Callback | None" = None,
        rows: int | None = None,
    ) -> tuple["keras.Model", Epochs]:
        """The fastest way to train a freshly built model, and the model that it trains.

        That is the model itself, or one equal to it with the same values. `epochs`: how many a
        trial of the study may have, for the rule whether they are compiled. `hook`: a callback for
        what happens within an epoch, which makes it `fit`. `rows`: how many examples an epoch
        trains on, by default all of the training part.
        """
        reason = needs_fit(model) if hook is None else "a callback that looks into the epoch"
        if reason is None:
            try:
                return self._graph(model, batch_size, epochs, rows or self._tensors.sizes[0])
            except Exception as error:  # noqa: BLE001 - a model is the user's code: `fit` decides
                said = next(iter(plain_text(str(error)).splitlines()), "")
                reason = f"{type(error).__name__}: {said}"
        say_fit(reason)
        return model, FitEpochs(model, self._data, hook)

    def _graph(
        self, model: "keras.Model", batch_size: int, epochs: int, rows: int
    ) -> tuple["keras.Model", GraphEpochs]:
        steps = epochs * -(-rows // batch_size)
        batch = batch_size if xla.compiles(model, steps) else None
        key = _key(model)
        if key is None:
            return model, GraphEpochs(model, self._tensors, batch, rows)
        if batch is not None:  # how many batches, and whether a smaller one follows
            key = f"{key} {batch} {rows // batch} {rows % batch > 0}"
        kept = self._kept.pop(key, None)
        if kept is None:
            kept = GraphEpochs(model, self._tensors, batch, rows)
        elif kept.model is not model:
            for mine, its in zip(_state(model), _state(kept.model), strict=True):
                its.assign(mine)
        self._kept[key] = kept
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return kept.model, kept


def _state(model: "keras.Model") -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _key(model: "keras.Model") -> str | None:
    """All of a model that its graph is made of, but for variables' values.

    None where it cannot be known.
    """
    import keras

    if not xla.keras_own(model) or not xla.keras_own(model.optimizer):
        return None
    written = keras.saving.serialize_keras_object(model)
    if not only_keras(written):
        return None
    settings = written["compile_config"]["optimizer"]["config"]
    if isinstance(settings.get("learning_rate"), float):
        del settings["learning_rate"]  # a variable of the optimizer
    text = json.dumps(written, sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for layer in model._flatten_layers():
        if hasattr(layer, "finalize_state"):
            # made from data by `adapt`: constants in the graph, which no config shows
            for array in layer.get_weights():
                digest.update(array.tobytes())
    return digest.hexdigest()
