"""Child process that runs a search for a Python caller: `python -m search._child_server FD`.

It reads a request from standard input and writes its answer to the file descriptor FD. When
standard input is closed, the caller has exited, and the child interrupts itself like Ctrl-C.
"""

import json
import os
import signal
import sys
import threading
import traceback
import warnings
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from search._child_client import Answer, Request
from search.cli import main as cli
from search.cli.commands.common import read, store_of, surroundings
from search.cli.commands.run import study_config
from search.cli.parser import parse
from search.engine.reopen import open_trial
from search.engine.resolve import ResolvedStudy
from search.engine.run import MakeTrackers, RunContext, resume, start
from search.engine.verification import chosen, document, opened
from search.errors import SearchError, SearchWarning, StudyChangedError, StudyInterrupted
from search.executors.fresh_process import FreshProcess
from search.problem.pickling import PickledProblem
from search.runtime.environment import Environment
from search.runtime.process_exit import ending_at_once
from search.study.events import LimitsChanged
from search.study.progress_text import verified_text
from search.trackers.background import BackgroundTracker
from search.trackers.base import Tracker


def main() -> int:
    """Answer one request."""
    write_fd = int(sys.argv[1])
    with cli.entry_point():
        answer = _answered()
    # after the answer the caller closes standard input, which must not interrupt this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(write_fd, "wb") as stream:
        stream.write(answer.dump())
    return 0


def _answered() -> Answer:
    try:
        request = Request.read(sys.stdin.buffer)
        threading.Thread(target=_watch_caller, daemon=True).start()
        return Answer(perform(request))
    except StudyInterrupted as interrupt:
        return Answer(interrupt.study, interrupted=True)
    except KeyboardInterrupt:
        return Answer(interrupted=True)
    except SearchError as error:
        return Answer.of(error)
    except Exception as error:  # noqa: BLE001 - the outermost edge, like that of the command line
        traceback.print_exc()
        return Answer.of(SearchError(f"{type(error).__name__}: {error} (unexpected error)"))


def perform(request: Request, *, trains_here: bool = False) -> str:
    """Run a request in this process. Return the study's name, the export folder, or JSON.

    `trains_here`: train trials in this process as well.

    Raises: as `search.engine.run.start`, `resume` and `search.engine.reopen.open_trial`.
    """
    options, environment = parse(list(request.words)), Environment.read(os.environ)
    if options.command == "export":
        return _export(options, options.data_dir or environment.data_dir, request.pickled)
    if options.command == "verify":
        return _verified(options, options.data_dir or environment.data_dir, request.pickled)
    context = replace(surroundings(options, environment), pickled=request.pickled)
    if trains_here:
        context = replace(context, worker_spec=replace(context.worker_spec, workers=0))
    if not request.mlflow:
        context = replace(context, trackers=partial(_terminal_only, context.trackers))
    if options.command == "resume":
        return _resumed(options.study, options, context, adopt=options.adopt)
    config = study_config(options)
    if not request.go_on or not context.store.journal(options.study).exists():
        return start(config, context).record.header.study
    record, _ = read(context.store, options.study)
    differ = [n for n, value in config.plain().items() if record.header.config.get(n) != value]
    if differ:
        raise StudyChangedError(
            f"Study {options.study} was started with another {' and '.join(differ)}. Give the "
            f"same settings, or use search.resume({options.study!r})."
        )
    given = (options.trials, options.time)
    if given == (None, None) or given == (record.limit.trials, record.limit.seconds):
        options.trials = options.time = None  # giving only one limit would remove the other
    return _resumed(options.study, options, context)


def _terminal_only(
    make: MakeTrackers, setup: ResolvedStudy, limit: LimitsChanged
) -> Sequence[Tracker]:
    return [one for one in make(setup, limit) if not isinstance(one, BackgroundTracker)]


def _resumed(study: str, options: Namespace, context: RunContext, *, adopt: bool = False) -> str:
    try:
        result = resume(study, context, trials=options.trials, seconds=options.time, adopt=adopt)
    except KeyboardInterrupt:  # while loading, for example: the study is unchanged
        raise StudyInterrupted(study) from None
    return result.record.header.study


def _export(options: Namespace, data_dir: Path | None, pickled: PickledProblem | None) -> str:
    study, _, trial = options.study.partition("/")
    opened = open_trial(store_of(options), study, trial or None, data_dir, pickled)
    verdict = opened.export(options.to, options.format)
    if verdict.verified is False:
        text = verified_text(verdict.verified, verdict.reason, opened.metric)
        warnings.warn(f"{options.to}: {text}", SearchWarning, stacklevel=2)
    return str(options.to)


def _verified(options: Namespace, data_dir: Path | None, pickled: PickledProblem | None) -> str:
    study, choice = chosen(options.study, every=options.all, sample=options.sample)
    fresh = FreshProcess()
    verifier = opened(store_of(options), study, fresh, data_dir, pickled, fit=options.fit)
    return json.dumps(document(study, list(verifier(choice)), fit=options.fit))


def _watch_caller() -> None:
    # not through sys.stdin: a thread that waits in it would break the interpreter's shutdown
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    sys.exit(ending_at_once(main))
