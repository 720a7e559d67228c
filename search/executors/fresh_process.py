"""Functions run in processes that have trained nothing, one process for each call.

They are forked from the process that has imported TensorFlow for a study's workers, which takes no
time; where nothing may be forked (GPUs), each is a new interpreter.
"""

import os
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any, TypeVar

from search.errors import SearchError
from search.executors._processes_child import Link
from search.executors._processes_started import StartedProcess, process_server
from search.runtime.clock import SystemClock
from search.study.failures import as_known, text_of

Result = TypeVar("Result")

_LONGEST_WAIT_SECONDS = 1.0


class FreshProcess:
    """Runs functions that see neither what this process has built nor what earlier calls have.

    `forks`: whether processes may be forked from one that has imported TensorFlow.
    """

    def __init__(self, *, forks: bool = True) -> None:
        self._forks = forks and sys.platform == "linux"

    def start(self) -> None:
        """Have TensorFlow imported for the first call, without waiting for it."""
        if self._forks:
            process_server(forks=True)

    def run(
        self, function: Callable[..., Result], *arguments: Any, seconds: float | None = None
    ) -> Result:
        """Run a function of a module with arguments that can be pickled; what it returns.

        `seconds`: how long to wait for the result; None for ever.

        Raises: what the function raises, if it is a SearchError; SearchError for any other error.
        """
        server = process_server(forks=self._forks)
        process = server.start(__name__, answer.__name__, function, arguments)
        try:
            good, answered = _answer_of(process, server, seconds)
        finally:
            process.close()
            if not self._forks:
                server.close()
        if not good:
            raise answered
        result: Result = answered
        return result


def _answer_of(process: StartedProcess, server: Any, seconds: float | None) -> tuple[bool, Any]:
    clock = SystemClock()
    until = None if seconds is None else clock.seconds() + seconds
    while until is None or clock.seconds() < until:
        ready = wait([server.control, process.connection], _LONGEST_WAIT_SECONDS)
        if process.connection in ready:
            try:
                good, answered = process.connection.recv()
            except (EOFError, OSError):
                if wait([server.control], _LONGEST_WAIT_SECONDS):
                    server.listen()  # it says why
                raise SearchError(process.end or "the process ended without an answer") from None
            return good, answered
        if server.control in ready:
            server.listen()
        if process.end is not None and not process.connection.poll():
            raise SearchError(f"no answer: {process.end}")
    raise SearchError(f"no answer within {seconds:.0f} s")


def answer(link: Link, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Run a function in this process, and send what came of it."""
    with open(os.devnull, "r+b") as nowhere:
        for number in (0, 1, 2):  # what the user's code prints, it has printed before
            os.dup2(nowhere.fileno(), number)
    try:
        link.send((True, function(*arguments)))
    except SearchError as error:
        link.send((False, as_known(error)))
    except Exception as error:  # noqa: BLE001 - the function may call code of the user's
        said = " ".join(text_of(error).split())
        link.send((False, SearchError(f"{type(error).__name__}: {said}")))
