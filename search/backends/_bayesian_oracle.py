"""KerasTuner's BayesianOptimizationOracle, made to answer in a tenth of a second."""

import warnings
from collections.abc import Sequence
from typing import Any

from search.backends._keras_tuner import InMemory, cube_settings
from search.problem.objective import Objective

# KerasTuner draws 3 trials for each dimension at random: for a space with parameters per layer that
# would be a whole study.
INITIAL = 10

# Its search for the bound's minimum descends from 50 points by numerical gradients, and its process
# is fitted 21 times: 1 to 3 s an ask for 10 parameters and 40 trials. These are as good.
_FITS_MORE = 2
# Within KerasTuner's 1e-5 to 1e5 a fit may end at 1e-5, where the likelihood is flat and the model
# knows nothing: it did so for 12 points of a parabola. In a unit cube these are enough.
_LENGTHS = (0.05, 10.0)
_POINTS = 2000
_NEAR = ((500, 0.1), (500, 0.02))


def bayesian_oracle(names: Sequence[str], objective: Objective, seed: int) -> Any:
    """KerasTuner's oracle over a flat unit cube, without its files and its output.

    Its `drawn()` says what it would try next; `create_trial` opens a trial at `accepted`.
    """
    import keras_tuner
    import numpy as np
    from threadpoolctl import ThreadpoolController

    class BayesianOracle(InMemory, keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]  # untyped
        """Use KerasTuner's surrogate, its bound, and its estimate for running trials.

        Private names of keras-tuner 1.4.8 (tuners/bayesian.py, engine/oracle.py) are used: the
        golden file shows when they change.
        """

        def __init__(self) -> None:
            settings = cube_settings(names, objective, seed)
            super().__init__(max_trials=None, num_initial_points=INITIAL, **settings)
            self.verbose = 0
            self.accepted: dict[str, float] = {}
            self.gpr.set_params(
                n_restarts_optimizer=_FITS_MORE, kernel__length_scale_bounds=_LENGTHS
            )
            self._fitted = False
            # OpenBLAS with two threads takes ten times as long for matrices as small as these, and
            # the order of its sums would depend on how many there are.
            self._threads = ThreadpoolController()

        def drawn(self) -> dict[str, float]:
            """Return the next configuration; a random one until enough trials are completed."""
            done = [trial for trial in self.trials.values() if trial.status == "COMPLETED"]
            if len(done) < INITIAL:
                values: dict[str, float] = self._random_values()
                return values
            # warnings: of a length scale at the end of its range
            with warnings.catch_warnings(), self._threads.limit(limits=1):
                warnings.simplefilter("ignore")
                if not self._fitted:
                    self._fit_to(done)
                self.gpr.fit(*self._vectorize_trials())
                return dict(zip(names, self._lowest_bound().tolist(), strict=True))

        def _fit_to(self, done: Sequence[Any]) -> None:
            # The guess for a trial under way is the last fit's; without one it would be 1 of
            # whatever the objective is, and an accuracy told as -0.9 would drown in that.
            sign = -1 if objective.direction == "max" else 1
            places = [[trial.hyperparameters.values[name] for name in names] for trial in done]
            self.gpr.fit(np.array(places), np.array([sign * trial.score for trial in done]))
            self._fitted = True

        def _lowest_bound(self) -> Any:
            """The best of many points, and of more around the best."""
            points = self._random_state.uniform(size=(_POINTS, len(names)))
            best, lowest = points[0], np.inf
            for number, spread in (*_NEAR, (0, 0.0)):
                mean, deviation = self.gpr.predict(points, return_std=True)
                bound = mean - self.beta * deviation
                if bound.min() < lowest:
                    best, lowest = points[bound.argmin()], bound.min()
                near = self._random_state.normal(best, spread, size=(number, len(names)))
                points = np.clip(near, 0.0, 1.0)
            return best

        def populate_space(self, trial_id: str) -> dict[str, Any]:
            return {"status": "RUNNING", "values": dict(self.accepted)}

        def _duplicate(self, values: dict[str, float]) -> bool:
            return False  # whoever asks knows what is taken

    return BayesianOracle()
