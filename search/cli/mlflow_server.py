"""The MLflow UI: its server on this machine, and links that open on the trials of a study."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import IO

from search.errors import SearchError
from search.runtime.masking import masked
from search.study.events import StudyStarted
from search.trackers._mlflow_database import sqlite_file
from search.trackers._mlflow_views import study_filter

HOST = "127.0.0.1"
_END_SECONDS = 10.0


class PortInUseError(SearchError):
    """Another program listens on the port that the UI was to have."""


class MlflowMissingError(SearchError):
    """There is no MLflow database to show."""


class MlflowEndedError(SearchError):
    """MLflow's server ended of its own."""


def study_link(base: str, experiment_id: str, header: StudyStarted | None = None) -> str:
    """The address of an experiment's runs, best score first; of one study's where it is given.

    Needs no saved view. Ordered by a metric, MLflow shows trials beside their parent: nested, they
    start collapsed, and its charts start empty.

    >>> study_link("http://127.0.0.1:5000", "1").partition("?")[0]
    'http://127.0.0.1:5000/#/experiments/1/runs'
    """
    query = {"orderByKey": "metrics.`score`", "orderByAsc": "false"}
    if header is not None:
        query["orderByAsc"] = "true" if header.objective.direction == "min" else "false"
        query["searchFilter"] = study_filter(header)
    return _runs(base, experiment_id, query)


def view_link(base: str, experiment_id: str, key: str) -> str:
    """The address of an experiment's runs as a saved view shows them.

    Nothing else may be asked for in it: MLflow 3.17 then leaves the view aside.

    >>> view_link("http://127.0.0.1:5000", "1", "all-studies").rpartition("&")[2]
    'viewStateShareKey=all-studies'
    """
    return _runs(base, experiment_id, {"viewStateShareKey": key})


def _runs(base: str, experiment_id: str, query: Mapping[str, str]) -> str:
    shown = {"workflowType": "machine_learning", "compareRunsMode": "CHART"}
    words = urllib.parse.urlencode({**shown, **query}, quote_via=urllib.parse.quote)
    return f"{base.rstrip('/')}/#/experiments/{experiment_id}/runs?{words}"


def serve(
    tracking_uri: str,
    artifact_root: Path,
    port: int,
    ready: Callable[[str], None],
    starting: Callable[[], None] = lambda: None,
) -> None:
    """Show a store until interrupted; `ready` is called with the UI's address once it answers.

    `starting` is called before the wait, once nothing speaks against the start.

    An `http://` or `https://` address has a server of its own: `ready` gets it, nothing starts.

    Raises: MlflowMissingError, PortInUseError, MlflowEndedError; KeyboardInterrupt passes through
    once the server has ended.
    """
    if tracking_uri.startswith(("http://", "https://")):
        ready(masked(tracking_uri))
        return
    database = sqlite_file(tracking_uri)
    if database is not None and not database.is_file():
        raise MlflowMissingError(
            f"the MLflow UI needs a store with studies, got none at {database}; run a search "
            "first, or name the right folder with --store"
        )
    refuse_used(port)
    starting()
    with tempfile.TemporaryFile() as log, _server(tracking_uri, artifact_root, port, log) as server:
        while not _answers(server, port):
            _refuse_ended(server, log)
        ready(f"http://{HOST}:{port}")
        server.wait()
        _refuse_ended(server, log)


def refuse_used(port: int, what: str = "the MLflow UI") -> None:
    """Find out whether the port is free for `what`.

    Raises: PortInUseError when it is not, or may not be had.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise PortInUseError(
                f"port {port} of {HOST} must be free for {what}, got: {reason}; choose "
                f"another with --port, or end the program that uses it"
            ) from error


@contextlib.contextmanager
def _server(
    tracking_uri: str, artifact_root: Path, port: int, log: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server, ended with all its processes on the way out, however that comes about."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # Eight processes and 600 MB for evaluations of language models, in MLflow 3.17.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1"]
    command += ["--artifacts-destination", str(artifact_root)]
    with _terminate_as_exit():
        # A session of its own: its workers get the end from here, once, and not from the terminal.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # not on the command line, which every user of the machine can read
            env={**os.environ, "MLFLOW_BACKEND_STORE_URI": tracking_uri},
        )
        try:
            yield process
        finally:
            _end(process)


@contextlib.contextmanager
def _terminate_as_exit() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that it does not leave the server behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):  # the whole group is gone already
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the server takes connections; looks again after a tenth of a second if not."""
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            return True
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(0.1)
    return False


def _refuse_ended(server: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    if server.poll() is None:
        return
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    raise MlflowEndedError(
        f"MLflow's server must keep running, but it ended with code {server.returncode}: "
        f"{masked(lines[-1]) if lines else 'it said nothing'}; `doctor` checks the store"
    )
