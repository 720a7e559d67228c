"""`show`: print the results of a study, or one trial with its curve and its network."""

import json
import sys
from argparse import Namespace
from typing import Any

from dashboards.diagrams import network as networks
from search.cli.commands.common import out, place, read, store_of, width
from search.errors import unknown_name
from search.runtime.environment import Environment
from search.study import leaderboard, trial_view
from search.study.progress_text import verified_text
from search.study.study_record import StudyRecord, StudyState, TrialRecord

_UNKNOWN = "not recorded: the trial has not finished a budget, or it failed"


def main(options: Namespace, environment: Environment) -> int:
    """Print the table of a study, the page of a trial, or one of them as JSON."""
    store = store_of(options)
    study, _, trial = options.study.partition("/")
    record, state = read(store, study)
    if trial:
        if trial not in record.trials:
            raise unknown_name("trial", trial, record.trials)
        _trial(options, record, record.trials[trial], state)
    elif options.json:
        _json(leaderboard.document(record, state, place(record, store, environment)))
    else:
        header = record.header
        out(f"{header.study}: {header.problem}, {header.backend}, seed {header.seed}, {state}")
        out(f"{len(record.trials)} trials, {record.epochs_trained} epochs, {record.seconds:.0f} s")
        out(leaderboard.table(record, state, options.top, width()))
        _verified(record)
    return 0


def _verified(record: StudyRecord) -> None:
    """Print whether the exported model has the recorded score; nothing for an older study."""
    best = record.best()
    if best is not None:
        text = verified_text(*record.verified(best), record.objective.metric)
        if text:
            out(f"trial {best.trial}: {text}")


def _trial(options: Namespace, record: StudyRecord, trial: TrialRecord, state: StudyState) -> None:
    if options.json:
        _json(trial_view.document(record, trial, state))
        return
    table = _UNKNOWN if trial.network is None else networks.table(trial.network)
    out(trial_view.page(record, trial, state, table, sys.stdout.encoding))


def _json(document: dict[str, Any]) -> None:
    out(json.dumps(document, indent=2))
