"""The process in which the nannies of this machine's workers live, started before Dask is imported.

Run as `python -m search.executors._dask_nannies [fork [FD]]`. It learns from its standard input, in
one line, the scheduler's address and what nannies there are to be: that may take its time, as the
forkserver is at its imports meanwhile, the longest part of a start. FD is served by a process that
is forked and trains nothing. Ends with the input, the scheduler or a signal.
"""

import json
import multiprocessing
import multiprocessing.forkserver
import sys
import threading
from multiprocessing.connection import Connection

NURSERY = "search.nursery"
FORK = "fork"


def main() -> None:
    """Serve as the process of the nannies."""
    if FORK in sys.argv:
        multiprocessing.get_context("forkserver").set_forkserver_preload([NURSERY, "distributed"])
        multiprocessing.forkserver.ensure_running()
        for handle in sys.argv[sys.argv.index(FORK) + 1 :]:
            threading.Thread(target=_serve, args=(int(handle),), daemon=True).start()
    import dask
    from distributed import utils
    from distributed.cli import dask_spec

    if FORK in sys.argv:
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
        # distributed 2026.8 would have all that it can use imported here and there, pandas included
        utils._forkserver_preload_set = True
    line = sys.stdin.readline()
    if line:
        order = json.loads(line)
        arguments = [order["scheduler"], "--spec", json.dumps(order["spec"])]
        dask_spec.main(arguments, standalone_mode=False)


def _serve(handle: int) -> None:
    """Have the forkserver fork a process that serves a socket as `search.fresh_process` does.

    In a thread: the forkserver answers when its imports are over.
    """
    from search.fresh_process import serve_lent

    with Connection(handle) as connection:
        context = multiprocessing.get_context("forkserver")
        context.Process(target=serve_lent, args=(connection,)).start()


if __name__ == "__main__":
    main()
