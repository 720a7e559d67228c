"""`clean`: delete the checkpoints of all but the best trials."""

from argparse import Namespace

from search.cli.commands.common import out, store_of
from search.errors import SearchError, UsageError
from search.runtime.environment import Environment
from search.study import leaderboard
from search.study.journal import Journal
from search.study.study_record import fold
from search.training.checkpoint import CheckpointFolder


def main(options: Namespace, environment: Environment) -> int:
    """Delete checkpoints and print the freed space; journal and MLflow keep every trial."""
    if options.keep < 0:
        raise UsageError(f"--keep {options.keep} is negative. Use 0 or more.")
    store = store_of(options)
    # Hold the journal's lock while deleting: a resume at that time would lose its checkpoints.
    journal, entries = Journal.reopen(store.existing(options.study))
    with journal:
        record = fold(entries)
        kept = [trial.trial for trial in leaderboard.ranked(record)[: options.keep]]
        folder = CheckpointFolder(store.checkpoints(options.study), record.header.identity)
        try:
            freed = folder.keep(kept)
        except OSError as error:
            raise SearchError(
                f"Cannot delete checkpoint {error.filename}: {error.strerror}. Correct the "
                "permissions, then run `clean` again."
            ) from error
    out(f"kept the checkpoints of trials {', '.join(kept) or 'none'}; freed {freed / 1e6:.1f} MB")
    return 0
