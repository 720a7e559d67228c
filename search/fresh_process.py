"""A process that has trained nothing: functions run in it one at a time, each in its own child.

`python -m search.fresh_process FD` serves the socket FD. A process that has imported TensorFlow
already may serve one too, forked, which takes no time (see `search.executors._dask_nannies`).
"""

import contextlib
import importlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from search.errors import SearchError

Result = TypeVar("Result")

_IMPORTS = "search.nursery"  # all that the functions need


class FreshProcess:
    """The caller's side of such a process; it starts with the first call of `start` or `run`.

    The process imports TensorFlow when it starts, so start it early. A function that runs in it
    sees neither what this process has built and trained nor what earlier functions have.
    """

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def lend(self) -> socket.socket:
        """Return the socket for another process to serve; `start` then starts none."""
        mine, other = socket.socketpair()
        self._connection = Connection(mine.detach())
        return other

    def start(self) -> None:
        """Start the process, without waiting for it; nothing happens where there is one."""
        if self._connection is not None:
            return
        with self.lend() as other:
            folders = [str(Path(folder).absolute()) for folder in sys.path]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "search.fresh_process", str(other.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(other.fileno(),),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
                start_new_session=True,  # Ctrl-C is for the caller
            )

    def run(
        self, function: Callable[..., Result], *arguments: Any, seconds: float | None = None
    ) -> Result:
        """Run a function of a module with arguments that can be pickled; what it returns.

        `seconds`: how long to wait for the result; None for ever. After an error of the process
        itself, as after such a wait, the next call starts a new one.

        Raises: what the function raises, if it is a SearchError; SearchError for any other error.
        """
        self.start()
        connection = self._connection
        assert connection is not None
        try:
            connection.send_bytes(pickle.dumps((function, arguments)))
            if not connection.poll(seconds):
                raise SearchError(f"no answer within {seconds:.0f} s")
            good, answer = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError) as error:
            self.close()
            raise SearchError("the process ended without an answer (out of memory?)") from error
        except BaseException:
            self.close()
            raise
        if not good:
            raise answer
        result: Result = answer
        return result

    def close(self) -> None:
        """End the process, whatever it is doing; may be called twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __enter__(self) -> "FreshProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def serve(connection: Connection) -> None:
    """Answer the requests of a caller until it closes its side.

    This process must have imported TensorFlow without using it: then its children are fresh.
    """
    importlib.import_module(_IMPORTS)
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = connection.recv_bytes()
            child = os.fork()
            if child == 0:
                _answer(connection, request)
            _, status = os.waitpid(child, 0)
            if status:
                reason = f"the process ended with {_ending(status)}"
                connection.send_bytes(pickle.dumps((False, SearchError(reason))))


def serve_lent(connection: Connection) -> None:
    """Serve in a session of its own, whoever forked this process."""
    with contextlib.suppress(PermissionError):  # it leads one already
        os.setsid()
    _silence()
    serve(connection)


def _answer(connection: Connection, request: bytes) -> None:
    """Answer one request in this process, a child, and end it."""
    code = 1
    try:
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        try:
            function, arguments = pickle.loads(request)
            answer = pickle.dumps((True, function(*arguments)))
        except SearchError as error:
            answer = pickle.dumps((False, error))
        except Exception as error:  # noqa: BLE001 - the function may call code of the user's
            said = " ".join(str(error).split())
            answer = pickle.dumps((False, SearchError(f"{type(error).__name__}: {said}")))
        connection.send_bytes(answer)
        code = 0
    finally:
        os._exit(code)  # no exit handler of the parent's belongs here


def _end_with(connection: Connection) -> None:
    """End this process when the caller is gone: it may be in the middle of TensorFlow."""
    import select

    poll = select.poll()
    poll.register(connection.fileno(), select.POLLHUP)
    poll.poll()
    os._exit(1)


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _silence() -> None:
    """Say nothing: what the user's code prints, it has printed before."""
    with open(os.devnull, "r+b") as nowhere:
        for number in (0, 1, 2):
            os.dup2(nowhere.fileno(), number)


if __name__ == "__main__":
    from search import fresh_process  # what is pickled must be known by that name

    fresh_process.serve(Connection(int(sys.argv[1])))
