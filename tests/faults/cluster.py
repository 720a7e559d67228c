"""A Dask cluster whose processes and links can be disturbed: one scheduler, workers, proxies."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.faults.network import Host
from tests.faults.study import ROOT

PAGES = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")


class Cluster:
    """A scheduler with as many workers as are added; all of them end with the `with` block.

    Each is a process group of its own, as if it was a machine. `env`: added to the environment of
    all; `words`: further words for the scheduler, which has the address `ip`.
    """

    def __init__(
        self,
        folder: Path,
        *words: str,
        env: Mapping[str, str] | None = None,
        ip: str = "127.0.0.1",
    ) -> None:
        self._folder = folder
        self._env = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        self._processes: list[subprocess.Popen[str]] = []
        (folder / "scheduler").write_text("")
        self.scheduler = self._start("scheduler", "--port", "0", "--host", ip, *words)
        self.address = self._address()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            kill(process)

    def add_worker(
        self, address: str | None = None, at: Host | None = None, **env: str
    ) -> "subprocess.Popen[str]":
        """Start a worker that knows the scheduler by this address, by default its own.

        `at`: on which host, by default this one.
        """
        ip, prefix = ("127.0.0.1", ()) if at is None else (at.far, at.prefix)
        words = [address or self.address, "--nthreads", "1", "--host", ip]
        return self._start("worker", *words, prefix=prefix, **env)

    def said(self) -> str:
        """What the scheduler has said so far."""
        return (self._folder / "scheduler").read_text()

    def _start(
        self, word: str, *words: str, prefix: Sequence[str] = (), **env: str
    ) -> "subprocess.Popen[str]":
        with (self._folder / word).open("a") as said:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "dask", word, *words, *PAGES],
                cwd=self._folder,
                env=self._env | env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                text=True,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def _address(self) -> str:
        for _ in range(600):
            found = re.search(r"Scheduler at:\s+(\w+://\S+)", self.said())
            if found is not None:
                return found[1]
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.scheduler.wait(0.1)
        raise AssertionError(self.said())


def kill(process: "subprocess.Popen[str]", number: int = signal.SIGKILL) -> None:
    """Send a signal to a process and all that it has started, and wait for its end if it dies."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    if number == signal.SIGKILL:
        process.wait()


class Link:
    """A port of this machine that passes everything on to an address, as long as it is whole."""

    def __init__(self, address: str) -> None:
        self._scheme, _, target = address.partition("://")
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._whole = threading.Event()
        self._sockets: list[socket.socket] = []
        self._port = 0
        self.mend()

    @property
    def address(self) -> str:
        """What to connect to."""
        return f"{self._scheme}://127.0.0.1:{self._port}"

    def stall(self) -> None:
        """Let nothing pass, without a word to either side: as a cable that is pulled."""
        self._whole.clear()

    def cut(self) -> None:
        """Close all connections and refuse new ones, until it is mended."""
        for each in self._sockets:
            with contextlib.suppress(OSError):  # ends the threads that wait for it
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._sockets.clear()

    def mend(self) -> None:
        """Let everything pass again."""
        self._whole.set()
        if not self._sockets:
            listening = socket.create_server(("127.0.0.1", self._port))
            self._port = listening.getsockname()[1]
            self._sockets.append(listening)
            threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := one.recv(2**16):
                self._whole.wait()
                other.sendall(content)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def link(address: str) -> Iterator[Link]:
    """A link to an address; it is cut for good at the end."""
    made = Link(address)
    try:
        yield made
    finally:
        made.mend()
        made.cut()
