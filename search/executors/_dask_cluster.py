"""A Dask cluster that runs already."""

import logging
import warnings
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from search.errors import SearchError, SearchWarning, UsageError
from search.executors._dask_pool import DaskWorkers
from search.executors.base import Load
from search.runtime.clock import Clock

if TYPE_CHECKING:
    from distributed import Client

_ANSWER_SECONDS = 10.0
_CLUSTER_PATIENCE = 600.0
# what they log with tracebacks when a connection breaks is said by an error of one sentence
_LOGGERS_OF_CONNECTION = ("distributed.batched", "distributed.client")


def is_open(address: str) -> bool:
    """Whether others than this machine's users may reach a scheduler's port, without a certificate.

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
    except ValueError:  # a name
        return True


def connected(
    address: str, load: Load, clock: Clock, *, answer_seconds: float = _ANSWER_SECONDS
) -> DaskWorkers:
    """The workers of a cluster that runs already; they are restarted, so that all begin afresh.

    Raises: UsageError when no scheduler answers there, or it has no worker.
    """
    from distributed import Client

    for name in _LOGGERS_OF_CONNECTION:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if is_open(address):
        warnings.warn(
            f"--cluster {address} is neither encrypted nor checked: whoever reaches its port can "
            "run code as you. Use tls:// with certificates of your own, see docs/security.md, or "
            "keep the port to a private network.",
            SearchWarning,
            stacklevel=2,
        )
    try:
        client = Client(address, timeout=answer_seconds, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # TypeError: tls:// without certificates
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
