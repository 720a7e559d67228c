"""Entry point of the command line. The commands are in `search/cli/commands/`."""

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
    """Run one command and return its exit code.

    The codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    with entry_point():
        return _run(arguments, debug=debug)


@contextlib.contextmanager
def entry_point() -> Iterator[None]:
    """Install signal handlers, warning display and a private stderr for an entry point."""
    user_warnings.install(lambda text: _say(f"warning: {text}"))
    with interruptible(lambda: _say("interrupting; please wait")), _private_stderr():
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
        # the reader of a pipe (`head`, for example) has closed it: exit without a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost edge: print one line, no traceback
        if debug:
            _say(traceback.format_exc())
            return 1
        kind = type(error).__name__
        hint = "unexpected error; add --debug to see the traceback"
        _say(f"error: {kind}: {plain_text(str(error))} ({hint})")
        return 1


def _say(line: str) -> None:
    print(masked(line), file=sys.stderr)  # noqa: T201 - messages of the command line


def _command(word: str) -> Callable[[argparse.Namespace, Environment], int]:
    # imported late, so that `--help` needs neither NumPy nor TensorFlow
    module = importlib.import_module(f"search.cli.commands.{word}")
    main: Callable[[argparse.Namespace, Environment], int] = module.main
    return main


@contextlib.contextmanager
def _private_stderr() -> Iterator[None]:
    """Write Python's standard error through a duplicate of file descriptor 2.

    Descriptor 2 is redirected while TensorFlow is imported, possibly in another thread. Messages
    that the search prints at that time must not be lost.
    """
    before = sys.stderr
    if before is not sys.__stderr__:  # already replaced by a test or a notebook
        yield
        return
    with os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace") as stderr:
        sys.stderr = stderr
        try:
            yield
        finally:
            sys.stderr = before
