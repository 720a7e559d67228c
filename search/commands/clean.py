"""`clean`: delete the checkpoints of all but the best trials."""

from argparse import Namespace

from search import journal as journals
from search import leaderboard
from search.commands.common import out, read, store_of
from search.config import Environment
from search.errors import StudyLockedError, UsageError
from search.training.checkpoint import CheckpointFolder


def main(options: Namespace, environment: Environment) -> int:
    """Delete them and say how much room that made; the journal and MLflow keep every trial."""
    if options.keep < 0:
        raise UsageError(f"--keep must be at least 0, got {options.keep}")
    store = store_of(options)
    record, _ = read(store, options.study)
    owner = journals.writer(store.journal(options.study))
    if owner is not None:
        raise StudyLockedError(
            f"study {options.study} is being run by process {owner}; wait for it"
        )
    kept = [trial.trial for trial in leaderboard.ranked(record)[: options.keep]]
    freed = CheckpointFolder(store.checkpoints(options.study), record.header.identity).keep(kept)
    out(f"kept the checkpoints of trials {', '.join(kept) or 'none'}; freed {freed / 1e6:.1f} MB")
    return 0
