"""California housing, the network of `housing_two_outputs` written as a subclass of keras.Model."""

from typing import TYPE_CHECKING

from search.parameters import Params
from spaces import _housing

if TYPE_CHECKING:
    import keras


def build(params: Params, moments: dict[str, _housing.Moments]) -> "keras.Model":
    """A compiled network of two inputs; `{"main": (n, 1), "auxiliary": (n, 1)}` come out."""
    from spaces import _wide_deep

    widths = _housing.SPACE_FOR_TWO.per_layer(params, "neurons")
    model = _wide_deep.WideDeep(moments, widths, str(params["activation"]))
    return _housing.compiled_for_two(model, params)


PROBLEM = _housing.two_outputs(
    "housing_subclassed", build, "Wide & Deep as a subclass of keras.Model"
)
