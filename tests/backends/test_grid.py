import itertools

import pytest

from search import Choice, Float, Int, Space
from search.backends import grid
from search.errors import UsageError
from search.space.space import key
from tests.backends.contract import OBJECTIVE, SETTINGS, SPACE, BackendContract, Driver, distinct

PLANE = Space(Int("x", 1, 40), Int("y", 1, 25))


def proposed(space: Space, trials: int | None = None, seed: int = 0) -> list[str]:
    return distinct(Driver(grid.create(space, OBJECTIVE, SETTINGS, seed)).limit(trials).run())


class TestGrid(BackendContract):
    backend = "grid"


def test_every_combination_of_levels_comes_once() -> None:
    space = Space(
        Choice("optimizer", ("sgd", "adam")),
        Float("momentum", 0, 1, levels=(0, 0.9), when={"optimizer": "sgd"}),
        Int("layers", 1, 2),
        Int("neurons", 8, 64, levels=(8, 64), per="layers"),
    )
    optimizers = [{"optimizer": "sgd", "momentum": m} for m in (0.0, 0.9)] + [{"optimizer": "adam"}]
    layers = [{"layers": 1, "neurons_1": n} for n in (8, 64)] + [
        {"layers": 2, "neurons_1": n, "neurons_2": m}
        for n, m in itertools.product((8, 64), repeat=2)
    ]
    expected = [key(o | n) for o, n in itertools.product(optimizers, layers)]
    assert sorted(proposed(space)) == sorted(expected)


def test_the_size_is_known_before_the_run() -> None:
    assert grid.size(SPACE) == len(set(proposed(SPACE)))
    assert grid.default_trials(SPACE, SETTINGS) == grid.size(SPACE)


def test_a_grid_cut_short_is_no_corner_of_it() -> None:
    sample = proposed(PLANE, trials=200)
    assert len({text.split('"y"')[0] for text in sample}) > 30
    assert len({text.split('"y"')[1] for text in sample}) == 25


@pytest.mark.parametrize("digits", [9, 19, 40])
def test_a_grid_may_be_larger_than_memory_and_than_64_bits(digits: int) -> None:
    space = Space(
        Choice("kind", ("a", "b")),
        *(Choice(f"d{index:02}", range(10)) for index in range(digits)),
        Int("only_b", 1, 2, when={"kind": "b"}),
    )
    assert grid.size(space) == 3 * 10**digits
    found = proposed(space, trials=200)
    assert len(set(found)) == 200
    assert len({text[: text.index('"kind"')] for text in found}) == 200


def test_a_parameter_of_a_billion_values_is_not_listed() -> None:
    assert grid.size(Space(Int("seed", 1, 10**9))) == 10**9
    assert len(set(proposed(Space(Int("seed", 1, 10**9)), trials=50))) == 50


def test_a_float_without_levels_is_refused_with_the_remedy() -> None:
    space = Space(Float("rate", 1e-4, 1e-1, log=True), Int("layers", 1, 2))
    remedy = r"rate: a grid needs levels or a step.*levels=\(\.\.\.\), or use --set rate=a,b,c"
    for refused in (grid.size, lambda space: grid.create(space, OBJECTIVE, SETTINGS, 0)):
        with pytest.raises(UsageError, match=remedy):
            refused(space)
