"""Dask clusters: one of processes on this machine, or one that runs somewhere already."""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from search.errors import SearchError, UsageError
from search.executors import _dask_nannies
from search.executors._dask_worker import Load
from search.executors._dask_workers import DaskWorkers
from search.seeds import Clock

if TYPE_CHECKING:
    from distributed import Client

# `allowed-failures` 0: Dask must not run a trial again by itself, the coordinator knows its curve.
_CONFIG = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-ttl": None,  # a worker that imports TensorFlow misses heartbeats
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.profile.enabled": False,
}
# The second is Dask's HTTP server, which runs even without a dashboard, by default on port 8787.
_HERE = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
_ANSWER_SECONDS = 10.0
_LOCAL_PATIENCE = 60.0
_CLUSTER_PATIENCE = 600.0


class Lender(Protocol):
    """Something that another process may serve; see `search.fresh_process`."""

    def lend(self) -> socket.socket:
        """Return the socket to serve."""
        ...


def local(
    environments: Sequence[Mapping[str, str]],
    load: Load,
    clock: Clock,
    *,
    memory_bytes: int | None = None,
    fresh: Lender | None = None,
) -> DaskWorkers:
    """Start a process on this machine for each environment, and do not wait for it.

    Each may use `memory_bytes` (None: its share). Where no environment asks for anything (GPUs),
    all are forked from one that has imported what they need; a process that serves `fresh` too.
    """
    # CUDA does not survive a fork, nor do some of macOS's libraries
    forked = sys.platform == "linux" and not any(environments)
    # A session of its own: Ctrl-C is for the coordinator, which ends them when it has closed.
    words = [_dask_nannies.FORK] if forked else []
    with contextlib.ExitStack() as lent:
        handles = []
        if forked and fresh is not None:
            handles = [lent.enter_context(fresh.lend()).fileno()]
        process = subprocess.Popen(
            [sys.executable, "-m", _dask_nannies.__name__, *words, *map(str, handles)],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=handles,
        )
    try:
        return _around(process, environments, load, clock, memory_bytes)
    except BaseException:
        _end(process)
        raise


def _around(
    process: "subprocess.Popen[str]",
    environments: Sequence[Mapping[str, str]],
    load: Load,
    clock: Clock,
    memory_bytes: int | None,
) -> DaskWorkers:
    """The cluster around a process of nannies that is starting up."""
    import dask
    from distributed import Client, Scheduler, SpecCluster
    from distributed.system import MEMORY_LIMIT

    options = {
        "nthreads": 1,
        "memory_limit": memory_bytes or MEMORY_LIMIT // len(environments),
        "silence_logs": logging.CRITICAL,
        "config": _CONFIG,
        "dashboard": False,
        **_HERE,
    }
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    nannies = {
        number: {
            "cls": "distributed.Nanny",
            "opts": {"name": number, "env": quiet | dict(environment), **options},
        }
        for number, environment in enumerate(environments)
    }
    # The scheduler lives in this process: if it is killed, the workers lose it and end themselves.
    with dask.config.set(_CONFIG):
        cluster = SpecCluster(
            workers={"nannies": {"cls": _nannies(process), "options": {"spec": nannies}}},
            scheduler={
                "cls": Scheduler,
                "options": {"port": 0, "dashboard": False, **_HERE},
            },
            silence_logs=logging.CRITICAL,
        )
        client = Client(cluster, set_as_default=False)
    return DaskWorkers(
        client,
        load,
        clock,
        lambda: cluster.close(),
        shares_disk=True,
        patience=_LOCAL_PATIENCE,
    )


def _nannies(process: "subprocess.Popen[str]") -> type:
    """The process of the nannies, as a cluster takes it: it never imports the caller's module."""
    from distributed.deploy.spec import ProcessInterface

    class Nannies(ProcessInterface):  # type: ignore[misc]  # untyped
        """Told what to do when the cluster knows its scheduler."""

        def __init__(self, scheduler: str, spec: Mapping[int, Any], name: str) -> None:
            self._order = {"scheduler": scheduler, "spec": spec}
            super().__init__(scheduler, name)

        async def start(self) -> None:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # ended already: no worker will come
                process.stdin.write(json.dumps(self._order) + "\n")
                process.stdin.flush()
            await super().start()

        async def close(self) -> None:
            _end(process)
            await super().close()

    return Nannies


def _end(process: "subprocess.Popen[str]") -> None:
    """End the nannies and all that they have started: the forkserver and the workers."""
    with contextlib.suppress(ProcessLookupError):  # all are gone already
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def connected(
    address: str, load: Load, clock: Clock, *, answer_seconds: float = _ANSWER_SECONDS
) -> DaskWorkers:
    """The workers of a cluster that runs already; they are restarted, so that all begin afresh.

    Raises: UsageError when no scheduler answers there, or it has no worker.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=answer_seconds, set_as_default=False)
    except (OSError, ValueError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"--cluster must name a Dask scheduler that answers within {answer_seconds:g} s, got "
            f"{address!r}: {said}; check host and port, or start one with `dask scheduler`"
        ) from error
    try:
        _afresh(client, address, answer_seconds)
    except BaseException:
        client.close()
        raise
    return DaskWorkers(
        client,
        load,
        clock,
        lambda: None,
        shares_disk=False,
        patience=_CLUSTER_PATIENCE,
    )


def _afresh(client: "Client", address: str, answer_seconds: float) -> None:
    """Restart the workers: a study that was killed may have left them at work, or old code loaded.

    Raises: UsageError for a cluster without workers; SearchError for one that is at work.
    """
    try:
        client.wait_for_workers(1, timeout=answer_seconds)
    except TimeoutError as error:
        raise UsageError(
            f"--cluster must have a worker within {answer_seconds:g} s, got none at {address}; "
            f"start some with `dask worker --nthreads 1 --nworkers N {address}`"
        ) from error
    at_work = [worker for worker, tasks in client.processing().items() if tasks]
    if at_work:
        raise SearchError(
            f"the cluster at {address} must be idle when a study begins, got {len(at_work)} "
            "workers at work; wait for them, or use another cluster"
        )
    with_nanny = [
        worker
        for worker, facts in client.scheduler_info(n_workers=-1)["workers"].items()
        if facts["nanny"]
    ]
    client.restart_workers(with_nanny, raise_for_error=False)
