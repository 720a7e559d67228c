"""Optuna's samplers and pruners through ask, report, should_prune and tell, on a study in memory.

Akiba et al., Optuna, KDD 2019. A conditional space is walked in order: only active parameters are
suggested (define by run).
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from search.backends._optuna_draws import distribution, draw, to_draw, to_value
from search.backends._sequential import SequentialBackend
from search.backends.base import BackendSettings, Known, scored, whole_budgets
from search.errors import unknown_name
from search.seeds import seed_for
from search.space._expansion import Node
from search.space.parameters import Choice, Float, Scalar
from search.space.space import Space
from search.study.trial import (
    Answer,
    Completed,
    Decision,
    EpochReport,
    Exhausted,
    Outcome,
    Pruned,
)

if TYPE_CHECKING:
    import optuna
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

EPOCHS_AS_BUDGET = False
planned_epochs = whole_budgets
SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "tpe": (),
    "random": (),
    "qmc": (),
    "cmaes": (),
    "nsga2": ("population", "generations"),
}
PRUNERS = ("median", "none", "percentile", "asha", "hyperband")
DEFAULT_SAMPLER = next(iter(SAMPLERS))
DEFAULT_PRUNER = PRUNERS[0]
DEFAULT_POPULATION = 50  # Optuna's, and sklearn-deap's

# HyperbandPruner deals trials out to brackets by a hash of this name and the trial's number.
_STUDY_NAME = "search"

_MakeSampler: TypeAlias = "Callable[[int, BackendSettings], BaseSampler]"
_MakePruner: TypeAlias = "Callable[[BackendSettings], BasePruner]"
_Made = TypeVar("_Made")


def default_trials(space: Space, settings: BackendSettings) -> int | None:
    """Return population times generations; None without `generations`.

    A repeated configuration that is drawn again does not count as a trial. Pruned and failed trials
    count, and lengthen their generation.
    """
    if settings.generations is None:
        return None
    return (settings.population or DEFAULT_POPULATION) * settings.generations


def remarks(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The sampler and the pruner, and what the sampler cannot model."""
    sampler, pruner = settings.sampler or DEFAULT_SAMPLER, settings.pruner or DEFAULT_PRUNER
    chosen = f"sampler {sampler}, pruner {pruner}"
    if sampler == "nsga2":
        chosen = f"{chosen}, population {settings.population or DEFAULT_POPULATION}"
    names = unmodelled(space, settings)
    if not names:
        return (chosen,)
    return (chosen, f"{sampler} draws these independently, at random: {', '.join(names)}")


def unmodelled(space: Space, settings: BackendSettings) -> tuple[str, ...]:
    """The parameters that the sampler does not model: it draws them independently, at random.

    Empty for tpe (conditions are modelled by groups) and random (nothing is).
    """
    sampler = settings.sampler or DEFAULT_SAMPLER
    _named("sampler", sampler, _samplers())
    if sampler in ("tpe", "random"):
        return ()
    varied = [node.name for node in space.nodes if node.parameter.count != 1]
    modelled = {node.name for node in _always_active(space)} & set(varied)
    if sampler == "cmaes":
        modelled -= {node.name for node in space.nodes if isinstance(node.parameter, Choice)}
        if len(modelled) == 1:  # CMA-ES needs two dimensions (Optuna 5.0, samplers/_cmaes.py)
            modelled = set()
    return tuple(name for name in varied if name not in modelled)


def _always_active(space: Space) -> list[Node]:
    """The nodes whose conditions are met by every value that their parents can take."""
    values: dict[str, Sequence[Scalar]] = {}
    always = []
    for node in space.nodes:
        if all(
            condition.parent in values and all(map(condition.met, values[condition.parent]))
            for condition in node.conditions
        ):
            always.append(node)
            if not isinstance(node.parameter, Float):
                values[node.name] = node.parameter.values()
    return always


def _samplers() -> "Mapping[str, _MakeSampler]":
    from optuna.samplers import (
        CmaEsSampler,
        NSGAIISampler,
        QMCSampler,
        RandomSampler,
        TPESampler,
    )

    return {
        "tpe": lambda seed, _: TPESampler(multivariate=True, group=True, seed=seed),
        "random": lambda seed, _: RandomSampler(seed=seed),
        # Unscrambled, the sequence would be the same for every seed.
        "qmc": lambda seed, _: QMCSampler(
            scramble=True, seed=seed, warn_independent_sampling=False
        ),
        "cmaes": lambda seed, _: CmaEsSampler(seed=seed, warn_independent_sampling=False),
        "nsga2": lambda seed, settings: NSGAIISampler(
            population_size=settings.population or DEFAULT_POPULATION, seed=seed
        ),
    }


def _pruners() -> "Mapping[str, _MakePruner]":
    from optuna.pruners import (
        HyperbandPruner,
        MedianPruner,
        NopPruner,
        PercentilePruner,
        SuccessiveHalvingPruner,
    )

    return {
        "none": lambda _: NopPruner(),
        "median": lambda _: MedianPruner(),
        "percentile": lambda _: PercentilePruner(25.0),
        "asha": lambda settings: SuccessiveHalvingPruner(
            min_resource=1, reduction_factor=settings.factor
        ),
        "hyperband": lambda settings: HyperbandPruner(
            min_resource=1, max_resource=settings.max_epochs, reduction_factor=settings.factor
        ),
    }


def _named(kind: str, name: str, known: Mapping[str, _Made]) -> _Made:
    if name not in known:
        raise unknown_name(kind, name, known)
    return known[name]


def _teach(study: "optuna.Study", space: Space, known: Sequence[Known]) -> None:
    """Give the study the known configurations that have a score and lie in the space."""
    from optuna.trial import create_trial

    parameters = {node.name: node.parameter for node in space.nodes}
    for params, score in scored(space, known):
        study.add_trial(
            create_trial(
                params={name: to_draw(parameters[name], params[name]) for name in params},
                distributions={name: distribution(parameters[name]) for name in params},
                value=score,
            )
        )


class _Optuna(SequentialBackend):
    """The sampler and pruner of the settings on a new study; a trial here is one of its trials.

    A known configuration with a score becomes a finished trial, from which the sampler learns.

    Raises: UsageError for a sampler or pruner that there is not.
    """

    name = "optuna"

    def start(self, known: Sequence[Known]) -> None:
        import optuna

        sampler = _named("sampler", self._settings.sampler or DEFAULT_SAMPLER, _samplers())
        pruner = _named("pruner", self._settings.pruner or DEFAULT_PRUNER, _pruners())
        # One line per trial otherwise; what went wrong comes as an exception.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            # group=True is experimental in Optuna 5.0, and the only sampler of its kind.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study = optuna.create_study(
                study_name=_STUDY_NAME,
                direction="maximize" if self._objective.direction == "max" else "minimize",
                sampler=sampler(seed_for(self._seed, "optuna sampler"), self._settings),
                pruner=pruner(self._settings),
            )
        _teach(self._study, self._space, known)
        self._model = self._study.sampler
        self._random = optuna.samplers.RandomSampler(seed_for(self._seed, "optuna chance"))
        self._open: dict[str, optuna.Trial] = {}

    @property
    def prunes(self) -> bool:
        return (self._settings.pruner or DEFAULT_PRUNER) != "none"

    def ask(self) -> Answer:
        from optuna.trial import TrialState

        for by_chance in self._draws.tries():
            self._study.sampler = self._random if by_chance else self._model
            trial = self._study.ask()
            params = self._suggest(trial)
            self._study.sampler = self._model  # whoever drew it, the model learns from it
            proposal = self._draws.proposal(params)
            if proposal is not None:
                self._open[proposal.trial] = trial
                return proposal
            self._study.tell(trial, state=TrialState.FAIL)
        return Exhausted()

    def _suggest(self, trial: "optuna.Trial") -> dict[str, Scalar]:
        params: dict[str, Scalar] = {}
        for node in self._space.nodes:
            if node.active(params):
                params[node.name] = to_value(node.parameter, draw(trial, node.parameter))
        return params

    def report(self, report: EpochReport) -> Decision:
        trial = self._open[report.trial]
        trial.report(report.metrics[self._objective.metric], step=report.epoch)
        return Decision.STOP if trial.should_prune() else Decision.CONTINUE

    def tell(self, trial: str, outcome: Outcome) -> None:
        from optuna.trial import TrialState

        told = self._open.pop(trial)
        if isinstance(outcome, Completed):
            self._study.tell(told, outcome.score)
        elif isinstance(outcome, Pruned):
            self._study.tell(told, state=TrialState.PRUNED)
        else:
            self._study.tell(told, state=TrialState.FAIL)


create = _Optuna
