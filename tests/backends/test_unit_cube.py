import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import Choice, Float, Int, Space
from search.backends._unit_cube import by_chance, unit_of
from tests.backends.random_spaces import spaces


@given(spaces(), st.floats(0, 1, exclude_max=True))
def test_the_unit_of_a_value_leads_back_to_it(space: Space, unit: float) -> None:
    for node in space.nodes:
        value = node.parameter.at(unit)
        back = unit_of(node.parameter, value)
        assert 0 <= back <= 1
        again = node.parameter.at(min(back, 1 - 1e-12))
        assert again == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)


def test_a_unit_is_the_middle_of_what_stands_for_its_value() -> None:
    assert unit_of(Choice("kind", ("a", "b")), "b") == 0.75
    assert unit_of(Int("layers", 1, 7, step=2), 3) == 0.375
    assert unit_of(Float("rate", 1e-4, 1e-2, log=True), 1e-3) == pytest.approx(0.5)
    assert unit_of(Float("dropout", 0, 0.5, step=0.25), 0.5) == pytest.approx(5 / 6)
    assert unit_of(Float("fixed", 3, 3), 3) == 0.5


@given(spaces(), st.integers(0, 99))
def test_chance_draws_configurations_of_the_space(space: Space, seed: int) -> None:
    space.check(by_chance(space, random.Random(seed)))
