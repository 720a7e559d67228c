"""Advice for the next search, derived from data frames and the search space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from dashboards.analysis.ranking import PREFIX, baseline, number, ranked, scored
from dashboards.analysis.summary import Noise, value_text, values_text
from search.problem.objective import Objective
from search.space.parameters import Choice, Float, Int, Scalar
from search.space.space import from_description

if TYPE_CHECKING:
    import pandas as pd

BEST = 5  # number of best trials that advice is based on
EDGE = 0.05  # share of a range, on its scale, that counts as its edge
IDLE = 0.05  # a parameter is unimportant if its importance plus spread is below
FEWEST = 20  # least trials with a score to call a parameter unimportant
PER_PARAMETER = 5  # trials with a score per parameter: fewer are too few
FAILED = 0.1  # share of failed trials from which on they are reported


@dataclass(frozen=True, slots=True)
class Advice:
    """One advice: `about` is its topic in a few words, `text` one or more sentences.

    `words`: options of `run` or `resume` that follow the advice, or "".
    """

    about: str
    text: str
    words: str = ""


def edges(
    trials: "pd.DataFrame",
    objective: Objective,
    space: Sequence[Mapping[str, Any]],
    assignments: Sequence[str] = (),
) -> list[Advice]:
    """Advise on best values at the edge of a range that can be extended.

    Ends that cannot be extended: 0, 1 for counts, and 1 for shares. `assignments`: the study's
    `--set` texts. A range that `--set` narrowed is widened with another `--set`; other ranges are
    widened in the problem's file.
    """
    best = ranked(trials, objective)
    if len(best) < 2:
        return []
    narrowed = {text.partition("=")[0].strip() for text in assignments}
    repeated = {f"{p['name']}_" for p in space if "per" in p}
    found = []
    for node in from_description(space).nodes:
        parameter = node.parameter
        if isinstance(parameter, Choice) or PREFIX + node.name not in best:
            continue
        values = best[PREFIX + node.name]
        end = None if _missing(values.iloc[0]) else _end(parameter, float(values.iloc[0]))
        if end is None:
            continue
        top = [_end(parameter, float(value)) for value in values.head(BEST).dropna()]
        others = f"{top.count(end)} of the {len(top)} best trials that have it"
        base = next((r[:-1] for r in repeated if node.name.startswith(r)), node.name)
        text = (
            f"The best value, {value_text(values.iloc[0])}, is at the {_side(end)} end of the "
            f"search range ({values_text(parameter)}). The same holds for {others}. "
        )
        wider = _wider(parameter, end)
        if node.name == "epochs" and end:
            found.append(
                Advice(
                    "epochs at their limit",
                    f"{text}Raise the limit.",
                    f"--max-epochs {wider[1]:g}",
                )
            )
            continue
        if base in narrowed:
            text += "--set narrowed the range: start a study with a wider one."
        else:
            text += (
                f"--set only narrows: {'raise high' if end else 'lower low'} to {wider[end]:g} in "
                "the problem's file first, then search the new part of the range."
            )
        about = f"{node.name} at the edge of its range"
        found.append(Advice(about, text, f"--set {base}={_range(wider)}"))
    return found


def idle(
    trials: "pd.DataFrame",
    objective: Objective,
    space: Sequence[Mapping[str, Any]],
    importances: "pd.DataFrame",
) -> list[Advice]:
    """Advise to fix parameters that are unimportant by all evaluators, including the spread.

    `importances`: the frame of `dashboards.analysis.importance.importances`.
    """
    best = ranked(trials, objective)
    if len(best) < FEWEST or importances.empty:
        return []
    top = importances["importance"] + importances["spread"].fillna(0)
    most = top.groupby(importances["parameter"], sort=False).max()
    names = [str(name) for name in most[most < IDLE].index]
    if not names:
        return []
    alone = {p["name"] for p in space if "per" not in p}
    counters = {p["per"] for p in space if "per" in p}
    nodes = {node.name: node.parameter for node in from_description(space).nodes}
    words = []
    for name in names:
        value = best[PREFIX + name].iloc[0] if PREFIX + name in best else None
        if name in alone - counters and not _missing(value):
            words.append(f"--set {name}={_word(nodes[name], value)}")
    does, them = ("does", "it") if len(names) == 1 else ("do", "them")
    return [
        Advice(
            "unimportant parameters",
            f"{_listed(names)} {does} not matter here: the importance is below {IDLE:.0%}, "
            f"including its uncertainty. Fix {them} to spend the next trials on the other "
            "parameters.",
            " ".join(words),
        )
    ]


def rising(trials: "pd.DataFrame", curves: "pd.DataFrame", objective: Objective) -> list[Advice]:
    """Advise more epochs if the best completed trial was best at its last epoch."""
    best = ranked(trials, objective)
    best = best[(best["state"] == "completed") & (best["epochs"] > 1)].head(BEST)
    if best.empty:
        return []
    shown = curves[(curves["metric"] == objective.metric) & curves["trial"].isin(best["trial"])]
    last = {
        str(trial): _best_last(list(curve.sort_values("epoch")["value"]), objective)
        for trial, curve in shown.groupby("trial", sort=False)
    }
    first = str(best["trial"].iloc[0])
    longest = int(best["epochs"].max())
    if not last.get(first) or int(best["epochs"].iloc[0]) < longest:
        return []
    among = sum(last.values())
    others = f"; so were {among} of the {len(last)} best trials" if len(last) > 1 else ""
    return [
        Advice(
            "still improving",
            f"Trial {first} was best at its last epoch, {longest}{others}. "
            "More epochs may improve the score.",
            f"--max-epochs {3 * longest}",
        )
    ]


def few(trials: "pd.DataFrame", space: Sequence[Mapping[str, Any]]) -> list[Advice]:
    """Advise more trials if there are few per parameter and the space is not exhausted."""
    searched = from_description(space)
    varied = sum(1 for p in searched.parameters if p.count != 1)
    count = len(scored(trials))
    if count >= PER_PARAMETER * varied or (searched.size or count + 1) <= count:
        return []
    return [
        Advice(
            "few trials",
            f"{count} trials with a score are few for {varied} parameters: a better "
            "configuration is likely to exist, and parameter importances are rough.",
            f"--trials {PER_PARAMETER * varied}",
        )
    ]


def failing(
    trials: "pd.DataFrame", failures: "pd.DataFrame", space: Sequence[Mapping[str, Any]]
) -> list[Advice]:
    """Report many failures, and a parameter that separates failed trials from the others."""
    if trials.empty or len(failures) < max(2, FAILED * len(trials)):
        return []
    kind = failures["kind"].value_counts().index[0]
    text = f"{len(failures)} of {len(trials)} trials failed, most of them with {kind}."
    words = ""
    failed = trials[trials["trial"].isin(failures["trial"])]
    others = scored(trials)
    for parameter in from_description(space).parameters:
        name = PREFIX + parameter.name
        if isinstance(parameter, Choice) or name not in trials or others.empty:
            continue
        low, high = failed[name].min(skipna=False), others[name].max()  # every failed one has it
        if not _missing(low) and not _missing(high) and low > high:
            text += (
                f" All failed trials, and no other trial, had {parameter.name} of {number(low)} or "
                "more. Exclude this part of the range."
            )
            words = f"--set {parameter.name}={parameter.low:g}..{_word(parameter, high)}"
            break
    return [Advice("many failures", text, words)]


def unbeaten(trials: "pd.DataFrame", objective: Objective) -> list[Advice]:
    """Report that no trial is better than the baseline."""
    best, mine = ranked(trials, objective), baseline(trials)
    if mine is None or len(best) < 2 or str(best["trial"].iloc[0]) != mine:
        return []
    return [
        Advice(
            "baseline not beaten",
            "No trial is better than the baseline. Keep the baseline, or continue with more "
            "trials, or search a space around the baseline.",
        )
    ]


def close(
    trials: "pd.DataFrame", objective: Objective, noise: Noise, *, folds: int | None = None
) -> list[Advice]:
    """Report trials whose distance to the best trial is smaller than the noise."""
    best = ranked(trials, objective)
    best = best[best["state"] == "completed"]
    if noise.value is None or len(best) < 2:
        return []
    keys = best["score"].map(objective.sort_key)
    near = best[keys - keys.iloc[0] < noise.value]
    others = [str(trial) for trial in near["trial"].iloc[1:]]
    if not others:
        return []
    which = f"trial {others[0]} is" if len(others) == 1 else f"{len(others)} other trials are"
    text = (
        f"{which[0].upper()}{which[1:]} within the noise of the best ({noise.value:.4f}): the "
        "order of these trials is not significant. Choose by size or speed"
    )
    if folds is None:
        return [Advice("a narrow lead", f"{text}, or cross-validate.", "--cv 5")]
    return [Advice("a narrow lead", f"{text}.")]


def _end(parameter: Int | Float, value: float) -> int | None:
    """Return 0 for a value at the low end of a range, 1 at its high end, otherwise None.

    Return None also at an end that cannot be extended.
    """
    low, high = float(parameter.low), float(parameter.high)
    if low == high:
        return None
    if parameter.log:
        unit = (log(value) - log(low)) / (log(high) - log(low)) if value > 0 else -1.0
    else:
        unit = (value - low) / (high - low)
    if not 0 <= unit <= 1:  # the baseline may be outside the range
        return None
    natural_low = low <= 1 if isinstance(parameter, Int) else low == 0
    natural_high = isinstance(parameter, Float) and high == 1 and not parameter.log
    if unit >= 1 - EDGE and not natural_high:
        return 1
    if unit <= EDGE and not natural_low:
        return 0
    return None


def _wider(parameter: Int | Float, end: int) -> tuple[float, float]:
    """Extend a range at one end: by a factor on a log scale, otherwise by half its width."""
    low, high = float(parameter.low), float(parameter.high)
    if parameter.log:
        factor = 2.0 if isinstance(parameter, Int) else 10.0
        low, high = (low, high * factor) if end else (low / factor, high)
    else:
        more = (high - low) / 2
        low, high = (low, high + more) if end else (max(low - more, min(low, 0.0)), high)
    if isinstance(parameter, Int):
        return round(low) if end else max(round(low), 1), round(high + 1e-9)
    return float(f"{low:.3g}"), float(f"{high:.3g}")


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:g}..{ends[1]:g}"


def _side(end: int) -> str:
    return "upper" if end else "lower"


def _word(parameter: object, value: Any) -> str:
    """Return a value as text for `--set`: short, and inside the range."""
    if isinstance(parameter, Float):
        short = float(f"{value:.3g}")
        inside = parameter.low <= short <= parameter.high and parameter.step is None
        return f"{short:g}" if inside else f"{parameter.nearest(float(value))!r}"
    if isinstance(parameter, Int):
        return str(int(value))
    plain: Scalar = value
    return str(plain)


def _best_last(values: Sequence[float], objective: Objective) -> bool:
    keys = [objective.sort_key(value) for value in values]
    return len(keys) > 1 and keys[-1] < min(keys[:-1])


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _missing(value: Any) -> bool:
    return value is None or value != value
