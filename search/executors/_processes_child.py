"""What a started process does first: take its place in the world, then call what it is told to.

`python -m search.executors._processes_child CONNECTION BEGINNING`, or forked from the process of
`_processes_server.py`.
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
    """The other end of the connection is closed: there is nothing left to do."""


class Link:
    """A connection whose end cannot be taken for an error of the user's code."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: object) -> None:
        """Send a message.

        Raises: CoordinatorGone; what pickle says of a message that it cannot take.
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
_KILLED_FIRST = "500"  # of 1000: when memory runs out, the kernel ends a trial, not its study


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a process is to be: its surroundings, and the function that it calls.

    The function takes the link to the coordinator, then `arguments`: a pickled tuple, which may
    need `path`.
    """

    folder: str | None
    path: Sequence[str]
    environment: Mapping[str, str]
    module: str
    function: str
    arguments: bytes


def run(handle: int, told: int) -> NoReturn:
    """Be what a `Beginning` says, which the file `told` holds, and end with its function."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the coordinator
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
        os._exit(code)  # no more of the user's code, such as what it registered with atexit


def _die_with_the_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST)


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]))
