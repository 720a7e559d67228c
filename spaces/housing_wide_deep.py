"""California housing, Wide & Deep (Cheng et al., 2016): inputs also go straight to the output."""

from typing import TYPE_CHECKING

from search.parameters import Params
from spaces import _housing

if TYPE_CHECKING:
    import keras


def build(params: Params, moments: _housing.Moments) -> "keras.Model":
    """A compiled network that takes the eight columns as they come."""
    import keras

    inputs = keras.Input((8,))
    wide = _housing.through(_housing.scaling(moments), inputs)
    deep = _housing.through(_housing.hidden(_housing.SPACE, params), wide)
    joined = keras.layers.Concatenate()([wide, deep])
    return _housing.compiled(keras.Model(inputs, keras.layers.Dense(1)(joined)), params)


PROBLEM = _housing.one_output("housing_wide_deep", build, "Wide & Deep")
