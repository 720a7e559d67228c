"""How much each parameter matters, by Optuna's evaluators on the trials of any backend."""

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
_MOST_TRIALS = 150  # each draw grows a forest, whose time grows faster than its trials
_TREES = 8
# PED-ANOVA's own is the best tenth, which of 60 trials made much of parameters that do nothing
_TOP = 0.25
_BUDGET = "budget"


def importances(
    trials: "pd.DataFrame",
    objective: Objective,
    space: Sequence[Mapping[str, Any]] | None,
) -> "pd.DataFrame":
    """One row per parameter and evaluator ("fANOVA", "PED-ANOVA"): the columns COLUMNS.

    `importance`: its share, 0 to 1, of what all parameters explain. `spread`: the standard
    deviation of that over DRAWS draws of the trials with replacement, each with a seed of its own.
    `trials`: how many were taken, evenly chosen where there are more than 150. All with a score
    count, whatever their budget; fANOVA is told the epochs of each, so that a longer training is
    not taken for a better setting, and a middle value where a parameter is inactive. PED-ANOVA
    (what do the best quarter have in common?) knows conditional parameters by itself. Scores far
    worse than most are cut, as in the figures.

    Empty below FEWEST trials with a score, and where nothing differs between them.
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
    """The `n` parameters of the largest importance (mean over evaluators), largest first."""
    means = frame.groupby("parameter", sort=False)["importance"].mean()
    return [str(name) for name in means.sort_values(ascending=False, kind="stable").index[:n]]


def plane(trials: "pd.DataFrame", frame: "pd.DataFrame") -> tuple[str, str] | None:
    """The two most important parameters that most trials have: few points make no plane."""
    found = scored(trials)
    names = important(frame, len(frame))
    common = [name for name in names if found[PREFIX + name].notna().mean() > 0.5]
    return (common[0], common[1]) if len(common) > 1 else None


def _setting(
    trials: "pd.DataFrame", objective: Objective, space: Sequence[Mapping[str, Any]] | None
) -> "_Setting | None":
    """None where there is nothing to tell apart."""
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
    """The trials as Optuna is to see them: coordinates by parameter, NaN where inactive."""

    objective: Objective
    axes: Sequence[Axis]
    places: "Sequence[np.ndarray[Any, Any]]"
    epochs: "np.ndarray[Any, Any]"
    scores: "np.ndarray[Any, Any]"

    def shares(self, word: str) -> Iterator[list[float]]:
        """The share of each parameter, of the trials and of each draw; empty if nothing differs."""
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
        """`whole`: every parameter has a value in every trial, and the budget is one of them."""
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
    """Without tqdm's warning that a notebook has no ipywidgets for its progress bars."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        import optuna  # noqa: F401 - so that it is imported by now


def _evaluate(
    trials: "list[FrozenTrial]", evaluator: "BaseImportanceEvaluator", objective: Objective
) -> dict[str, float]:
    """Optuna's numbers; none where all the trials have one score."""
    import optuna

    if len({trial.value for trial in trials}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of settings that it calls experimental
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
    """Within the bounds that logarithms may miss by their last digit."""
    import numpy as np

    clipped: np.ndarray[Any, Any] = np.clip(at, *axis.span)
    return at if axis.options is not None else clipped


def _middle(at: "np.ndarray[Any, Any]") -> float:
    """The median of what is there, as one of its values."""
    import numpy as np

    there = np.sort(at[~np.isnan(at)])
    return float(there[len(there) // 2])
