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
    """Delete them and say how much room that made; the journal and MLflow keep every trial."""
    if options.keep < 0:
        raise UsageError(f"--keep must be at least 0, got {options.keep}")
    store = store_of(options)
    # held until all is deleted: a resume that began meanwhile would lose what it goes on from
    journal, entries = Journal.reopen(store.existing(options.study))
    with journal:
        record = fold(entries)
        kept = [trial.trial for trial in leaderboard.ranked(record)[: options.keep]]
        folder = CheckpointFolder(store.checkpoints(options.study), record.header.identity)
        try:
            freed = folder.keep(kept)
        except OSError as error:
            raise SearchError(
                f"checkpoints must be deletable, got {error.filename}: {error.strerror}; "
                "make access, then clean again"
            ) from error
    out(f"kept the checkpoints of trials {', '.join(kept) or 'none'}; freed {freed / 1e6:.1f} MB")
    return 0
