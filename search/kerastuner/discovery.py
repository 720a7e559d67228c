"""The space of code that asks for its parameters while it runs, found by running it.

Such code (a KerasTuner hypermodel) never lists its parameters: which it asks for may depend on the
values it was given. So it is run with each parameter at its extremes and each choice, again where
a run shows new names, and what was asked for under which values says how they depend on each other.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from search.errors import UsageError
from search.kerastuner._conditions import Varied, allowed, in_short
from search.seeds import seed_for
from search.space.parameters import Choice, Float, Int, Parameter, Params, Scalar, conditions
from search.space.space import Space, key

# An Int with no more values than this is tried at each of them, not at its extremes alone.
_FEW = 4
# Runs at drawn values that confirm what was found, and find what two values decide together.
_DRAWN = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run asked for, in order.

    `declared`: every parameter met, its `when` the conditions that the code itself states.
    `values`: what the active ones were given. `whole`: whether the run came to its end; one that
    did not shows names, but not which are missing.
    """

    declared: Sequence[Parameter]
    values: Params
    whole: bool = True


Run: TypeAlias = Callable[[Params], Asked]


@dataclass(frozen=True, slots=True)
class Discovery:
    """A space that was found, how many runs that took, and what a user should know of it."""

    space: Space
    runs: int
    remarks: tuple[str, ...] = ()


def discover(run: Run, most: int = 200) -> Discovery:
    """Return the space of `run`, which is called with different values, at most `most` times.

    A value that is not given is the default of `run`. Equal code gives equal spaces. If runs
    contradict a condition, the parameter is always searched, and a remark says so.

    Raises: UsageError if no hyperparameter is requested; any exception of the first run.
    """
    search = _Search(run, most)
    search.explore({})
    for number in range(_DRAWN):
        if search.known:
            search.explore(_drawn(search.space(), number), vary=False)
    if not search.known:
        raise UsageError(
            "The hypermodel requests no hyperparameter. Use hp.Int, hp.Float, hp.Choice or "
            "hp.Boolean in build."
        )
    return Discovery(search.space(), len(search.runs), tuple(search.remarks()))


class _Search:
    """The results of the runs so far: parameters in order of request, and the varied values."""

    def __init__(self, run: Run, most: int) -> None:
        self._run = run
        self._most = most
        self._full = False
        self._varied: list[Varied] = []
        self.known: dict[str, Parameter] = {}
        self.runs: dict[str, Asked] = {}

    def explore(self, values: Params, *, vary: bool = True) -> None:
        """Run at these values, and at what differs from them by one, until no new name appears."""
        before = set(self.known)
        start = self._at(values)
        if start is None:
            return
        todo = deque([(start, vary or set(self.known) > before)])
        first = True
        while todo:
            context, wanted = todo.popleft()
            if not wanted:
                continue
            for name in list(context.values):
                if first or self._may_decide(name):
                    todo += [(found, True) for found in self._vary(context, name)]
            first = False

    def _may_decide(self, name: str) -> bool:
        """Whether others may depend on it: a Choice, an Int of few values, or one that was seen to.

        Where new names appeared, wide ranges and Floats need not be tried anew.
        """
        parameter = self.known[name]
        if isinstance(parameter, Choice):
            return True
        tried = [varied for varied in self._varied if varied.name == name]
        return not tried or any(varied.decides for varied in tried)

    def _vary(self, context: Asked, name: str) -> list[Asked]:
        """Try one parameter's values, the others as in `context`; the runs with new names."""
        parameter = self.known[name]
        new: list[Asked] = []
        tried: dict[Scalar, Asked] = {context.values[name]: context}

        def attempt(value: Scalar) -> None:
            if value in tried:
                return
            before = len(self.known)
            asked = self._at({**context.values, name: value})
            if asked is not None and asked.values.get(name) == value:
                tried[value] = asked
                if len(self.known) > before:
                    new.append(asked)

        for value in _extremes(parameter):
            attempt(value)
        if isinstance(parameter, Int):
            self._between(parameter, tried, attempt)
        self._varied.append(Varied(parameter, context, dict(tried)))
        return new

    def _between(
        self, parameter: Int, tried: dict[Scalar, Asked], attempt: Callable[[Scalar], None]
    ) -> None:
        """Where two values ask for different names, find where in between that changes."""
        todo = deque([sorted(tried)])
        while todo:
            self._refuse_counting(parameter, tried)
            values = todo.popleft()
            for low, high in pairwise(values):
                steps = (int(high) - int(low)) // parameter.step
                if steps < 2 or tried[low].values.keys() == tried[high].values.keys():
                    continue
                middle = int(low) + steps // 2 * parameter.step
                attempt(middle)
                if middle in tried:
                    todo.append([low, middle, high])

    def _refuse_counting(self, parameter: Int, tried: Mapping[Scalar, Asked]) -> None:
        """Refuse code that makes a name of a number: each value would have its own parameter.

        Raises: UsageError with such names.
        """
        if len(tried) <= _FEW:
            return
        counts = Counter(name for asked in tried.values() for name in asked.values)
        alone = [
            next((name for name in asked.values if counts[name] == 1), None)
            for asked in tried.values()
        ]
        names = [name for name in alone if name is not None]
        if len(names) == len(tried):
            raise UsageError(
                f"build must request the same names for each value of {parameter.name}, not "
                f"{in_short(names)}. Remove the value from the name to get one parameter."
            )

    def _at(self, values: Params) -> Asked | None:
        """The run at these values, made once; None when there have been enough."""
        place = key(values)
        if place not in self.runs:
            if len(self.runs) >= self._most:
                self._full = True
                return None
            asked = self._run(values)
            for parameter in asked.declared:
                self.known.setdefault(parameter.name, parameter)
            self.runs[place] = asked
        return self.runs[place]

    def space(self) -> Space:
        """The space as it is known, with every condition that no run contradicts."""
        return Space(*self._conditioned().values())

    def remarks(self) -> list[str]:
        """Return remarks for the user: runs that ended early, parameters always searched."""
        said = []
        if self._full:
            said.append(
                f"{self._most} builds did not show all of the space; some parameters may be "
                "searched where they are not used, or not at all"
            )
        failed = sum(not asked.whole for asked in self.runs.values())
        if failed:
            said.append(f"{failed} of {len(self.runs)} builds failed; such trials will fail too")
        conditioned = self._conditioned()
        lost = [n for n in conditioned if self._guess(n).when and not conditioned[n].when]
        if lost:
            said.append(
                f"{in_short(lost)}: no condition of single parameters says when it is used, so it "
                "is searched always"
            )
        floats = [varied.name for varied in self._varied if varied.decides]
        floats = [name for name in floats if isinstance(self.known[name], Float)]
        if floats:
            said.append(
                f"what is used depends on {in_short(dict.fromkeys(floats))}, a Float, which no "
                "condition can name; it is searched always"
            )
        return said

    def _conditioned(self) -> dict[str, Parameter]:
        found = {name: self._guess(name) for name in self.known}
        while found:
            space = Space(*found.values())
            wrong = [name for name in found if found[name].when and self._contradicted(space, name)]
            if not wrong:
                break
            for name in wrong:
                found[name] = replace(found[name], when=None)
        return found

    def _guess(self, name: str) -> Parameter:
        """The parameter with the conditions that the code states, else with those it showed."""
        parameter = self.known[name]
        if parameter.when:
            return parameter
        when: dict[str, tuple[Scalar, ...]] = {}
        for varied in self._varied:
            values = allowed(varied, name)
            if values is not None and varied.name not in when:
                when[varied.name] = values
        return replace(parameter, when=self._direct(when) or None)

    def _direct(self, when: Mapping[str, tuple[Scalar, ...]]) -> Mapping[str, tuple[Scalar, ...]]:
        """Without what follows from the rest: a parent that itself depends on the grandparent."""
        if len(when) < 2:
            return when
        parents = {name: self._guess(name) for name in when}
        implied = {
            condition.parent
            for parent in parents.values()
            for condition in conditions(parent)
            if condition.parent in when and set(condition.values) <= set(when[condition.parent])
        }
        return {name: values for name, values in when.items() if name not in implied}

    def _contradicted(self, space: Space, name: str) -> bool:
        """Whether a run asked for the parameter where the space says that it is not active.

        The other way round does no harm: a value that is not asked for.
        """
        for asked in self.runs.values():
            if name in asked.values:
                every = {n: asked.values.get(n, _any(p)) for n, p in self.known.items()}
                if name not in space.active(every):
                    return True
        return False


def _extremes(parameter: Parameter) -> Sequence[Scalar]:
    """The values to try first, the highest in front: loops show most names there."""
    if isinstance(parameter, Choice):
        return parameter.options
    if isinstance(parameter, Int) and parameter.count <= _FEW:
        return list(reversed(parameter.values()))
    if isinstance(parameter, Int):
        return [parameter.values()[-1], parameter.low]
    return [parameter.high, parameter.low]


def _any(parameter: Parameter) -> Scalar:
    return parameter.at(0.0)


def _drawn(space: Space, number: int) -> Params:
    """A configuration of the space, the same one for the same number."""
    units = {n.name: seed_for(0, "discovery", number, n.name) / 2**31 for n in space.nodes}
    return space.active({n.name: n.parameter.at(units[n.name]) for n in space.nodes})
