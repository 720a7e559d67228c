"""`resume`: go on with a study."""

from argparse import Namespace

from search.commands.common import finish, store_of, surroundings
from search.config import Environment
from search.study import Result, resume


def main(options: Namespace, environment: Environment) -> int:
    """Go on with a study and print what came of it."""
    around = surroundings(options, environment)

    def go_on() -> Result:
        return resume(
            options.study,
            around,
            trials=options.trials,
            seconds=options.time,
            adopt=options.adopt,
        )

    return finish(options, environment, store_of(options), go_on)
