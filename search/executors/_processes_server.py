"""Server process that starts and kills the processes of a study: `python -m ... FD [fork]`.

It receives requests on the socket FD, one end of a socket pair of its parent, and reports the end
of each process there. With `fork`, it imports TensorFlow first and forks the processes; without,
each process is a new interpreter (neither CUDA nor some libraries of macOS survive a fork). It has
one thread and runs no user code, so that it survives when a started process dies, hangs or runs out
of memory. When its parent ends, it kills all started processes and exits.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass
from typing import NoReturn

FORK = "fork"
# a request: what to do, number of the process (chosen by the parent), memory limit in bytes
REQUEST = struct.Struct("<cQQ")
START, KILL = b"s", b"k"
WORKER_PRELOAD = "search.engine.worker_preload"
CHILD = "search.executors._processes_child"
_LOOK_SECONDS = 0.1
_MOST_OF_MEMORY = 0.95


@dataclass(slots=True)
class _Child:
    number: int
    pid: int
    bytes_limit: int
    out_of_memory: bool = False

    def kill(self) -> None:
        """Kill the process and its descendants, which are in its process group."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)


class _Server:
    def __init__(self, control: socket.socket, *, forks: bool) -> None:
        self._control = control
        self._forks = forks
        self._children: dict[int, _Child] = {}
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Handle requests until the parent ends."""
        try:
            while True:
                seconds = _LOOK_SECONDS if self._children else None
                handles = [self._control.fileno(), self._woken]
                ready, _, _ = select.select(handles, [], [], seconds)
                if self._woken in ready:
                    os.read(self._woken, 4096)
                self._reap()
                self._watch_memory()
                if self._control.fileno() in ready and not self._obey():
                    return
        except (BrokenPipeError, ConnectionResetError):
            return
        finally:
            for child in self._children.values():
                child.kill()

    def _obey(self) -> bool:
        """Handle one request. Return False when the parent has ended."""
        request, handles, _, _ = socket.recv_fds(self._control, REQUEST.size, 3)
        if len(request) < REQUEST.size:
            return False
        what, number, bytes_limit = REQUEST.unpack(request)
        if what == KILL:
            for child in self._children.values():
                if child.number == number:
                    child.kill()
        else:
            pid = self._started(*handles)
            self._children[pid] = _Child(number, pid, bytes_limit)
            self._say(number, pid=pid)
        for handle in handles:
            os.close(handle)
        return True

    def _started(self, connection: int, output: int, beginning: int) -> int:
        if not self._forks:
            words = [sys.executable, "-P", "-m", CHILD, str(connection), str(beginning)]
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(connection, beginning),
                start_new_session=True,
            )
            process.returncode = 0  # `_reap` waits for it: Popen must not
            return process.pid
        pid = os.fork()
        if pid == 0:
            self._be_the_child(connection, output, beginning)
        return pid

    def _be_the_child(self, connection: int, output: int, beginning: int) -> NoReturn:
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            os.close(self._woken)
            for stream in (1, 2):
                os.dup2(output, stream)
            os.close(output)
            importlib.import_module(CHILD).run(connection, beginning)
        finally:
            os._exit(1)

    def _reap(self) -> None:
        for pid, child in list(self._children.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self._children[pid]
                child.kill()  # its descendants that still run
                code = os.waitstatus_to_exitcode(status)
                self._say(child.number, code=code, out_of_memory=child.out_of_memory)

    def _watch_memory(self) -> None:
        import psutil

        for child in self._children.values():
            with contextlib.suppress(psutil.Error):
                used = psutil.Process(child.pid).memory_info().rss if child.bytes_limit else 0
                if used > _MOST_OF_MEMORY * child.bytes_limit:
                    child.out_of_memory = True
                    child.kill()

    def _say(self, number: int, **facts: object) -> None:
        self._control.sendall(json.dumps({"number": number, **facts}).encode() + b"\n")


def serve(control: socket.socket, *, forks: bool) -> NoReturn:
    """Serve on the parent's socket until the parent ends, then exit."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    try:
        _Server(control, forks=forks).serve()
    finally:
        os._exit(0)  # at once: a regular exit with TensorFlow loaded takes long


def main() -> None:
    """Serve on the socket that the parent passed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # also during the imports
    forks = FORK in sys.argv
    control = socket.socket(fileno=int(sys.argv[1]))
    importlib.import_module(CHILD)
    if forks:
        importlib.import_module(WORKER_PRELOAD)
    serve(control, forks=forks)


if __name__ == "__main__":
    main()
