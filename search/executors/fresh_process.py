"""Run functions in new processes that have not trained before, one process per call.

The processes are forked from the server that has imported TensorFlow, which is fast. With GPUs,
where forking is not possible, each is a new interpreter.
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
    """Run functions isolated from the state of this process and of earlier calls.

    `forks`: processes may be forked from a process that has imported TensorFlow.
    """

    def __init__(self, *, forks: bool = True) -> None:
        self._forks = forks and sys.platform == "linux"

    def start(self) -> None:
        """Start importing TensorFlow for the first call, without waiting."""
        if self._forks:
            process_server(forks=True)

    def run(
        self, function: Callable[..., Result], *arguments: Any, seconds: float | None = None
    ) -> Result:
        """Run a function of a module with picklable arguments, and return its result.

        `seconds`: time to wait for the result; None for no limit.

        Raises: a SearchError of the function; SearchError for any other error or a timeout.
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
                    server.listen()  # reads the reason
                raise SearchError(process.end or "the process ended without an answer") from None
            return good, answered
        if server.control in ready:
            server.listen()
        if process.end is not None and not process.connection.poll():
            raise SearchError(f"no answer: {process.end}")
    raise SearchError(f"no answer within {seconds:.0f} s")


def answer(link: Link, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Run a function in this process, and send its result or error."""
    with open(os.devnull, "r+b") as nowhere:
        for number in (0, 1, 2):  # user code has already printed its output in the study
            os.dup2(nowhere.fileno(), number)
    try:
        link.send((True, function(*arguments)))
    except SearchError as error:
        link.send((False, as_known(error)))
    except Exception as error:  # noqa: BLE001 - the function may call user code
        text = " ".join(text_of(error).split())
        link.send((False, SearchError(f"{type(error).__name__}: {text}")))
