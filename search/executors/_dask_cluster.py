"""Connect to a running Dask cluster."""

import logging
import warnings
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from search.errors import SearchError, SearchWarning, UsageError, first_line
from search.executors._dask_pool import DaskWorkers
from search.executors.base import Load
from search.runtime.clock import Clock

if TYPE_CHECKING:
    from distributed import Client

_ANSWER_SECONDS = 10.0
_CLUSTER_PATIENCE = 600.0
# These log tracebacks when a connection breaks, in addition to the error of this module.
_LOGGERS_OF_CONNECTION = ("distributed.batched", "distributed.client")


def is_open(address: str) -> bool:
    """Return whether other machines can connect to a scheduler without a certificate.

    >>> [is_open(a) for a in ("tcp://a.example:8786", "10.0.0.7:8786", "tcp://[2001:db8::1]:8786")]
    [True, True, True]
    >>> [is_open(a) for a in ("tls://a.example:8786", "tcp://127.0.0.1:8786", "localhost:8786")]
    [False, False, False]
    """
    scheme, _, rest = address.rpartition("://")
    if scheme in ("tls", "wss", "inproc"):
        return False
    host = urlsplit(f"//{rest}").hostname or ""
    if host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:  # a host name
        return True


def connected(
    address: str, load: Load, clock: Clock, *, answer_seconds: float = _ANSWER_SECONDS
) -> DaskWorkers:
    """Connect to a running cluster and restart its workers, so that no earlier state is left.

    Raises: UsageError when no scheduler answers, or it has no worker.
    """
    from distributed import Client

    for name in _LOGGERS_OF_CONNECTION:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if is_open(address):
        warnings.warn(
            f"--cluster {address} is neither encrypted nor authenticated: anyone who can reach its "
            "port can run code as you. Use tls:// with your own certificates (see "
            "docs/security.md), or restrict the port to a private network.",
            SearchWarning,
            stacklevel=2,
        )
    try:
        client = Client(address, timeout=answer_seconds, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # TypeError: tls:// without certificates
        raise UsageError(
            f"No Dask scheduler answers at --cluster {address!r} within {answer_seconds:g} s: "
            f"{first_line(error)}. Check host and port, or start one with `dask scheduler`."
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
        patience=_CLUSTER_PATIENCE,
    )


def _afresh(client: "Client", address: str, answer_seconds: float) -> None:
    """Restart the workers: an earlier study may have left loaded code or a running task.

    Raises: UsageError for a cluster without workers; SearchError for a busy cluster.
    """
    try:
        client.wait_for_workers(1, timeout=answer_seconds)
    except TimeoutError as error:
        raise UsageError(
            f"The cluster at {address} has no worker after {answer_seconds:g} s. Start workers "
            f"with `dask worker --nthreads 1 --nworkers N {address}`."
        ) from error
    at_work = [worker for worker, tasks in client.processing().items() if tasks]
    if at_work:
        raise SearchError(
            f"The cluster at {address} is busy: {len(at_work)} workers run tasks, but a study "
            "needs an idle cluster. Wait for the tasks, or use another cluster."
        )
    with_nanny = [
        worker
        for worker, facts in client.scheduler_info(n_workers=-1)["workers"].items()
        if facts["nanny"]
    ]
    client.restart_workers(with_nanny, raise_for_error=False)
