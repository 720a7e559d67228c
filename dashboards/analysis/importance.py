"""Parameter importances by Optuna's evaluators, on the trials of any backend."""

import math
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.analysis.axes import Axis, axes
from dashboards.analysis.ranking import PREFIX, focus, scored
from search.problem.objective import Objective
from search.seeds import seed_for

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from optuna.distributions import BaseDistribution
    from optuna.importance import BaseImportanceEvaluator
    from optuna.trial import FrozenTrial

COLUMNS = ("parameter", "evaluator", "importance", "spread", "trials")
FEWEST = 10
DRAWS = 6
_MOST_TRIALS = 150  # each sample fits a forest, whose time grows faster than the trials
_TREES = 8
# The default is the best tenth; with 60 trials it overrates parameters without effect.
_TOP = 0.25
_BUDGET = "budget"


def importances(
    trials: "pd.DataFrame",
    objective: Objective,
    space: Sequence[Mapping[str, Any]] | None,
) -> "pd.DataFrame":
    """Estimate the importance of each parameter with fANOVA and PED-ANOVA.

    All trials with a score count, with any budget. fANOVA gets the epochs of each trial as a
    further parameter, so that longer training is not attributed to other parameters, and a median
    value for an inactive parameter. PED-ANOVA, which compares the best quarter of the trials with
    all trials, handles conditional parameters itself. Outliers of the score are clipped, as in the
    figures.

    Args:
        trials: Frame of `dashboards.tables.frames.trials_frame`.
        objective: Objective of the study.
        space: `Tables.space`; None to infer scales from the values.

    Returns:
        One row per parameter and evaluator ("fANOVA", "PED-ANOVA"), with the columns COLUMNS.
        `importance`: share of the variation that the parameters explain, 0 to 1. `spread`: its
        standard deviation over DRAWS bootstrap samples of the trials. `trials`: number of trials
        used; of more than 150, evenly chosen ones. The frame is empty for fewer than FEWEST trials
        with a score, and for trials with equal parameters or equal scores.
    """
    import numpy as np
    import pandas as pd

    rows: list[tuple[str, str, float, float, int]] = []
    setting = _setting(trials, objective, space)
    if setting is not None:
        count = len(setting.scores)
        for word in ("fANOVA", "PED-ANOVA"):
            first, *draws = setting.shares(word)
            spreads = np.std([draw for draw in draws if draw], axis=0) if any(draws) else ()
            rows += [
                (axis.name, word, share, float(spread), count)
                for axis, share, spread in zip(setting.axes, first, spreads, strict=False)
            ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"importance": "float64", "spread": "float64", "trials": "int64"})


def important(frame: "pd.DataFrame", n: int) -> list[str]:
    """Return the most important parameters, by the mean over the evaluators.

    Args:
        frame: Frame of `importances`.
        n: Maximum number of parameters.

    Returns:
        At most `n` names, the most important first.
    """
    means = frame.groupby("parameter", sort=False)["importance"].mean()
    return [str(name) for name in means.sort_values(ascending=False, kind="stable").index[:n]]


def plane(trials: "pd.DataFrame", frame: "pd.DataFrame") -> tuple[str, str] | None:
    """Return the two most important parameters that more than half of the trials have.

    Args:
        trials: Frame of `dashboards.tables.frames.trials_frame`.
        frame: Frame of `importances`.

    Returns:
        Two names; None when there are fewer than two such parameters.
    """
    found = scored(trials)
    names = important(frame, len(frame))
    common = [name for name in names if found[PREFIX + name].notna().mean() > 0.5]
    return (common[0], common[1]) if len(common) > 1 else None


def _setting(
    trials: "pd.DataFrame", objective: Objective, space: Sequence[Mapping[str, Any]] | None
) -> "_Setting | None":
    """Return the input of the evaluators; None for too few or equal trials."""
    found = scored(trials)
    count = min(len(found), _MOST_TRIALS)
    found = found.iloc[[k * len(found) // count for k in range(count)]]
    varied = [
        axis
        for axis in axes(found, space).values()
        if found[PREFIX + axis.name].nunique(dropna=True) > 1
    ]
    if len(found) < FEWEST or not varied or found["score"].nunique() < 2:
        return None
    window = focus(found["score"], objective)
    scores = found["score"] if window is None else found["score"].clip(*window)
    places = [axis.coordinates(found[PREFIX + axis.name]) for axis in varied]
    epochs = found["epochs"].to_numpy(dtype=float)
    return _Setting(objective, varied, places, epochs, scores.to_numpy())


@dataclass(frozen=True, slots=True, eq=False)
class _Setting:
    """Input of Optuna's evaluators: coordinates by parameter, NaN for inactive parameters."""

    objective: Objective
    axes: Sequence[Axis]
    places: "Sequence[np.ndarray[Any, Any]]"
    epochs: "np.ndarray[Any, Any]"
    scores: "np.ndarray[Any, Any]"

    def shares(self, word: str) -> Iterator[list[float]]:
        """Yield the shares of the parameters for all trials, then for each bootstrap sample.

        An item is empty when the evaluator finds no importance at all.
        """
        _import_optuna()
        known = self._trials(whole=word == "fANOVA")
        for draw in range(1 + DRAWS):
            seed = seed_for(0, "importance", draw)
            drawn = random.Random(seed).choices(known, k=len(known)) if draw else known
            values = _evaluate(drawn, _evaluator(word, seed), self.objective)
            found = [max(0.0, values.get(str(k), 0.0)) for k in range(len(self.axes))]
            total = math.fsum(found)
            yield [value / total for value in found] if total > 0 else []

    def _trials(self, *, whole: bool) -> "list[FrozenTrial]":
        """Create Optuna's trials. `whole`: fill in inactive parameters, and add the epochs."""
        import numpy as np
        from optuna.distributions import FloatDistribution
        from optuna.trial import create_trial

        distributions = {str(k): _distribution(axis) for k, axis in enumerate(self.axes)}
        columns = [_inside(axis, at) for axis, at in zip(self.axes, self.places, strict=True)]
        if whole:
            columns = [np.where(np.isnan(at), _middle(at), at) for at in columns]
        low, high = float(self.epochs.min()), float(self.epochs.max())
        made = []
        for row, score in enumerate(self.scores):
            params = {
                str(k): int(at[row]) if _counted(axis) else float(at[row])
                for k, (axis, at) in enumerate(zip(self.axes, columns, strict=True))
                if not math.isnan(at[row])
            }
            own = {name: distributions[name] for name in params}
            if whole and low < high:
                params[_BUDGET], own[_BUDGET] = self.epochs[row], FloatDistribution(low, high)
            made.append(create_trial(params=params, distributions=own, value=float(score)))
        return made


def _import_optuna() -> None:
    """Import Optuna without tqdm's warning about missing ipywidgets in a notebook."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        import optuna  # noqa: F401 - imported for its side effects


def _evaluate(
    trials: "list[FrozenTrial]", evaluator: "BaseImportanceEvaluator", objective: Objective
) -> dict[str, float]:
    """Return Optuna's importances; empty when all trials have the same score."""
    import optuna

    if len({trial.value for trial in trials}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna marks some settings as experimental
        study = optuna.create_study(
            direction="maximize" if objective.direction == "max" else "minimize"
        )
        study.add_trials(trials)
        return optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=False)


def _evaluator(word: str, seed: int) -> "BaseImportanceEvaluator":
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    if word == "fANOVA":
        return FanovaImportanceEvaluator(n_trees=_TREES, seed=seed)
    return PedAnovaImportanceEvaluator(target_quantile=_TOP)


def _counted(axis: Axis) -> bool:
    return axis.options is not None or (axis.whole and not axis.log)


def _distribution(axis: Axis) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if axis.options is not None:
        return CategoricalDistribution(range(len(axis.options)))
    low, high = axis.span
    return IntDistribution(int(low), int(high)) if _counted(axis) else FloatDistribution(low, high)


def _inside(axis: Axis, at: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Clip coordinates to the bounds: a logarithm may exceed them by rounding."""
    import numpy as np

    clipped: np.ndarray[Any, Any] = np.clip(at, *axis.span)
    return at if axis.options is not None else clipped


def _middle(at: "np.ndarray[Any, Any]") -> float:
    """Return the (upper) median of the values that are not NaN."""
    import numpy as np

    there = np.sort(at[~np.isnan(at)])
    return float(there[len(there) // 2])
