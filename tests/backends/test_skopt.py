import pytest

from search import Choice, Float, Objective, Space
from search.backends import skopt
from search.backends.base import Backend, BackendSettings, Known
from search.study.trial import Completed, Failed, Proposal
from tests.backends.contract import SPACE, BackendContract, Driver, distinct, replayed

BOWL = Space(Float("x", -1, 1), Float("y", -1, 1))
MIXED = Space(Float("x", -1, 1), Choice("k", ("a", "b")), Float("z", 0, 1, when={"k": "b"}))


class TestSkopt(BackendContract):
    backend = "skopt"
    unlimited_steps = 62  # a Gaussian process takes a tenth of a second for each


def made(
    sampler: str | None = None, space: Space = SPACE, known: tuple[Known, ...] = ()
) -> Backend:
    settings = BackendSettings(9, sampler=sampler)
    return skopt.create(space, Objective("val_accuracy", "max"), settings, 0, known)


@pytest.mark.parametrize("sampler", list(skopt.SAMPLERS)[1:])
def test_every_sampler_answers_the_same_calls_in_the_same_way(sampler: str) -> None:
    driver = Driver(made(sampler), pending=3).limit(14)
    found = distinct(driver.run())
    assert len(set(found)) == 14
    replayed(made(sampler), driver.calls)


def asked(backend: Backend) -> dict[str, float]:
    proposal = backend.ask()
    assert isinstance(proposal, Proposal)
    return {name: float(value) for name, value in proposal.params.items()}


def test_points_under_way_are_lied_about_and_so_not_asked_for_again() -> None:
    known = tuple(
        Known({"x": x / 2, "y": y / 2}, -(x * x + y * y) / 4)
        for x in range(-2, 3)
        for y in range(-2, 3)
        if (x, y) != (0, 0)
    )
    backend = made("ei", BOWL, known)
    backend.limit(None)
    points = [asked(backend) for _ in range(4)]
    assert abs(points[0]["x"]) + abs(points[0]["y"]) < 0.2
    for number, point in enumerate(points):
        for other in points[:number]:
            assert max(abs(point[name] - other[name]) for name in point) > 1e-3


def test_a_point_under_way_counts_as_the_mean_and_a_failed_one_as_the_worst() -> None:
    known = tuple(Known({"x": x / 10, "y": 0.0}, x / 10) for x in range(10))
    backend = made("ei", BOWL, known)
    assert isinstance(backend, skopt._Skopt)
    backend.limit(None)
    for _ in range(3):
        asked(backend)
    backend.tell("1", Failed("nan", "", "", 1))
    backend.tell("2", Completed(0.5, 9, 9, 0.1, 10))
    told = backend._told()
    assert told is not None
    mean = -(sum(range(10)) / 10 + 0.5) / 11  # losses: an accuracy to be made large, turned over
    assert told[10:] == pytest.approx([0.0, -0.5, mean])


def test_what_is_not_active_makes_no_difference() -> None:
    backend = made("ei", MIXED)
    assert isinstance(backend, skopt._Skopt)
    assert backend._place({"x": 0.0, "k": "a"}) == [0.5, 0, 0.5]
    assert backend._params([0.75, 0, 0.9]) == {"x": 0.5, "k": "a"}
