"""The Dash application of the live page, and its server on this machine."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from dashboards.live import callbacks, layout
from dashboards.live.follower import Watcher
from search.errors import SearchError
from search.runtime.clock import Clock

if TYPE_CHECKING:
    from dash import Dash

HOST = "127.0.0.1"
_INDEX = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    {%metas%}
    <title>{%title%}</title>
    <link rel="icon" href="{icon}">
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>{%config%}{%scripts%}{%renderer%}</footer>
  </body>
</html>
"""
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath "
    "d='M2 13 6 7l3 3 5-8' fill='none' stroke='%233D8FC6' stroke-width='2'/%3E%3C/svg%3E"
)


def make(watcher: Watcher, clock: Clock, study: str | None = None) -> "Dash":
    """Create the Dash app of a store. It opens `study`, or by default the latest study."""
    from dash import Dash

    app = Dash(
        __name__,
        title="Studies",
        update_title=None,
        index_string=_INDEX.replace("{icon}", _ICON),
        suppress_callback_exceptions=True,
        add_log_handler=False,
        enable_mcp=False,
        on_error=_trouble,
    )

    def page() -> object:
        studies = watcher.studies()
        damaged = []
        for name in dict.fromkeys([*([study] if study else []), *studies]):
            try:
                standing = watcher.look(name)
                drawn = watcher.drawn(name)
            except SearchError as error:
                damaged.append(f"Study {name}: {error}")
            else:
                return layout.whole(standing, drawn, studies, " ".join(damaged))
        nothing = f"There are no studies in {watcher.store.root} yet."
        return layout.empty(" ".join(damaged) or nothing)

    app.layout = page
    callbacks.connect(app, watcher, clock)
    return app


def _trouble(error: Exception) -> None:
    """Keep the page when a study cannot be read: the next tick shows the reason."""
    if not isinstance(error, SearchError):
        raise error


def serve(app: "Dash", port: int, ready: Callable[[str], None]) -> None:
    """Serve the page on a port of this machine (0: any free port) until interrupted.

    `ready` is called with the address when the server answers.
    """
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each request
    app.server.test_client().get("/_dash-layout")  # the first request is slow: do it now
    server = make_server(HOST, port, app.server, threaded=True)
    try:
        ready(f"http://{HOST}:{server.server_port}")
        server.serve_forever()  # returns after an interrupt
    finally:
        server.server_close()
