"""`verify`: retrain trials in a new process and compare them with the record."""

import json
from argparse import Namespace

from search.cli.commands.common import out, store_of
from search.engine.verification import Verification, all_same, chosen, document, opened
from search.executors.fresh_process import FreshProcess
from search.runtime.environment import Environment


def main(options: Namespace, environment: Environment) -> int:
    """Print the result for each trial. Return 0 when all match the record, otherwise 1."""
    study, choice = chosen(options.study, every=options.all, sample=options.sample)
    data_dir = options.data_dir or environment.data_dir
    results: list[Verification] = []
    fresh = FreshProcess()
    fresh.start()  # imports TensorFlow while this process reads the journal
    verifier = opened(store_of(options), study, fresh, data_dir, None, fit=options.fit)
    for result in verifier(choice):
        results.append(result)
        if not options.json:
            out(str(result))
    if options.json:
        out(json.dumps(document(study, results, fit=options.fit), indent=2))
    return 0 if all_same(results) else 1
