"""Resolve the settings of a study: problem, space, backend and limits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from search.backends import base as backends
from search.backends import registry
from search.backends.base import Backend, BackendSettings, Known
from search.engine.coordinator import Baseline
from search.engine.plan import epochs_meaning, planned_epochs
from search.engine.proposer import Proposer
from search.errors import UsageError
from search.problem import import_context
from search.problem import loading as problems
from search.problem.loading import ResolvedProblem
from search.problem.pickling import PickledProblem
from search.problem.problem import Problem
from search.runtime import tensorflow_setup, user_warnings
from search.seeds import seed_for
from search.space.narrowing import narrow
from search.space.parameters import Params
from search.space.space import Space
from search.state.seeded_import import seeded_import
from search.study import epoch_ceiling
from search.study.config import StudyConfig
from search.study.epoch_ceiling import capped as _capped
from search.study.events import LimitsChanged


@dataclass(frozen=True)
class ResolvedStudy:
    """A study with all settings resolved.

    `space` and `baseline_params`: of the problem, narrowed, and with "epochs" as the backend needs
    it. `problem`: with the objective of this study. `patience`: None for no early stopping.
    `pickled`: the problem, if it was given from Python. `epochs_remarks`: how the limit of epochs
    changes the user's settings.
    """

    config: StudyConfig
    loaded: ResolvedProblem
    problem: Problem
    space: Space
    baseline_params: Params | None
    settings: BackendSettings
    patience: int | None
    pickled: PickledProblem | None = None
    epochs_remarks: tuple[str, ...] = ()

    def proposer(self) -> Proposer:
        """Create a new backend, wrapped for the study.

        Raises: UsageError for a space or settings that the backend does not support.
        """
        return Proposer(self._backend, self.baseline_params)

    def baseline(self) -> Baseline | None:
        """Return the baseline with a full budget; None for a problem without one."""
        params = self.baseline_params
        if params is None:
            return None
        return Baseline(params, backends.full_budget(params, self.settings))

    def limit(self, trials: int | None, seconds: float | None) -> LimitsChanged:
        """Return the limits of the study: the user's, or the default of backend or problem.

        With a time limit only, the number of trials is not limited.
        """
        if trials is None and seconds is None:
            module = backends.module(self.config.backend)
            natural = module.default_trials(self.space, self.settings)
            others = 0 if self.baseline_params is None else 1
            trials = self.problem.trials if natural is None else natural + others
        return LimitsChanged(trials, seconds)

    def remarks(self) -> tuple[str, ...]:
        """Return remarks for the user on the settings, before the search starts."""
        remarks = backends.module(self.config.backend).remarks(self.space, self.settings)
        return (*self.epochs_remarks, *remarks, *_cross_validation(self.config))

    def planned_epochs(self, limit: LimitsChanged) -> int | None:
        """Estimate the total number of epochs; None without a limit of trials."""
        if limit.trials is None:
            return None
        baseline = self.baseline()
        return planned_epochs(
            self.config.backend,
            self.space,
            self.settings,
            limit.trials,
            None if baseline is None else baseline.budget.stop,
        )

    def epochs_meaning(self) -> str:
        """Return the meaning of "epochs" in this study as text."""
        return epochs_meaning(self.config.backend, self.space, self.settings.max_epochs)

    def _backend(self, known: Sequence[Known]) -> Backend:
        module = backends.module(self.config.backend)
        objective, seed = self.problem.objective, self.config.seed
        return module.create(self.space, objective, self.settings, seed, known)


def _cross_validation(config: StudyConfig) -> list[str]:
    if config.cv is None:
        return []
    return [
        f"cross-validation on {config.cv} folds of training and validation data together: an epoch "
        f"trains {config.cv} models, and a score is a mean over them; the winner is retrained on "
        "all of the data"
    ]


def resolve(
    config: StudyConfig,
    pickled: PickledProblem | None = None,
    *,
    data_dir: Path | None = None,
    found: bytes | None = None,
) -> ResolvedStudy:
    """Validate the settings against their problem and backend, and resolve them.

    `pickled`: the problem, if it was given from Python. `data_dir`, `found`: available to the
    problem file during its import, see `search.problem.import_context`.

    Raises: UsageError for invalid settings, before data are loaded or files are written.
    """
    own = {"population": config.population, "generations": config.generations}
    registry.check(config.backend, config.sampler, config.pruner, own)
    as_budget = backends.module(config.backend).EPOCHS_AS_BUDGET
    tensorflow_setup.settle()  # a problem file may import Keras at its top
    seed = seed_for(config.seed, "problem")
    with seeded_import(seed), import_context.told(data_dir, found):
        loaded = problems.load(config.problem) if pickled is None else pickled.opened()
    user_warnings.prefer()
    problem = loaded.problem
    if problem.fit_whole:
        _check_whole(config, problem)
    if as_budget and any(text.partition("=")[0].strip() == "epochs" for text in config.assignments):
        raise UsageError(
            f"--set epochs is not supported by {config.backend}, which sets the epochs itself. Use "
            "--max-epochs."
        )
    space = narrow(problem.space, config.assignments)
    baseline = dict(problem.baseline) if problem.baseline is not None else None
    max_epochs = epoch_ceiling.ceiling(config, problem, space)
    patience = problem.patience if config.patience is None else config.patience
    epochs, said = epoch_ceiling.searched(space), list[str]()
    if epochs is not None:
        said += epoch_ceiling.remarks(config, problem, epochs, max_epochs, as_budget=as_budget)
    if epochs is not None and as_budget:
        space = space.without("epochs")
        if baseline is not None:
            baseline.pop("epochs", None)
    elif epochs is not None:
        earlier = config.recorded and config.ceiling is None
        space = space.replace(_capped(epochs, max_epochs, lowers=earlier))
        if baseline is not None and epoch_ceiling.is_cut(config, problem):
            baseline = dict(epoch_ceiling.cut(baseline, max_epochs))
        if config.patience is None:
            # the number of epochs is searched: early stopping would change it
            patience = None
            problem = replace(problem, objective=replace(problem.objective, score_at="last"))
    return ResolvedStudy(
        config=config,
        loaded=loaded,
        problem=problem,
        space=space,
        baseline_params=baseline,
        settings=BackendSettings(
            max_epochs,
            factor=config.factor,
            sampler=config.sampler,
            pruner=config.pruner,
            population=config.population,
            generations=config.generations,
        ),
        patience=patience,
        pickled=pickled,
        epochs_remarks=tuple(said),
    )


def _check_whole(config: StudyConfig, problem: Problem) -> None:
    """Check that no setting needs single epochs of a `fit` that trains all epochs in one call.

    Raises: UsageError with the setting.
    """
    module = backends.module(config.backend)
    pruner = config.pruner or next(iter(registry.pruners(config.backend)), None)
    reason = None
    if module.EPOCHS_AS_BUDGET:
        reason = f"--backend {config.backend}"
    elif pruner not in (None, "none"):
        reason = f"--pruner {pruner}"
    elif config.cv is not None:
        reason = "--cv"
    elif config.patience is not None:
        reason = "--patience"
    if reason is not None:
        raise UsageError(
            f"Problem {problem.name} trains all epochs of a trial in one call of fit "
            f"(fit_whole=True), but {reason} needs single epochs. Use --backend randomized, grid, "
            "bayesian or optuna with --pruner none."
        )
