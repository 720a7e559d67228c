"""Run the MLflow UI server on this machine, and build links to the trials of a study."""

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
from search.trackers._mlflow_runs import study_filter

HOST = "127.0.0.1"
_END_SECONDS = 10.0


class PortInUseError(SearchError):
    """Another program uses the requested port."""


class MlflowMissingError(SearchError):
    """The store has no MLflow database."""


class MlflowEndedError(SearchError):
    """MLflow's server exited unexpectedly."""


def study_link(base: str, experiment_id: str, header: StudyStarted | None = None) -> str:
    """Return the address of an experiment's runs, or of one study's runs, best score first.

    The address needs no saved view. The order by a metric makes MLflow list trials next to their
    parent run; nested trials would start collapsed, with empty charts.

    >>> study_link("http://127.0.0.1:5000", "1").partition("?")[0]
    'http://127.0.0.1:5000/#/experiments/1/runs'
    """
    query = {"orderByKey": "metrics.`score`", "orderByAsc": "false"}
    if header is not None:
        query["orderByAsc"] = "true" if header.objective.direction == "min" else "false"
        query["searchFilter"] = study_filter(header)
    return _runs(base, experiment_id, query)


def view_link(base: str, experiment_id: str, key: str) -> str:
    """Return the address of an experiment's runs in a saved view.

    The address must have no other parameters: with one, MLflow 3.17 ignores the view.

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
    """Serve the MLflow UI of a store until interrupted.

    `starting` is called after all checks, before the server starts; `ready` is called with the
    address when the server answers. An `http://` or `https://` tracking URI already has a server:
    only `ready` is called.

    Raises: MlflowMissingError, PortInUseError, MlflowEndedError. KeyboardInterrupt is raised again
    after the server has exited.
    """
    if tracking_uri.startswith(("http://", "https://")):
        ready(masked(tracking_uri))
        return
    database = sqlite_file(tracking_uri)
    if database is not None and not database.is_file():
        raise MlflowMissingError(
            f"There is no MLflow database at '{database}'. Run a search first, or pass --store DIR."
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
    """Check that the port is free for `what`.

    Raises: PortInUseError when the port is in use or not allowed.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise PortInUseError(
                f"Port {port} of {HOST} is not available for {what}: {reason}. Choose another "
                "with --port, or stop the program that uses it."
            ) from error


@contextlib.contextmanager
def _server(
    tracking_uri: str, artifact_root: Path, port: int, log: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start MLflow's server, and stop all its processes on exit."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # Eight processes and 600 MB for evaluations of language models, in MLflow 3.17.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1"]
    command += ["--artifacts-destination", str(artifact_root)]
    with _terminate_as_exit():
        # A new session: the workers get SIGTERM from here, once, and no SIGINT from the terminal.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # In the environment: every user of the machine can read the command line.
            env={**os.environ, "MLFLOW_BACKEND_STORE_URI": tracking_uri},
        )
        try:
            yield process
        finally:
            _end(process)


@contextlib.contextmanager
def _terminate_as_exit() -> Iterator[None]:
    """Raise SystemExit on SIGTERM, so that the server is stopped on the way out."""
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
        with contextlib.suppress(ProcessLookupError):  # the whole group has exited
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Return whether the server accepts connections; if not, wait a tenth of a second."""
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
        f"MLflow's server exited with code {server.returncode}: "
        f"{masked(lines[-1]) if lines else 'no output'}. Check the store with `doctor`."
    )
