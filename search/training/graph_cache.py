"""Traced and compiled epochs, shared by trials whose models are equal but for variables' values.

Tracing an epoch takes some tenths of a second, compiling it one or two seconds; a search over
learning rates and batch sizes would pay that for every trial. A trial may train the model of an
earlier one, with its own values put into the variables, where nothing else can differ: the two have
one fingerprint (`search.state.model_fingerprint`), and the earlier one is still as it was traced.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.data.parts import Data
from search.errors import plain_text
from search.state.model_fingerprint import fingerprint
from search.training import xla
from search.training.fit_loop import EpochLoop, FitLoop, needs_fit, say_fit
from search.training.graph_loop import GraphLoop, TensorData

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class _Kept:
    """Traced epochs, and the fingerprint of their model after it was traced."""

    epochs: GraphLoop
    traced: str | None

    def holds(self) -> bool:
        """Whether nobody, a callback for instance, has changed the model since."""
        return self.traced is not None and fingerprint(self.epochs.model) == self.traced


class SharedGraphs:
    """The epochs of the models that a process trains, one at a time; `most` traced ones are kept.

    A model returned by `of` is valid until the next call.
    """

    def __init__(self, data: Data, tensors: TensorData, most: int = 8) -> None:
        self._data = data
        self._tensors = tensors
        self._most = most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def of(
        self,
        model: "keras.Model",
        batch_size: int,
        epochs: int,
        hook: "keras.callbacks.Callback | None" = None,
        rows: int | None = None,
        *,
        share: bool = True,
    ) -> tuple["keras.Model", EpochLoop]:
        """The fastest way to train a freshly built model, and the model that it trains.

        That is the model itself, or one equal to it with the same values. `epochs`: how many a
        trial of the study may have, for the rule whether they are compiled. `hook`: a callback for
        what happens within an epoch, which makes it `fit`. `rows`: how many examples an epoch
        trains on, by default all of the training part. `share`: whether another model may be
        trained in its place, now or later.
        """
        reason = needs_fit(model) if hook is None else "a callback that looks into the epoch"
        if reason is None:
            try:
                rows = rows or self._tensors.sizes[0]
                return self._graph(model, batch_size, epochs, rows, share=share)
            except Exception as error:  # noqa: BLE001 - a model is the user's code: `fit` decides
                said = next(iter(plain_text(str(error)).splitlines()), "")
                reason = f"{type(error).__name__}: {said}"
        say_fit(reason)
        return model, FitLoop(model, self._data, hook)

    def _graph(
        self, model: "keras.Model", batch_size: int, epochs: int, rows: int, *, share: bool
    ) -> tuple["keras.Model", GraphLoop]:
        steps = epochs * -(-rows // batch_size)
        batch = batch_size if xla.compiles(model, steps) else None
        key = fingerprint(model) if share else None
        if key is None:
            return model, GraphLoop(model, self._tensors, batch, rows, batch_size)
        if batch is not None:  # how many batches, and whether a smaller one follows
            key = f"{key} {batch} {rows // batch} {rows % batch > 0}"
        kept = self._kept.pop(key, None)
        if kept is None or not kept.holds():
            epochs_of_model = GraphLoop(model, self._tensors, batch, rows, batch_size)
            kept = _Kept(epochs_of_model, fingerprint(model))
        shared = kept.epochs.model
        if shared is not model:
            for mine, its in zip(_state(model), _state(shared), strict=True):
                its.assign(mine)
        self._kept[key] = kept
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return shared, kept.epochs


def _state(model: "keras.Model") -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
