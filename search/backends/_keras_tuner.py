"""KerasTuner's oracles over a flat unit cube, in memory; the names used are those of 1.4.8."""

from collections.abc import Sequence
from typing import Any

from search.problem.objective import Objective

SCORE = "score"


def cube_settings(names: Sequence[str], objective: Objective, seed: int) -> dict[str, Any]:
    """What an oracle is created with: each name is a number of the unit interval."""
    import keras_tuner

    space = keras_tuner.HyperParameters()
    for name in names:
        space.Float(name, 0.0, 1.0)
    return {
        "objective": keras_tuner.Objective(SCORE, objective.direction),
        "hyperparameters": space,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "seed": seed + 1,  # KerasTuner takes the seed 0 for "none given"
    }


def complete(oracle: Any, trial: Any, score: float) -> None:
    """End a trial as completed: KerasTuner is never told of a failure (see the backends)."""
    oracle.update_trial(trial.trial_id, {SCORE: score})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


class InMemory:
    """An oracle without files; comes first among the base classes."""

    def save(self) -> None:
        """Nothing: the journal is the only record."""

    def _save_trial(self, trial: Any) -> None:
        """Nothing, likewise."""
