"""`--set`: what each form does to each kind of parameter, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import SpaceError, UsageError
from search.space.narrowing import narrow
from search.space.parameters import Choice, Float, Int, Parameter
from search.space.space import Space

SPACE = Space(
    Int("layers", 1, 4),
    Int("neurons", 16, 256, log=True, levels=(32, 128), per="layers", shapes=("free", "funnel")),
    Choice("activation", ("relu", "elu", "tanh"), per="layers", shapes=("free", "same")),
    Int("units", 8, 64, step=8),
    Choice("optimizer", ("sgd", "adam")),
    Float("momentum", 0.0, 0.9, step=0.3, when={"optimizer": "sgd"}),
    Float("learning_rate", 1e-4, 1.0, log=True, levels=(1e-3, 1e-2, 1e-1)),
    Float("noise", -1.0, 1.0, levels=3),
    Choice("batch_size", (32, 64, 128)),
    Choice("nesterov", (True, False)),
    Choice("pad", (0, 0.5, 1.0)),
    Choice("kernel", ("3,3", "5,5", "..")),
    Int("offset", -3, 3),
)


def narrowed(*assignments: str) -> dict[str, Parameter]:
    return {p.name: p for p in narrow(SPACE, assignments).parameters}


def refusal(*assignments: str) -> str:
    with pytest.raises(UsageError) as error:
        narrow(SPACE, assignments)
    return str(error.value)


def test_without_assignments_the_space_stays_itself():
    assert narrow(SPACE, []) is SPACE


def test_only_the_named_parameter_changes_and_the_order_stays():
    space = narrow(SPACE, ["optimizer=sgd"])
    assert [p.name for p in space.parameters] == [p.name for p in SPACE.parameters]
    changed = [a.name for a, b in zip(space.parameters, SPACE.parameters, strict=True) if a != b]
    assert changed == ["optimizer"]


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("layers=2..3", Int("layers", 2, 3)),
        ("layers = 2 .. 3 ", Int("layers", 2, 3)),
        ("layers=2", Int("layers", 2, 2)),
        ("layers=3,1,3", Int("layers", 1, 3, step=2)),
        ("layers=1,2,4", Choice("layers", (1, 2, 4))),
        ("offset=-3..-1", Int("offset", -3, -1)),
        ("offset=-1,0,1", Int("offset", -1, 1)),
        ("units=1e1..50", Int("units", 16, 48, step=8)),
        ("units=8,24,40", Int("units", 8, 40, step=16)),
        ("optimizer=adam", Choice("optimizer", ("adam",))),
        ("batch_size=128,32", Choice("batch_size", (32, 128))),
        ("batch_size=50..1000", Choice("batch_size", (64, 128))),
        ("nesterov=true", Choice("nesterov", (True,))),
        ("nesterov=False", Choice("nesterov", (False,))),
        ("pad=0,5e-1", Choice("pad", (0, 0.5))),
        ("pad=1", Choice("pad", (1.0,))),
        ("kernel=5,5", Choice("kernel", ("5,5",))),
        ("kernel=..", Choice("kernel", ("..",))),
        ("noise=-0.5..0.5", Float("noise", -0.5, 0.5, levels=3)),
        ("noise=-1", Choice("noise", (-1.0,))),
        ("noise=0.25..0.25", Choice("noise", (0.25,))),
        (
            "learning_rate=5e-3..5e-1",
            Float("learning_rate", 5e-3, 0.5, log=True, levels=(1e-2, 1e-1)),
        ),
        (
            "learning_rate=2e-3..5e-3",
            Float("learning_rate", 2e-3, 5e-3, log=True, levels=(2e-3, 5e-3)),
        ),
        ("learning_rate=0.1,0.01", Choice("learning_rate", (0.01, 0.1))),
    ],
)
def test_each_form_makes_this_parameter(assignment, expected):
    assert narrowed(assignment)[expected.name] == expected


def test_a_range_aligns_inward_to_the_steps():
    momentum = narrowed("momentum=0.1..0.8")["momentum"]
    assert momentum == Float("momentum", 0.3, 0.6, step=0.3, when={"optimizer": "sgd"})


def test_a_range_that_ends_on_steps_keeps_both_ends():
    assert narrowed("momentum=0.3..0.9")["momentum"].grid_levels() == (0.3, 0.6, 0.9)


def test_a_list_of_floats_keeps_the_condition():
    momentum = narrowed("momentum=0,0.9")["momentum"]
    assert momentum == Choice("momentum", (0.0, 0.9), when={"optimizer": "sgd"})


def test_a_repeated_parameter_is_narrowed_in_all_its_repetitions():
    space = narrow(SPACE, ["neurons=32..64", "activation=relu,elu"])
    nodes = {node.name: node.parameter for node in space.nodes}
    assert [nodes[f"neurons_{i}"] for i in (1, 4)] == [
        Int(f"neurons_{i}", 32, 64, log=True, levels=(32,)) for i in (1, 4)
    ]
    assert nodes["activation_3"] == Choice("activation_3", ("relu", "elu"))


def test_an_uneven_list_keeps_the_shapes_funnel_included():
    neurons = narrowed("neurons=16,32,100")["neurons"]
    assert neurons == Choice("neurons", (16, 32, 100), per="layers", shapes=("free", "funnel"))


def test_an_even_list_on_a_log_scale_visits_just_that_list():
    neurons = narrowed("neurons=64,128,192")["neurons"]
    assert neurons.grid_levels() == Int("any", 64, 192, step=64).grid_levels()
    assert neurons.per == "layers"


def test_shapes_are_narrowed_under_their_own_name():
    both = narrowed("neurons_shape=funnel", "neurons=64..128")["neurons"]
    assert (both.low, both.high, both.shapes) == (64, 128, ("funnel",))
    names = [node.name for node in narrow(SPACE, ["neurons_shape=funnel"]).nodes]
    assert "neurons_shape" in names
    assert "neurons_2" not in names


def test_an_uneven_list_may_count_repetitions():
    space = narrow(SPACE, ["layers=1,2,4"])
    assert "neurons_4" in space
    space = narrow(SPACE, ["layers=2"])
    assert "neurons_3" not in space


def test_what_depended_on_a_repetition_that_is_gone_goes_too():
    space = Space(
        Int("layers", 1, 3),
        Choice("activation", ("relu", "tanh"), per="layers"),
        Int("heads", 1, 2, when={"activation_3": "tanh"}),
        Float("rate", 0.0, 1.0, per="heads"),
    )
    assert [node.name for node in narrow(space, ["layers=1,2"]).nodes] == [
        "layers",
        "activation_1",
        "activation_2",
    ]


def test_a_parent_that_lost_a_value_leaves_its_children_inactive():
    space = narrow(SPACE, ["optimizer=adam"])
    values = {node.name: node.parameter.at(0.0) for node in space.nodes}
    assert "momentum" not in space.active(values)


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (["layers"], ["NAME=LOW..HIGH", "'layers'"]),
        (["=3"], ["'=3' is not NAME=VALUES"]),
        (["layers="], ["'layers=' is not NAME=VALUES"]),
        (["layers=1,,2"], ["--set layers", "missing", "'1,,2'"]),
        (["layers=1.."], ["both ends", "'1..'"]),
        (["layers=1..2..3"], ["finite numbers", "'2..3'"]),
        (["layers=two"], ["finite numbers", "'two'"]),
        (["layers=1.5"], ["integers", "'1.5'"]),
        (["noise=nan"], ["finite numbers", "'nan'"]),
        (["layers=3..2"], ["low must be <= high", "3..2", "Swap"]),
        (["layers=0..3"], ["0 is not in the space", "1..4", "problem's file"]),
        (["layers=1,9"], ["9 is not in the space"]),
        (["units=9"], ["9 is not in the space", "8..64 in steps of 8"]),
        (["units=9..15"], ["9..15 contains no value of the space", "Widen"]),
        (["momentum=0.4..0.5"], ["contains no value"]),
        (["momentum=0.4"], ["0.4 is not in the space", "in steps of 0.3"]),
        (["learning_rate=0.1..2"], ["2.0 is not in the space", "0.0001..1.0"]),
        (["optimizer=adm"], ["did you mean 'adam'", "can only narrow the space"]),
        (["optimizer=a..b"], ["options that are numbers", "Choose among sgd, adam"]),
        (["batch_size=a..b"], ["finite numbers", "'a'"]),
        (["batch_size=1..2"], ["contains no value of the space", "32, 64, 128"]),
        (["nesterov=1"], ["unknown value of nesterov '1'", "false, true"]),
        (["learning_rat=0.1"], ["unknown parameter", "did you mean 'learning_rate'"]),
        (["neurons_1=32"], ["single repetition of neurons", "Use neurons=VALUES"]),
        (["neurons_shape=same"], ["unknown value of neurons_shape 'same'", "free, funnel"]),
        (["units_shape=same"], ["unknown parameter 'units_shape'"]),
        (["layers=1", "layers=2"], ["--set layers", "named twice", "all its values"]),
    ],
)
def test_what_cannot_be_meant_is_refused_with_rule_and_remedy(assignments, words):
    message = refusal(*assignments)
    assert [word for word in words if word not in message] == []


UNITS = st.floats(0.0, 1.0, exclude_max=True)


@st.composite
def values_of(draw: st.DrawFn, parameter: Parameter) -> str:
    """A text that names values of the parameter, as a range or as a list."""
    drawn = sorted(parameter.at(unit) for unit in draw(st.lists(UNITS, min_size=1, max_size=4)))
    if not isinstance(parameter, Choice) and draw(st.booleans()):
        return f"{drawn[0]!r}..{drawn[-1]!r}"
    return ",".join(map(str, drawn))


@given(st.data())
def test_every_point_of_a_narrowed_space_lies_in_the_original(data):
    parameters = {p.name: p for p in SPACE.parameters if p.name != "kernel"}
    names = data.draw(st.sets(st.sampled_from(sorted(parameters)), min_size=1))
    texts = [f"{name}={data.draw(values_of(parameters[name]))}" for name in sorted(names)]
    shape = data.draw(st.sampled_from([[], ["neurons_shape=free"], ["neurons_shape=funnel"]]))
    space = narrow(SPACE, [*texts, *shape])
    units = st.lists(UNITS, min_size=len(space.nodes), max_size=len(space.nodes))
    for node_units in data.draw(st.lists(units, min_size=1, max_size=3)):
        pairs = zip(space.nodes, node_units, strict=True)
        point = space.active({node.name: node.parameter.at(unit) for node, unit in pairs})
        SPACE.check(point)
        space.check(point)


@given(
    st.floats(-5, 5).map(lambda x: round(x, 3)),
    st.floats(0.001, 2).map(lambda x: round(x, 3)),
    st.tuples(st.integers(0, 50), st.integers(0, 50)),
    st.floats(0, 0.9),
    UNITS,
)
def test_a_stepped_range_holds_the_original_steps_between_its_ends(low, step, ends, spare, unit):
    first, last = sorted(ends)
    original = Float("x", low, low + step * (last + 1), step=step)
    start = max(low, low + (first - spare) * step)
    stop = low + (last + spare) * step
    smaller = narrow(Space(original), [f"x={start!r}..{stop!r}"]).parameters[0]
    steps = original.grid_levels()[first : last + 1]
    assert smaller.grid_levels() == pytest.approx(steps, rel=1e-9, abs=1e-9)
    assert original.holds(smaller.at(unit))


def test_the_refusals_are_usage_errors_not_errors_of_the_space():
    with pytest.raises(UsageError) as error:
        narrow(SPACE, ["layers=9"])
    assert not isinstance(error.value, SpaceError)
