"""Code that asks for parameters while it runs: its space, conditions included."""

from collections.abc import Mapping

import pytest

from search.errors import UsageError
from search.kerastuner.discovery import Asked, discover
from search.space.parameters import Choice, Float, Int, Scalar


class Asking:
    """A run: gives wanted values, else defaults, and remembers what was asked for."""

    def __init__(self, code):
        self.code = code
        self.calls = 0

    def __call__(self, wanted: Mapping[str, Scalar]) -> Asked:
        self.calls += 1
        declared, values = [], {}

        def ask(parameter):
            declared.append(parameter)
            if any(values.get(name) not in met for name, met in (parameter.when or {}).items()):
                return None
            value = wanted.get(parameter.name, parameter.at(0.0))
            return values.setdefault(parameter.name, value)

        try:
            self.code(ask)
        except ValueError:
            return Asked(declared, values, whole=False)
        return Asked(declared, values)


def found(code, most=200):
    return discover(Asking(code), most)


def when(discovery) -> dict[str, dict[str, tuple[Scalar, ...]]]:
    return {p.name: dict(p.when) for p in discovery.space.parameters if p.when}


def test_a_loop_shows_a_name_for_every_turn():
    def code(ask):
        for index in range(ask(Int("layers", 1, 5))):
            ask(Int(f"units_{index}", 8, 64, step=8))
        ask(Float("rate", 1e-4, 1e-2, log=True))

    loop = found(code)
    assert [p.name for p in loop.space.parameters if p.name.startswith("units")] == [
        f"units_{index}" for index in range(5)
    ]
    assert when(loop) == {f"units_{k}": {"layers": tuple(range(k + 1, 6))} for k in range(1, 5)}
    assert not loop.remarks
    assert loop.runs < 60


def test_a_branch_makes_a_condition_and_a_branch_within_it_another():
    def code(ask):
        kind = ask(Choice("kind", ("dense", "conv")))
        if kind == "conv":
            ask(Int("filters", 4, 64))
            if ask(Choice("pool", (False, True))):
                ask(Int("size", 2, 3))
        else:
            ask(Int("units", 4, 64))
        if kind == "conv":
            ask(Float("rate", 0.0, 0.5))

    assert when(found(code)) == {
        "units": {"kind": ("dense",)},
        "filters": {"kind": ("conv",)},
        "pool": {"kind": ("conv",)},
        "size": {"pool": (True,)},
        "rate": {"kind": ("conv",)},
    }


def test_what_two_values_decide_together_is_found_by_drawn_runs():
    def code(ask):
        first, second = ask(Choice("first", (0, 1))), ask(Choice("second", (0, 1)))
        if first and second:
            ask(Int("both", 1, 9))

    assert when(found(code)) == {"both": {"first": (1,), "second": (1,)}}


def test_where_no_condition_of_single_parameters_holds_it_is_searched_always_and_said():
    def code(ask):
        first, second = ask(Choice("first", (0, 1))), ask(Choice("second", (0, 1)))
        if first or second:
            ask(Int("either", 1, 9))

    either = found(code)
    assert when(either) == {}
    assert "either: no condition of single parameters" in either.remarks[0]


def test_what_a_float_decides_is_searched_always_and_said():
    def code(ask):
        if ask(Float("dropout", 0.0, 0.5)) > 0:
            ask(Choice("spatial", (False, True)))

    decided = found(code)
    assert when(decided) == {}
    assert "depends on dropout, a Float" in decided.remarks[0]


def test_conditions_that_the_code_states_stand():
    def code(ask):
        ask(Choice("kind", ("a", "b")))
        ask(Int("own", 1, 9, when={"kind": ("a",)}))

    assert when(found(code)) == {"own": {"kind": ("a",)}}


def test_a_build_that_fails_shows_its_names_and_is_said():
    def code(ask):
        if ask(Int("depth", 1, 9)) > 5:
            ask(Choice("deep", (False, True)))
            raise ValueError("too deep")

    failing = found(code)
    assert "deep" in failing.space
    assert "builds failed" in failing.remarks[0]


def test_the_number_of_runs_is_bounded_and_that_is_said():
    def code(ask):
        for index in range(ask(Int("layers", 1, 50))):
            ask(Choice(f"units_{index}", (1, 2, 3)))

    run = Asking(code)
    bounded = discover(run, most=20)
    assert run.calls == bounded.runs == 20
    assert "20 builds did not show all of the space" in bounded.remarks[0]


def test_nothing_asked_for_is_refused():
    with pytest.raises(UsageError, match="requests no hyperparameter"):
        found(lambda ask: None)
