"""California housing, Wide & Deep with two inputs: five columns go wide, six go deep."""

from typing import TYPE_CHECKING

from search.parameters import Params
from spaces import _housing

if TYPE_CHECKING:
    import keras


def build(params: Params, moments: dict[str, _housing.Moments]) -> "keras.Model":
    """A compiled network that takes `{"wide": (n, 5), "deep": (n, 6)}` as they come."""
    import keras

    inputs, _, joined = _housing.two_paths(_housing.SPACE, params, moments)
    return _housing.compiled(keras.Model(inputs, keras.layers.Dense(1)(joined)), params)


PROBLEM = _housing.one_output(
    "housing_two_inputs", build, "Wide & Deep with two inputs", _housing.load_two_inputs
)
