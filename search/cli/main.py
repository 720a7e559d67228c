"""The command line: words to calls. What a word does stands in `search/commands/`."""

import argparse
import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence

from search.cli.parser import parse
from search.errors import SearchError, StudyInterrupted, plain_text
from search.runtime import user_warnings
from search.runtime.environment import Environment
from search.runtime.interrupts import interruptible
from search.runtime.masking import masked

_TRAINING = ("run", "resume")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; exit code 0 done, 1 search failed, 2 wrong use, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    with entry_point():
        return _run(arguments, debug=debug)


@contextlib.contextmanager
def entry_point() -> Iterator[None]:
    """What the main thread of a process of the platform's runs in: signals, warnings, a voice."""
    user_warnings.install(lambda text: _say(f"warning: {text}"))
    with interruptible(lambda: _say("being interrupted; a moment")), _private_stderr():
        yield


def _run(arguments: list[str], *, debug: bool) -> int:
    try:
        options = parse(arguments)
        if options.command in _TRAINING and options.cluster is None:
            from search.executors._processes_started import start_ahead

            start_ahead()
        command: Callable[[argparse.Namespace, Environment], int] = _command(options.command)
        return command(options, Environment.read(os.environ))
    except SearchError as error:
        if debug:
            _say(traceback.format_exc())
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted")
        return StudyInterrupted.exit_code
    except BrokenPipeError:
        # the reader of a pipe (head, say) has left: nothing more to say, and no trace
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost edge: a user gets a line
        if debug:
            _say(traceback.format_exc())
            return 1
        kind = type(error).__name__
        hint = "this is unexpected; add --debug to see where"
        _say(f"error: {kind}: {plain_text(str(error))} ({hint})")
        return 1


def _say(line: str) -> None:
    print(masked(line), file=sys.stderr)  # noqa: T201 - the command line's own voice


def _command(word: str) -> Callable[[argparse.Namespace, Environment], int]:
    # imported late: `--help` answers without NumPy, let alone TensorFlow
    module = importlib.import_module(f"search.cli.commands.{word}")
    main: Callable[[argparse.Namespace, Environment], int] = module.main
    return main


@contextlib.contextmanager
def _private_stderr() -> Iterator[None]:
    """Have Python write standard error through a handle of its own.

    Handle 2 is turned away while TensorFlow is imported (see training/runtime.py), maybe in a
    thread beside the search: what the search says meanwhile must not be lost.
    """
    before = sys.stderr
    if before is not sys.__stderr__:  # replaced already, by a test or a notebook
        yield
        return
    with os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace") as stderr:
        sys.stderr = stderr
        try:
            yield
        finally:
            sys.stderr = before
