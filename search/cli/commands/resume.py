"""`resume`: go on with a study."""

from argparse import Namespace

from search.cli.commands.common import finish, store_of, surroundings
from search.engine.run import Result, resume
from search.errors import StudyInterrupted
from search.runtime.environment import Environment


def main(options: Namespace, environment: Environment) -> int:
    """Go on with a study and print what came of it."""
    context = surroundings(options, environment)

    def go_on() -> Result:
        try:
            return resume(
                options.study,
                context,
                trials=options.trials,
                seconds=options.time,
                adopt=options.adopt,
            )
        except KeyboardInterrupt:  # while loading, say: the study is where it was
            raise StudyInterrupted(options.study) from None

    return finish(options, environment, store_of(options), go_on)
