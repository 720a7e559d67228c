"""`run`: start a study."""

from argparse import Namespace
from pathlib import Path

from search.cli.commands.common import finish, store_of, surroundings
from search.engine.run import start
from search.runtime.environment import Environment
from search.study.config import StudyConfig


def main(options: Namespace, environment: Environment) -> int:
    """Start a study and print its result."""
    config = study_config(options)
    context = surroundings(options, environment)
    return finish(options, environment, store_of(options), lambda: start(config, context))


def study_config(options: Namespace) -> StudyConfig:
    """Build the configuration of a study. Record a problem file by its absolute path.

    With an absolute path, resuming, repeating and workers do not depend on the current folder.

    Raises: UsageError for a value out of range.
    """
    problem = options.problem
    if problem.endswith(".py") and Path(problem).is_file():  # an error quotes the path as given
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
