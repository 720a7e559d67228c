"""Spaces as people write them: NumPy's values, and conditions that can never hold."""

import enum
import json

import numpy as np
import pytest

from search import Choice, Data, Float, Int, Objective, Part, Problem, Space
from search.errors import SpaceError
from search.space.narrowing import narrow
from search.space.parameters import Parameter
from search.space.space import from_description

OPTIMIZER = Choice("optimizer", ("sgd", "adam"))
LAYERS = Int("layers", 1, 3)


class Rate(enum.IntEnum):
    """Options as an enum has them."""

    LOW = 1
    HIGH = 2


def momentum(when: dict[str, object]) -> Float:
    """A parameter that depends on others."""
    return Float("momentum", 0, 0.9, step=0.3, when=when)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parent", "value", "nearest"),
    [
        (OPTIMIZER, "sdg", "'sgd'"),
        (OPTIMIZER, ("sgd", "Adam"), "'adam'"),
        (Choice("drop", (False, True)), 1, "True"),
        (Choice("drop", (False, True)), "false", "False"),
        (LAYERS, "2", "2"),
        (LAYERS, 2.0, "2"),
        (LAYERS, 4, "3"),
        (LAYERS, True, "1"),
        (Int("layers", 8, 64, step=8), 18, "16"),
        (Choice("rate", (0.0, 0.5)), 0, "0.0"),
        (Choice("rate", (0.01, 0.1)), np.float32(0.1), "0.1"),
    ],
)
def test_a_condition_that_can_never_hold_is_refused_with_the_nearest_value(
    parent: Parameter, value: object, nearest: str
) -> None:
    with pytest.raises(SpaceError, match="can never hold") as caught:
        Space(parent, momentum({parent.name: value}))
    assert f"Write {nearest}, or" in str(caught.value)


def test_a_condition_on_the_shape_of_repetitions_is_checked_too() -> None:
    units = Int("units", 8, 64, per="layers", shapes=("funnel", "same"))
    Space(LAYERS, units, momentum({"units_shape": "same"}))
    with pytest.raises(SpaceError, match="Write 'funnel'"):
        Space(LAYERS, units, momentum({"units_shape": "funel"}))


def test_a_float_decides_nothing() -> None:
    with pytest.raises(SpaceError, match="cannot depend on the Float"):
        Space(Float("rate", 0, 1), momentum({"rate": 0.5}))


def test_values_of_numpy_are_pythons() -> None:
    space = Space(
        Choice("rate", list(np.logspace(-3, -1, 3))),
        Choice("units", np.array([16, 32])),  # type: ignore[arg-type]
        Choice("flip", [np.False_, np.True_]),
        Choice("kind", [np.str_("a"), "b"]),
        Choice("level", list(Rate)),
        Int("layers", np.int64(1), np.int32(9), step=np.int8(2), levels=np.array([1, 3])),  # type: ignore[arg-type]
        Float("drop", np.float32(0), np.longdouble(1), step=np.float64(0.5)),  # type: ignore[arg-type]
    )
    described = space.describe()
    assert described == json.loads(json.dumps(described))
    for node in space.nodes:
        value = node.parameter.at(0.99)
        assert type(value) in (str, int, float, bool)
        assert node.parameter.holds(json.loads(json.dumps(value)))


def test_a_condition_on_a_value_of_numpy_holds_for_the_value_of_python() -> None:
    for options, value in (
        (list(np.logspace(-3, -1, 3)), 0.01),
        ((0.001, 0.01, 0.1), np.float64(0.01)),
        ((0.001, 0.01, 0.1), np.array([0.01])),
    ):
        assert Space(Choice("rate", options), momentum({"rate": value})).size == 6


def test_a_baseline_may_hold_values_of_numpy() -> None:
    space = Space(Choice("rate", list(np.logspace(-3, -1, 3))), LAYERS)
    baseline = {"rate": 0.01, "layers": np.int64(2)}
    data = Data(Part(np.zeros((2, 1)), np.zeros(2)), Part(np.zeros((2, 1)), np.zeros(2)))
    problem = Problem(
        "p",
        space,
        Objective("val_loss", "min"),
        lambda _: data,
        lambda params: None,  # type: ignore[arg-type, return-value]
        baseline,
    )
    assert json.dumps(problem.baseline) == '{"rate": 0.01, "layers": 2}'


def test_a_narrowed_or_stored_space_may_hold_conditions_that_are_gone() -> None:
    space = Space(LAYERS, momentum({"layers": 3}))
    smaller = narrow(space, ["layers=1,2"])
    assert [node.name for node in smaller.nodes] == ["layers", "momentum"]
    assert smaller.size == 2
    assert from_description(smaller.describe()).describe() == smaller.describe()
