import itertools
import json
import math
from collections.abc import Callable, Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from search import Choice, Float, Int, Space
from search.errors import SpaceError
from search.space._enumeration import Structures, count
from search.space.parameters import Parameter, Params, Scalar
from search.space.space import key
from tests.backends.random_spaces import spaces


def all_of(parameter: Parameter) -> list[Scalar]:
    """Every value, found by going through the unit interval."""
    number = parameter.count
    assert number is not None
    if isinstance(parameter, Int):
        return [v for v in range(parameter.low, parameter.high + 1) if parameter.holds(v)]
    return [parameter.at((index + 0.5) / number) for index in range(number)]


def enumerated(space: Space, chosen: Params, index: int = 0) -> Iterator[Params]:
    """Every configuration, one by one."""
    if index == len(space.nodes):
        yield chosen
        return
    node = space.nodes[index]
    values = all_of(node.parameter) if node.active(chosen) else [None]
    for value in values:
        more = {} if value is None else {node.name: value}
        yield from enumerated(space, {**chosen, **more}, index + 1)


def parts(space: Space, number: int) -> st.SearchStrategy[list[float]]:
    unit = st.floats(0, 1, exclude_max=True)
    return st.lists(unit, min_size=number, max_size=number)


@given(spaces(), st.data())
def test_every_draw_lies_in_the_space(space: Space, data: st.DataObject) -> None:
    units = data.draw(parts(space, len(space.nodes)))
    drawn = {n.name: n.parameter.at(unit) for n, unit in zip(space.nodes, units, strict=True)}
    params = space.active(drawn)
    space.check(params)
    assert space.normal(params) == params
    assert space.active(params) == params


@given(spaces())
def test_every_level_is_a_value(space: Space) -> None:
    for node in space.nodes:
        levels = node.parameter.grid_levels()
        assert levels
        assert len(set(levels)) == len(levels)
        assert all(node.parameter.holds(level) for level in levels)


@given(spaces(discrete=True, most=4))
def test_the_size_is_the_number_of_configurations(space: Space) -> None:
    assert space.size is not None
    assume(space.size <= 2000)
    configurations = [key(params) for params in enumerated(space, {})]
    assert len(set(configurations)) == len(configurations) == space.size


@given(spaces(discrete=True, most=4))
def test_structures_share_no_configuration_and_hold_all(space: Space) -> None:
    assume((space.size or 0) <= 2000)
    parameters = {node.name: node.parameter for node in space.nodes}
    structures = Structures(space.nodes, lambda parameter: parameter.count)
    places = [structures.find(number) for number in range(space.size or 0)]
    found = []
    for structure in [structure for structure, place in places if place == 0]:
        values = [
            all_of(parameters[name]) if some is None else some for name, some in structure.items()
        ]
        for point in itertools.product(*values):
            params = dict(zip(structure, point, strict=True))
            space.check(params)
            found.append(key(params))
    assert sorted(found) == sorted(key(params) for params in enumerated(space, {}))


def test_the_size_counts_all_values_of_a_parent_not_its_levels() -> None:
    layers = Int("layers", 1, 5, levels=(1, 3))
    space = Space(layers, Choice("kind", ("a", "b"), per="layers"))
    assert space.size == 2 + 4 + 8 + 16 + 32
    levels = count(space.nodes, lambda p: len(p.grid_levels() or ()), lambda p: p.grid_levels())
    assert levels == 2 + 8


def test_a_space_with_many_independent_conditions_is_counted_at_once() -> None:
    pairs = [
        (Choice(f"k{i}", ("on", "off")), Int(f"n{i}", 1, 3, when={f"k{i}": "on"}))
        for i in range(40)
    ]
    assert Space(*itertools.chain(*pairs)).size == 4**40


def switches(number: int) -> list[Parameter]:
    return [Choice(f"k{i}", (False, True)) for i in range(number)]


def followers(number: int) -> list[Parameter]:
    return [Int(f"n{i}", 1, 3, when={f"k{i}": True}) for i in range(number)]


def test_a_space_is_counted_at_once_in_whatever_order_it_is_declared() -> None:
    assert Space(*switches(40), *followers(40)).size == 4**40
    assert Space(*followers(40), *switches(40)).size == 4**40
    assert Space(*switches(40), *reversed(followers(40))).size == 4**40


def test_switches_that_hang_together_are_counted_at_once() -> None:
    chain = [Int(f"n{i}", 1, 3, when={f"k{i}": True, f"k{i + 1}": True}) for i in range(39)]
    assert Space(*switches(40), *chain).size == Space(*reversed(chain), *switches(40)).size
    whole = Int("n", 1, 3, when={f"k{i}": True for i in range(40)})
    assert Space(*switches(40), whole).size == 2**40 + 2
    shared = [Int(f"n{i}", 1, 3, when={f"k{i}": True, "last": "on"}) for i in range(40)]
    assert Space(*switches(40), *shared, Choice("last", ("on", "off"))).size == 4**40 + 2**40


def test_a_space_with_a_continuous_parameter_is_not_counted() -> None:
    knots = [
        Int(f"n{i}_{j}", 1, 3, when={f"k{i}": True, f"k{j}": True})
        for i, j in itertools.combinations(range(24), 2)
    ]
    assert Space(*switches(24), *knots, Float("rate", 0, 1)).size is None
    assert Space(*switches(24), *knots).size is None  # nor is one that hangs together too much


def test_a_continuous_parameter_that_is_never_active_does_not_count() -> None:
    rate = Float("rate", 0, 1, when={"kind": "c"})
    assert Space.restricted(Choice("kind", ("a", "b")), rate).size == 2
    assert Space(Choice("kind", ("a", "c")), rate).size is None


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.integers(1, 50))
def test_steps_of_a_float_are_values_and_known_again(low: float, step: float, number: int) -> None:
    parameter = Float("x", low, low + step * number, step=step)
    assert parameter.count in (number, number + 1)
    for level in parameter.grid_levels() or ():
        assert parameter.holds(level)
        assert parameter.nearest(level) == level


def test_steps_of_a_float_are_written_as_people_write_them() -> None:
    assert Float("x", 0, 1, step=0.1).grid_levels() == tuple(i / 10 for i in range(11))


@given(st.integers(1, 1000), st.integers(0, 1000))
def test_every_value_of_a_logarithmic_int_can_be_drawn(low: int, width: int) -> None:
    parameter = Int("n", low, low + width, log=True)
    span = math.log(low + width + 0.5) - math.log(low - 0.5)
    units = [(math.log(v) - math.log(low - 0.5)) / span for v in parameter.values()]
    assert [parameter.at(unit) for unit in units] == list(parameter.values())


def test_whole_numbers_in_a_float_are_floats() -> None:
    parameter = Float("x", 0, 1, levels=(0, 1))
    assert json.dumps(parameter.grid_levels()) == "[0.0, 1.0]"
    assert key(Space(parameter).normal({"x": 1})) == key({"x": 1.0})


def test_a_condition_tells_true_from_one() -> None:
    with pytest.raises(SpaceError, match=r"flag is one of True, False\. Write True"):
        Space(Choice("flag", (True, False)), Int("n", 1, 2, when={"flag": 1}))
    space = Space(Choice("flag", (True, False)), Int("n", 1, 2, when={"flag": True}))
    assert space.active({"flag": False, "n": 1}) == {"flag": False}


def test_a_child_may_stand_before_its_parent() -> None:
    space = Space(Int("n", 1, 2, when={"kind": "a"}), Choice("kind", ("a", "b")))
    assert [node.name for node in space.nodes] == ["kind", "n"]


def test_a_grandchild_of_an_inactive_parameter_is_inactive() -> None:
    space = Space(
        Choice("a", ("on", "off")),
        Choice("b", ("on", "off"), when={"a": "on"}),
        Int("c", 1, 2, when={"b": "on"}),
    )
    assert space.active({"a": "off", "b": "on", "c": 1}) == {"a": "off"}


@pytest.mark.parametrize(
    ("shape", "expected"), [("free", [64, 8, 16]), ("same", [64] * 3), ("funnel", [64, 32, 16])]
)
def test_shapes_tie_layers_together(shape: str, expected: list[int]) -> None:
    neurons = Int("neurons", 8, 64, per="layers", shapes=("free", "same", "funnel"))
    space = Space(Int("layers", 0, 3), neurons)
    drawn = {"layers": 3, "neurons_shape": shape} | {
        f"neurons_{index}": value for index, value in ((1, 64), (2, 8), (3, 16))
    }
    params = space.active(drawn)
    assert ("neurons_2" in params) == (shape == "free")
    assert space.per_layer(params, "neurons") == expected
    assert space.per_layer({"layers": 0}, "neurons") == []
    assert space.per_layer(space.active(drawn | {"layers": 1}), "neurons") == [64]


def test_layers_of_what_is_not_active_are_refused() -> None:
    space = Space(
        Choice("kind", ("dense", "linear")),
        Int("layers", 1, 2),
        Int("neurons", 1, 9, per="layers", when={"kind": "dense"}),
    )
    with pytest.raises(SpaceError, match=r"neurons is inactive with .*Call per_layer only where"):
        space.per_layer({"kind": "linear", "layers": 2}, "neurons")
    with pytest.raises(SpaceError, match="unknown repeated parameter 'nurons'; did you mean"):
        space.per_layer({"layers": 2}, "nurons")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"layers": 1, "neuron_1": 8}, "unknown parameter 'neuron_1'; did you mean 'neurons_1'"),
        (
            {"layers": 1, "neurons_1": 8, "neurons_2": 8},
            "neurons_2=8 is set, but neurons_2 is inactive.*Leave it out",
        ),
        ({"layers": 2, "neurons_1": 8}, "neurons_2 is missing, but active.*Add a value"),
        ({"layers": 1, "neurons_1": 9}, "neurons_1=9 is not a value of"),
        ({"layers": True, "neurons_1": 8}, "layers=True is not a value of"),
        ({"layers": 1, "neurons_1": 8.0}, r"neurons_1=8\.0 is not a value of"),
    ],
)
def test_params_that_do_not_fit_are_refused(params: Params, message: str) -> None:
    space = Space(Int("layers", 1, 2), Int("neurons", 8, 64, step=8, per="layers"))
    with pytest.raises(SpaceError, match=message):
        space.check(params)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "low above high": (lambda: Int("n", 3, 1), r"n: low must be <= high \(low=3, high=1\)\. Swap"),
    "log from 0": (
        lambda: Float("rate", 0.0, 1.0, log=True),
        r"rate: low must be > 0 with log=True \(low=0\.0\)\. Raise low, or use log=False\.",
    ),
    "no name": (lambda: Int("", 1, 2), "name must be a Python identifier, not ''. Use letters"),
    "bad name": (lambda: Int("a-b", 1, 2), "name must be a Python identifier, not 'a-b'"),
    "fraction in Int": (lambda: Int("n", 1, 2.5), r"high must be an integer.*Use Float"),
    "infinite": (lambda: Float("x", 0, math.inf), r"high must be finite \(high=inf\)"),
    "nan": (lambda: Float("x", math.nan, 1), r"low must be finite \(low=nan\)"),
    "infinite width": (lambda: Float("x", -1e308, 1e308), r"high - low must be finite.*Narrow"),
    "text": (lambda: Float("x", "0", 1), r"low must be a number \(low='0'\)"),
    "negative step": (lambda: Int("n", 1, 9, step=-1), r"step must be > 0 \(step=-1\)"),
    "step zero": (lambda: Float("x", 0, 1, step=0), r"step must be > 0 \(step=0\)"),
    "step nan": (
        lambda: Float("x", 0, 1, step=math.nan),
        r"step must be a finite number \(step=nan\)",
    ),
    "step and log": (
        lambda: Float("x", 1, 9, step=1, log=True),
        r"step and log=True exclude each other \(step=1\)\. Remove one of them",
    ),
    "no levels": (lambda: Int("n", 1, 9, levels=0), r"levels must be >= 1 \(levels=0\)"),
    "empty levels": (lambda: Int("n", 1, 9, levels=()), "levels must not be empty"),
    "level outside": (
        lambda: Int("n", 1, 9, levels=(1, 10)),
        r"every level must be a value.*\(level 10\)\. Widen",
    ),
    "level off step": (
        lambda: Float("x", 0, 1, step=0.5, levels=(0.3,)),
        "every level must be a value",
    ),
    "level twice": (
        lambda: Int("n", 1, 9, levels=(1, 1)),
        "levels must be distinct.*Remove the dup",
    ),
    "shapes alone": (
        lambda: Int("n", 1, 9, shapes=("same",)),
        "shapes require per=.*Name the param",
    ),
    "unknown shape": (
        lambda: Int("n", 1, 9, per="layers", shapes=("cone",)),
        "unknown shape 'cone'. Use one of 'free', 'same', 'funnel'",
    ),
    "funnel of choices": (
        lambda: Choice("kind", ("a", "b"), per="layers", shapes=("funnel",)),
        "unknown shape 'funnel'. Use one of 'free', 'same'",
    ),
    "empty choice": (lambda: Choice("kind", ()), "options must not be empty.*List at least"),
    "text as options": (lambda: Choice("kind", "abc"), "options must be a sequence.*Use a tuple"),
    "equal options": (
        lambda: Choice("kind", ("a", "a")),
        "options must be distinct.*Remove the duplicates",
    ),
    "one and True": (lambda: Choice("kind", (1, True)), "options must be distinct"),
    "object as option": (
        lambda: Choice("kind", (None, "a")),
        "options must be str.*Name each option by a text",
    ),
    "nan as option": (lambda: Choice("kind", (math.nan, 1.0)), "options must be finite"),
    "no parameters": (lambda: Space(), "A space needs at least one parameter"),
    "duplicate name": (
        lambda: Space(Int("n", 1, 2), Float("n", 0, 1)),
        "n: 2 parameters have this name. Rename all but one",
    ),
    "name of a repetition": (
        lambda: Space(Int("layers", 1, 2), Int("n", 1, 2, per="layers"), Int("n_2", 1, 2)),
        "n_2: 2 parameters have this name",
    ),
    "unknown parent": (
        lambda: Space(Choice("optimizer", ("sgd",)), Int("n", 1, 2, when={"optimiser": "sgd"})),
        "n: unknown parent parameter 'optimiser'; did you mean 'optimizer'",
    ),
    "unknown counter": (
        lambda: Space(Int("layers", 1, 2), Int("n", 1, 2, per="layer")),
        "n: unknown parent parameter 'layer'; did you mean 'layers'",
    ),
    "cycle": (
        lambda: Space(Int("a", 1, 2, when={"b": 1}), Int("b", 1, 2, when={"a": 1})),
        r"a: the conditions form a cycle \(a -> b -> a\)\. Remove one",
    ),
    "its own parent": (lambda: Space(Int("a", 1, 2, when={"a": 1})), r"cycle \(a -> a\)"),
    "its own counter": (
        lambda: Space(Int("a", 1, 2, per="a")),
        "per= names 'a', which is itself repeated",
    ),
    "Float as parent": (
        lambda: Space(Float("x", 0, 1), Int("n", 1, 2, when={"x": 0.5})),
        "n: a condition cannot depend on the Float x. Make the parent a Choice",
    ),
    "Float as counter": (
        lambda: Space(Float("x", 0, 1), Int("n", 1, 2, per="x")),
        "n: per= must name a parameter whose values are integers >= 0",
    ),
    "negative count": (
        lambda: Space(Int("layers", -1, 2), Int("n", 1, 2, per="layers")),
        "n: per= must name a parameter whose values are integers >= 0",
    ),
    "repeated counter": (
        lambda: Space(
            Int("layers", 1, 2), Int("heads", 1, 2, per="layers"), Int("n", 1, 2, per="heads")
        ),
        "n: per= names 'heads', which is itself repeated",
    ),
    "condition without values": (
        lambda: Space(Choice("k", ("a",)), Int("n", 1, 2, when={"k": ()})),
        "n: when= has no values for 'k'. List at least one value",
    ),
    "condition on a range": (
        lambda: Space(Int("k", 1, 5), Int("n", 1, 2, when={"k": range(2, 4)})),
        r"n: when= has range\(2, 4\) for 'k', which is not a value. Write one value",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_space_is_refused_with_rule_value_and_remedy(name: str) -> None:
    define, message = REFUSED[name]
    with pytest.raises(SpaceError, match=message):
        define()


def test_a_definition_is_described_as_json() -> None:
    described = Space(Float("x", 0, 1), Choice("kind", ("a", "b"))).describe()
    assert json.loads(json.dumps(described)) == [
        {"kind": "Float", "name": "x", "low": 0.0, "high": 1.0, "log": False},
        {"kind": "Choice", "name": "kind", "options": ["a", "b"]},
    ]


@given(st.permutations(["a", "b", "c"]))
def test_a_key_does_not_depend_on_the_order_of_names(names: list[str]) -> None:
    assert key({name: ord(name) for name in names}) == key({"a": 97, "b": 98, "c": 99})
