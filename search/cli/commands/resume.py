"""`resume`: continue a study."""

from argparse import Namespace

from search.cli.commands.common import finish, store_of, surroundings
from search.engine.run import Result, resume
from search.errors import StudyInterrupted
from search.runtime.environment import Environment


def main(options: Namespace, environment: Environment) -> int:
    """Continue a study and print its result."""
    context = surroundings(options, environment)

    def resumed() -> Result:
        try:
            return resume(
                options.study,
                context,
                trials=options.trials,
                seconds=options.time,
                adopt=options.adopt,
            )
        except KeyboardInterrupt:  # while loading, for example: the study is unchanged
            raise StudyInterrupted(options.study) from None

    return finish(options, environment, store_of(options), resumed)
