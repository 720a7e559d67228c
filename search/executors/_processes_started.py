"""Client of the process server: start processes, and communicate over private socket pairs."""

import contextlib
import functools
import itertools
import json
import os
import pickle
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Mapping
from multiprocessing.connection import Connection, wait
from typing import IO, Any

from search.executors import _processes_server
from search.executors._processes_child import Beginning
from search.executors._processes_server import FORK, KILL, REQUEST, START
from search.runtime.clock import SystemClock
from search.runtime.process_exit import close_at_end

_STALLED_SECONDS = 30
_ENDING_SECONDS = 10
_LOOK_SECONDS = 0.5  # another thread may have read the server's message


class StartedProcess:
    """A started process. `connection` receives its messages; `end` is the reason of its end."""

    def __init__(self, server: "ProcessServer", number: int, connection: Connection, limit: int):
        self._server = server
        self._number = number
        self._limit = limit
        self.connection = connection

    @property
    def end(self) -> str | None:
        """Reason why the process ended; None while it runs."""
        facts = self._server.ends.get(self._number)
        if facts is None:
            return "the process that starts workers died" if self._server.dead else None
        if facts["out_of_memory"]:
            return f"the worker ran out of memory: {self._its_limit()}"
        code = facts["code"]
        if code == -signal.SIGKILL and self._limit:
            return f"the worker was killed by SIGKILL (perhaps out of memory: {self._its_limit()})"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"the worker was killed by {signal.Signals(-code).name}"
            return f"the worker was killed by signal {-code}"
        return f"the worker ended with exit code {code}"

    def kill(self) -> None:
        """Kill the process and its descendants. `end` is set afterwards."""
        self._server.request(KILL, self._number)

    def close(self) -> None:
        """Kill the process and close the connection."""
        self.kill()
        self.connection.close()

    def _its_limit(self) -> str:
        return f"its limit is {self._limit / 2**30:.1f} GiB"


class ProcessServer:
    """Client of a process that starts others, by forking after it has imported TensorFlow.

    See `_processes_server.py`. `ends`: facts on ended processes by number. Call `listen` when
    `control` is readable, to update `ends`. `dead`: the server has ended.
    """

    def __init__(self, *, forks: bool, control: socket.socket | None = None) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.control = self._spawned(forks=forks) if control is None else control
        self.owner = os.getpid()
        self._said = b""
        self._heard = False
        self._listening = threading.Lock()
        self._numbers = itertools.count(1)
        self.ends: dict[int, dict[str, Any]] = {}
        self.dead = False

    def _spawned(self, *, forks: bool) -> socket.socket:
        ours, theirs = socket.socketpair()
        words = [sys.executable, "-P", "-m", _processes_server.__name__, str(theirs.fileno())]
        with theirs:
            # A new session: this process handles Ctrl-C, and then closes the server.
            self._process = subprocess.Popen(
                [*words, *([FORK] * forks)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_path())},
                start_new_session=True,
            )
        return ours

    def start(
        self,
        module: str,
        function: str,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        bytes_limit: int = 0,
    ) -> StartedProcess:
        """Start a process that calls `module.function(link, *arguments)`. Do not wait for it.

        Its output goes to this process's standard error. It is killed if it uses more memory than
        `bytes_limit` (0: no limit).
        """
        ours, theirs = socket.socketpair()
        # a timeout, because a process may be stopped in the middle of a message
        ours.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _STALLED_SECONDS, 0)
        )
        connection, number = Connection(ours.detach()), next(self._numbers)
        beginning = Beginning(
            _folder(),
            _path(),
            {**os.environ, **(environment or {})},
            module,
            function,
            pickle.dumps(arguments),
        )
        with theirs, _file_of(pickle.dumps(beginning)) as file:
            handles = [theirs.fileno(), _standard_error(), file.fileno()]
            self.request(START, number, bytes_limit, handles)
        return StartedProcess(self, number, connection, bytes_limit)

    def request(
        self, what: bytes, number: int, bytes_limit: int = 0, handles: list[int] | None = None
    ) -> None:
        """Send a request to the server; do nothing if it is dead."""
        try:
            message = REQUEST.pack(what, number, bytes_limit)
            socket.send_fds(self.control, [message], handles or [])
        except OSError:
            self.dead = True

    def listen(self) -> None:
        """Read the messages of the server, if another thread has not read them already."""
        with self._listening:
            try:
                content = self.control.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                content = b""
            if not content:
                self.dead = True
            self._heard = True
            *lines, self._said = (self._said + content).split(b"\n")
            for line in lines:
                facts = json.loads(line)
                if "code" in facts:
                    self.ends[facts["number"]] = facts

    def wait_for_ends(self, killed: Collection[StartedProcess]) -> None:
        """Wait until killed processes have ended.

        Do not wait for a server that is still importing: it has not started any process.
        """
        if not self.dead and wait([self.control], 0):
            self.listen()
        clock = SystemClock()
        until = clock.seconds() + _ENDING_SECONDS
        while self._heard and any(process.end is None for process in killed):
            seconds = until - clock.seconds()
            if seconds <= 0:
                return
            if wait([self.control], min(seconds, _LOOK_SECONDS)):
                self.listen()

    def kill(self) -> None:
        """Kill the server, and with it all started processes."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End the server and all started processes."""
        self.dead = True
        self.control.close()
        if self._process is None:
            return
        try:
            if next(self._numbers) == 1:  # it has started no process, and may still be importing
                self._process.kill()
            self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@functools.cache
def _kept() -> list[ProcessServer]:
    return []


def process_server(*, forks: bool) -> ProcessServer:
    """Return the server of this process. A forking server is reused: its imports take seconds.

    The server ends with this process.
    """
    if not forks:
        return ProcessServer(forks=False)
    kept = _kept()
    if not kept or kept[-1].dead or kept[-1].owner != os.getpid():
        kept[:] = [ProcessServer(forks=True)]
        close_at_end(kept[-1].close)
    return kept[-1]


def start_ahead() -> None:
    """Start the server early, because its imports are the longest part of a start.

    Do nothing on a machine with GPUs, where processes are not forked. Repeated calls are harmless.
    """
    if sys.platform == "linux" and shutil.which("nvidia-smi") is None:
        process_server(forks=True)


def fork_server_from_here() -> None:
    """Fork the server from this process, which has one thread and has imported TensorFlow."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        _processes_server.serve(theirs, forks=True)
    theirs.close()
    _kept()[:] = [ProcessServer(forks=True, control=ours)]


def _file_of(content: bytes) -> IO[bytes]:
    """Return an unnamed file with this content, which may be larger than the socket's buffer."""
    if sys.platform == "linux":
        file: IO[bytes] = os.fdopen(os.memfd_create("beginning"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.flush()
    return file


def _standard_error() -> int:
    """Return the file descriptor of `sys.stderr`: descriptor 2 may be redirected."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # replaced by a notebook or a test
        return 2


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # the folder was deleted
        return None


def _path() -> list[str]:
    """Return `sys.path` with absolute folders; "" is the current folder."""
    return [os.path.abspath(folder) if folder == "" else folder for folder in sys.path]
