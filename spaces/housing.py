"""California housing with a multilayer perceptron: what a house costs in a district."""

from typing import TYPE_CHECKING

from search.parameters import Params
from spaces import _housing

if TYPE_CHECKING:
    import keras


def build(params: Params, moments: _housing.Moments) -> "keras.Model":
    """A compiled network that takes the eight columns as they come."""
    import keras

    layers = [*_housing.scaling(moments), *_housing.hidden(_housing.SPACE, params)]
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(1)])
    return _housing.compiled(model, params)


PROBLEM = _housing.one_output("housing", build, "multilayer perceptron")
