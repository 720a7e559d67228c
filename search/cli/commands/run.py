"""`run`: search a problem from the start."""

from argparse import Namespace
from pathlib import Path

from search.cli.commands.common import finish, store_of, surroundings
from search.engine.run import start
from search.runtime.environment import Environment
from search.study.config import StudyConfig


def main(options: Namespace, environment: Environment) -> int:
    """Start a study and print what came of it."""
    config = study_config(options)
    context = surroundings(options, environment)
    return finish(options, environment, store_of(options), lambda: start(config, context))


def study_config(options: Namespace) -> StudyConfig:
    """The settings as they are recorded; a problem's file by its whole path.

    So a study can be resumed, repeated and trained by workers from any folder.

    Raises: UsageError for a value out of range.
    """
    problem = options.problem
    if problem.endswith(".py") and Path(problem).is_file():  # else refused, in the user's words
        problem = str(Path(problem).absolute())
    return StudyConfig(
        problem=problem,
        backend=options.backend,
        trials=options.trials,
        max_epochs=options.max_epochs,
        seconds=options.time,
        seed=options.seed,
        patience=options.patience,
        factor=options.factor,
        assignments=tuple(options.set),
        sampler=options.sampler,
        pruner=options.pruner,
        study=options.study,
        population=options.population,
        generations=options.generations,
        cv=options.cv,
    )
