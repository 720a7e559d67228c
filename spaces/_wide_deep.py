"""Wide & Deep as a subclass of keras.Model; imports keras, so import it where it is used.

A class must be defined once, at the top of a module, for Keras to know it again in saved models.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from spaces import _housing, _mlp


@keras.saving.register_keras_serializable("spaces")
class WideDeep(keras.Model):  # type: ignore[misc]
    """Two inputs, "wide" and "deep", and two outputs, "main" and "auxiliary", by these names."""

    def __init__(
        self,
        moments: Mapping[str, _housing.Moments],
        widths: Sequence[int],
        activation: str,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self._moments, self._widths, self._activation = moments, widths, activation
        # with inputs: built here, and not where an epoch is traced, whose graph would own the means
        self.wide = keras.Sequential(_front("wide", moments))
        hidden = _mlp.hidden(widths, [activation] * len(widths))
        self.deep = keras.Sequential([*_front("deep", moments), *hidden])
        self.main = keras.layers.Dense(1)
        self.auxiliary = keras.layers.Dense(1)

    def call(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs by name, `(n, 1)` each."""
        deep = self.deep(inputs["deep"])
        joined = keras.ops.concatenate([self.wide(inputs["wide"]), deep], axis=1)
        return {"main": self.main(joined), "auxiliary": self.auxiliary(deep)}

    def get_config(self) -> dict[str, Any]:
        """What the constructor takes, as JSON data."""
        return {
            "moments": {
                name: [list(part) for part in pair] for name, pair in self._moments.items()
            },
            "widths": list(self._widths),
            "activation": self._activation,
            "name": self.name,
        }


def _front(name: str, moments: Mapping[str, _housing.Moments]) -> list[keras.Layer]:
    columns = len(moments[name][0])
    return [keras.Input((columns,)), *_housing.scaling(moments[name])]
