"""Configurations as points of the unit cube, for algorithms that know nothing of a space."""

import math
import random

from search.space.parameters import Choice, Float, Parameter, Scalar
from search.space.space import Space


def unit_of(parameter: Parameter, value: Scalar) -> float:
    """The middle of the units that `at` gives this value for: the inverse of `Parameter.at`.

    >>> from search import Int
    >>> unit_of(Int("layers", 1, 2), 2)
    0.75
    """
    if isinstance(parameter, Choice):
        return (parameter.options.index(value) + 0.5) / parameter.count
    number = float(value)
    if isinstance(parameter, Float):
        if parameter.count is not None:
            return (parameter.step_of(number) + 0.5) / parameter.count
        bottom, top = parameter.low, parameter.high
    elif parameter.log:
        bottom, top = parameter.low - 0.5, parameter.high + 0.5
    else:
        return ((int(number) - parameter.low) // parameter.step + 0.5) / parameter.count
    if parameter.log:
        bottom, top, number = math.log(bottom), math.log(top), math.log(number)
    return min(max((number - bottom) / (top - bottom), 0.0), 1.0)


def by_chance(space: Space, source: random.Random) -> dict[str, Scalar]:
    """A configuration drawn at random, each parameter evenly on its own scale."""
    return space.active({node.name: node.parameter.at(source.random()) for node in space.nodes})
