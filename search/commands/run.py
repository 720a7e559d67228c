"""`run`: search a problem from the start."""

from argparse import Namespace

from search.commands.common import finish, store_of, surroundings
from search.config import Environment, StudyConfig
from search.study import start


def main(options: Namespace, environment: Environment) -> int:
    """Start a study and print what came of it."""
    config = _study_config(options)
    around = surroundings(options, environment)
    return finish(options, environment, store_of(options), lambda: start(config, around))


def _study_config(options: Namespace) -> StudyConfig:
    return StudyConfig(
        problem=options.problem,
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
    )
