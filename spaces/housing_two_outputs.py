"""California housing with two outputs: an auxiliary one makes the deep path useful on its own."""

from typing import TYPE_CHECKING

from search.parameters import Params
from spaces import _housing

if TYPE_CHECKING:
    import keras


def build(params: Params, moments: dict[str, _housing.Moments]) -> "keras.Model":
    """A compiled network of two inputs; `{"main": (n, 1), "auxiliary": (n, 1)}` come out."""
    import keras

    inputs, deep, joined = _housing.two_paths(_housing.SPACE_FOR_TWO, params, moments)
    outputs = {
        "main": keras.layers.Dense(1, name="main")(joined),
        "auxiliary": keras.layers.Dense(1, name="auxiliary")(deep),
    }
    return _housing.compiled_for_two(keras.Model(inputs, outputs), params)


PROBLEM = _housing.two_outputs(
    "housing_two_outputs", build, "Wide & Deep with two inputs and two outputs"
)
