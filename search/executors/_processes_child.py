"""Entry point of a started process: set up its environment, then call a function.

It is run by `python -m search.executors._processes_child CONNECTION BEGINNING`, or forked from the
process of `_processes_server.py`.
"""

import contextlib
import ctypes
import importlib
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn


class CoordinatorGone(BaseException):
    """The coordinator has closed the connection. The process must exit."""


class Link:
    """A connection that raises CoordinatorGone at its end, unlike any error of user code."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        """Send a message.

        Raises: CoordinatorGone; an error of pickle for a message that cannot be pickled.
        """
        content = pickle.dumps(message)
        try:
            self._connection.send_bytes(content)
        except OSError as error:
            raise CoordinatorGone from error

    def receive(self) -> Any:
        """Wait for the next message.

        Raises: CoordinatorGone.
        """
        try:
            return self._connection.recv()
        except (OSError, EOFError) as error:
            raise CoordinatorGone from error


_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's sys/prctl.h
_KILLED_FIRST = "500"  # of 1000: out of memory, the kernel kills a worker, not the coordinator


@dataclass(frozen=True, slots=True)
class Beginning:
    """Environment of a process, and the function that it calls.

    The function gets the link to the coordinator, then `arguments`: a pickled tuple, which may need
    `path` to be unpickled.
    """

    folder: str | None
    path: Sequence[str]
    environment: Mapping[str, str]
    module: str
    function: str
    arguments: bytes


def run(handle: int, told: int) -> NoReturn:
    """Read a `Beginning` from the file descriptor `told`, call its function, and exit."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator handles Ctrl-C
        _die_with_the_parent()
        link = Link(Connection(handle))
        with open(told, "rb") as file:
            file.seek(0)
            beginning: Beginning = pickle.load(file)
        if beginning.folder is not None:
            with contextlib.suppress(OSError):
                os.chdir(beginning.folder)
        os.environ.clear()
        os.environ.update(beginning.environment)
        sys.path[:] = beginning.path
        function = getattr(importlib.import_module(beginning.module), beginning.function)
        function(link, *pickle.loads(beginning.arguments))
        code = 0
    except CoordinatorGone:
        code = 0
    except BaseException:  # noqa: BLE001 - the outermost edge of this process
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)  # run no more user code, such as atexit functions


def _die_with_the_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST)


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]))
