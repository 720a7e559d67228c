"""`export`: write the model of a study's winner, or of any trial, to a folder."""

from argparse import Namespace

from search.cli.commands.common import note, out, store_of
from search.engine.reopen import open_trial
from search.errors import unknown_name
from search.export.base import FORMATS
from search.runtime.environment import Environment
from search.study.progress_text import verified_text


def main(options: Namespace, environment: Environment) -> int:
    """Write the folder. Retrain a trial whose checkpoint no longer exists."""
    if options.format not in FORMATS:
        raise unknown_name("format", options.format, FORMATS)
    study, _, trial = options.study.partition("/")
    data_dir = options.data_dir or environment.data_dir
    opened = open_trial(store_of(options), study, trial or None, data_dir)
    if opened.remark is not None:
        note(opened.remark)
    verdict = opened.export(options.to, options.format)
    if verdict.verified is not True:
        note(verified_text(verdict.verified, verdict.reason, opened.metric))
    out(str(options.to))
    return 0
