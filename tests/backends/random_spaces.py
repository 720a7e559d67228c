"""Random spaces of every kind, for properties: conditions, repetition, shapes, all parameters."""

from hypothesis import strategies as st

from search import Choice, Float, Int, Space
from search.space.parameters import Parameter

_OPTIONS = ("relu", "elu", 3, 0.25, True)


@st.composite
def spaces(draw: st.DrawFn, *, discrete: bool = False, most: int = 5) -> Space:
    """A space of one to `most` parameters, each Float with the levels or step that a grid needs.

    `discrete`: only parameters with a few values.
    """
    parameters: list[Parameter] = [Int("layers", draw(st.integers(0, 1)), draw(st.integers(1, 3)))]
    for index in range(draw(st.integers(0, most - 1))):
        kind = draw(st.sampled_from([_int, _float, _choice]))
        when = draw(_when(parameters))
        per = draw(st.sampled_from([None, "layers"]))
        parameters.append(draw(kind(f"p{index}", when, per, discrete)))
    return Space(*draw(st.permutations(parameters)))


def _when(parents: list[Parameter]) -> st.SearchStrategy[dict[str, object] | None]:
    """Nothing, or some values of an earlier parameter that is no Float and not repeated."""
    conditions = [
        st.fixed_dictionaries({parent.name: _some(list(parent.values())[:6])})
        for parent in parents
        if not isinstance(parent, Float) and parent.per is None
    ]
    return st.one_of(st.none(), *conditions)


def _some(values: list[object]) -> st.SearchStrategy[object]:
    several = st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)
    return st.one_of(st.sampled_from(values), several)


@st.composite
def _int(
    draw: st.DrawFn, name: str, when: dict[str, object] | None, per: str | None, discrete: bool
) -> Int:
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -5, 5))
    high = low + draw(st.integers(0, 2 if discrete else 300))
    step = 1 if log else draw(st.integers(1, 3))
    levels = None if discrete else draw(st.one_of(st.none(), st.integers(1, 4)))
    shapes = draw(_shapes(per, ("free", "same", "funnel")))
    return Int(name, low, high, step, log, levels, when, per, shapes)


@st.composite
def _float(
    draw: st.DrawFn, name: str, when: dict[str, object] | None, per: str | None, discrete: bool
) -> Float:
    log = not discrete and draw(st.booleans())
    low = draw(st.floats(1e-6, 1.0)) if log else draw(st.floats(-10, 10, allow_nan=False))
    width = draw(st.floats(0.01, 10))
    steps = 3 if discrete else 40
    step = (
        width / draw(st.floats(1, steps)) if discrete or (not log and draw(st.booleans())) else None
    )
    levels = draw(st.integers(1, 4)) if step is None else None
    shapes = draw(_shapes(per, ("free", "same")))
    return Float(name, low, low + width, step, log, levels, when, per, shapes)


@st.composite
def _choice(
    draw: st.DrawFn, name: str, when: dict[str, object] | None, per: str | None, discrete: bool
) -> Choice:
    options = draw(st.lists(st.sampled_from(_OPTIONS), min_size=1, max_size=3, unique=True))
    return Choice(name, options, when, per, draw(_shapes(per, ("free", "same"))))


def _shapes(per: str | None, known: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    if per is None:
        return st.just(())
    return st.lists(st.sampled_from(known), max_size=3, unique=True).map(tuple)
