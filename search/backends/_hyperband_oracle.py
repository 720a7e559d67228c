"""KerasTuner's HyperbandOracle, made to draw and promote within a plan of ours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from search.backends._brackets import Bracket, rungs
from search.backends._keras_tuner import InMemory, cube_settings
from search.problem.objective import Objective

# Draws in a row that are all taken before a bracket is content with what it has.
COLLISIONS = 1000


def sweep_oracle(
    brackets: Sequence[Bracket],
    factor: int,
    names: Sequence[str],
    objective: Objective,
    seed: int,
    taken: Callable[[Mapping[str, float]], bool],
    room: Callable[[], bool],
) -> Any:
    """Return KerasTuner's oracle for one sweep of these brackets, without its files and its output.

    `names`: declared without a hierarchy, each as a number of the unit interval; KerasTuner does
    not see the parameter values. `taken`: whether values must not be drawn. `room`: whether another
    configuration may be drawn.
    """
    import keras_tuner

    class SweepOracle(InMemory, keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]  # untyped
        """KerasTuner counts brackets down to 0; here that is their place, last first, in the plan.

        Private names of keras-tuner 1.4.8 (tuners/hyperband.py, engine/oracle.py) are overridden:
        the golden file and the plan's tests show when they change.
        """

        def __init__(self) -> None:
            self.plan = list(reversed(brackets))
            self.bracket_of: dict[str, Bracket] = {}
            settings = cube_settings(names, objective, seed)
            super().__init__(max_epochs=brackets[0].epochs[-1], factor=factor, **settings)
            self.verbose = 0
            self._max_collisions = COLLISIONS

        def _get_num_brackets(self) -> int:
            return len(self.plan)

        def _get_num_rounds(self, bracket_num: int) -> int:
            return len(self.plan[bracket_num].sizes)

        def _get_size(self, bracket_num: int, round_num: int) -> int:
            return self.plan[bracket_num].sizes[round_num]

        def _get_epochs(self, bracket_num: int, round_num: int) -> int:
            return self.plan[bracket_num].epochs[round_num]

        def _duplicate(self, values: dict[str, float]) -> bool:
            return taken(values)

        def _random_values(self) -> dict[str, float] | None:
            values: dict[str, float] | None = super()._random_values() if room() else None
            return values

        def _random_trial(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any]:
            answer: dict[str, Any] = super()._random_trial(trial_id, bracket)
            place = bracket["bracket_num"]
            if answer["status"] == "RUNNING":
                self.bracket_of[trial_id] = self.plan[place]
                return answer
            # No more configurations: the bracket is content with what it has. KerasTuner would
            # leave it half filled, and its trials without a promotion, for ever.
            sizes = rungs(len(bracket["rounds"][0]), self.plan[place].number, factor)
            self.plan[place] = replace(self.plan[place], sizes=sizes)
            return self.populate_space(trial_id)  # type: ignore[no-any-return]

    return SweepOracle()
