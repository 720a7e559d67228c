"""The ceiling of epochs: how many a trial of a study may have at most."""

from collections.abc import Iterator
from dataclasses import replace

from search.errors import UsageError
from search.problem.problem import Problem
from search.space.parameters import Choice, Int, Parameter, Params
from search.space.space import Space
from search.study.config import StudyConfig

DEFAULT = 9


def ceiling(config: StudyConfig, problem: Problem, space: Space) -> int:
    """Return the ceiling of a study: what the user, the problem, or the searched range says.

    `space`: as narrowed by the user. A study that recorded none before ranges counted keeps 9.
    """
    if config.ceiling is not None:
        return config.ceiling
    stated = config.max_epochs or problem.max_epochs
    if stated is None and not config.recorded:
        return of_space(space)
    return stated or DEFAULT


def of_space(space: Space) -> int:
    """Return the largest value of a parameter named "epochs"; 9 where there is none.

    >>> of_space(Space(Int("epochs", 20, 200, step=10)))
    200
    """
    epochs = searched(space)
    if isinstance(epochs, Int):
        return epochs.high
    return max(map(int, epochs.options)) if isinstance(epochs, Choice) else DEFAULT


def searched(space: Space) -> Parameter | None:
    """Return the parameter named "epochs"; None where there is none."""
    return next((p for p in space.parameters if p.name == "epochs"), None)


def capped(epochs: Parameter, most: int, *, lowers: bool = False) -> Parameter:
    """Return the searched epochs up to a ceiling, on the same steps.

    `lowers`: a ceiling below the range is its only value, as in studies that recorded no ceiling.

    Raises: UsageError for a ceiling below the range.
    """
    if isinstance(epochs, Choice):
        options = tuple(option for option in epochs.options if int(option) <= most)
        if not options:
            raise _leaves_nothing(", ".join(map(str, epochs.options)), most)
        return replace(epochs, options=options)
    if not isinstance(epochs, Int) or epochs.high <= most:
        return epochs
    if epochs.low > most and not lowers:
        raise _leaves_nothing(f"{epochs.low}..{epochs.high}", most)
    low = min(epochs.low, most)
    high = low + (most - low) // epochs.step * epochs.step
    levels = epochs.levels
    if isinstance(levels, tuple):
        levels = tuple(level for level in levels if level <= high) or None
    return replace(epochs, low=low, high=high, levels=levels)


def remarks(
    config: StudyConfig, problem: Problem, epochs: Parameter, most: int, *, as_budget: bool
) -> Iterator[str]:
    """Yield what a ceiling changes of the epochs that the user asked for.

    `epochs`: as searched without a ceiling. `as_budget`: the backend allocates the epochs.
    """
    own = (problem.baseline or {}).get("epochs")
    if as_budget:
        baseline = "" if own in (None, most) else f", and the baseline may have more than its {own}"
        if own is not None and int(own) > most:
            baseline = f", and the baseline fewer than its {own}"
        yield (
            f"epochs: {config.backend} allocates the epochs itself, up to {most}; the range "
            f"{_said(epochs)} is not searched{baseline}"
        )
        return
    limit = f"the study's ceiling of {most}"
    if config.max_epochs or problem.max_epochs:
        limit = f"--max-epochs {most}" if config.max_epochs else f"the problem's max_epochs={most}"
    left = capped(epochs, most, lowers=True)
    if left != epochs:
        yield f"epochs: {limit} leaves {_said(left)} of {_said(epochs)}"
    if own is not None and is_cut(config, problem) and int(own) > most:
        yield f"baseline: {limit} cuts its {own} epochs"


def is_cut(config: StudyConfig, problem: Problem) -> bool:
    """Whether a ceiling is stated, which holds for the baseline too."""
    return bool(config.max_epochs or problem.max_epochs) or (
        config.recorded and config.ceiling is None
    )


def cut(baseline: Params, most: int) -> Params:
    """Return a baseline with at most so many epochs."""
    if "epochs" not in baseline:
        return baseline
    return {**baseline, "epochs": min(int(baseline["epochs"]), most)}


def _said(epochs: Parameter) -> str:
    if isinstance(epochs, Int):
        return f"{epochs.low}..{epochs.high}" if epochs.low < epochs.high else str(epochs.low)
    return ", ".join(map(str, epochs.options)) if isinstance(epochs, Choice) else epochs.name


def _leaves_nothing(epochs: str, most: int) -> UsageError:
    return UsageError(
        f"epochs: a ceiling of {most} leaves none of {epochs}; raise --max-epochs, or the "
        "max_epochs of the problem"
    )
