"""`run`: search a problem from the start."""

from argparse import Namespace

from search.cli import study_config
from search.commands.common import finish, store_of, surroundings
from search.config import Environment
from search.study import start


def main(options: Namespace, environment: Environment) -> int:
    """Start a study and print what came of it."""
    config = study_config(options)
    around = surroundings(options, environment)
    return finish(options, environment, store_of(options), lambda: start(config, around))
