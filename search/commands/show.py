"""`show`: the results of a study."""

import json
from argparse import Namespace

from search import leaderboard
from search.commands.common import out, place, read, store_of, width
from search.config import Environment


def main(options: Namespace, environment: Environment) -> int:
    """Print a study's table, or all of it as JSON."""
    store = store_of(options)
    record, state = read(store, options.study)
    if options.json:
        where = place(record, store, environment)
        out(json.dumps(leaderboard.document(record, state, where), indent=2))
        return 0
    header = record.header
    out(f"{header.study}: {header.problem}, {header.backend}, seed {header.seed}, {state}")
    out(f"{len(record.trials)} trials, {record.epochs_trained} epochs, {record.seconds:.0f} s")
    out(leaderboard.table(record, state, options.top, width()))
    return 0
