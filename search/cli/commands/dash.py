"""`dash`: serve the live page of the studies of a store."""

import contextlib
import sys
from argparse import Namespace

from search.cli.commands.common import note, out, store_of
from search.cli.mlflow_server import refuse_used
from search.engine.plan import recorded_plan
from search.runtime.clock import SystemClock
from search.runtime.environment import Environment


def main(options: Namespace, environment: Environment) -> int:
    """Serve the page until interrupted, and print its address."""
    store, clock = store_of(options), SystemClock()
    if options.study is not None:
        store.existing(options.study)
    refuse_used(options.port, "the live page")
    note("starting the live page ...")
    from dashboards.live.app import make, serve
    from dashboards.live.follower import Watcher

    app = make(Watcher(store, recorded_plan, clock), clock, options.study)

    def ready(address: str) -> None:
        out(address)
        sys.stdout.flush()  # the process serves until it is stopped
        note("press Ctrl-C to stop")

    with contextlib.suppress(KeyboardInterrupt):
        serve(app, options.port, ready)
    note("stopped")
    return 0
