"""`ui`: start the MLflow UI and print links to a study."""

from argparse import Namespace

from search.cli.commands.common import (
    artifact_root,
    note,
    out,
    place,
    read,
    store_of,
    tracking_uri,
    view,
)
from search.cli.mlflow_server import serve, study_link, view_link
from search.errors import JournalError, SearchError
from search.runtime.environment import Environment
from search.study import printed_commands
from search.study.store import Store
from search.trackers._mlflow_views import ALL_STUDIES


def main(options: Namespace, environment: Environment) -> int:
    """Serve the UI until interrupted. Print the link to the study's saved view.

    A second link, to standard error, works without the saved view.
    """
    store = store_of(options)
    record, _ = read(store, options.study or _latest(store))
    where = place(record, store, environment)
    if where is None:
        raise SearchError(
            f"Study {record.header.study} is not in MLflow. Write it from the journal with "
            f"`{printed_commands.rebuild_command(record.header.study, store)}`."
        )

    key, experiment = view(record, store, environment), where["experiment_id"]

    def ready(address: str) -> None:
        plain = study_link(address, experiment, record.header)
        if key is None:
            out(plain)
        else:
            out(view_link(address, experiment, key))
            note(f"all studies of the problem: {view_link(address, experiment, ALL_STUDIES)}")
            note(f"without saved charts: {plain}")
        note("press Ctrl-C to stop")

    root = artifact_root(store, environment) or store.artifacts
    try:
        serve(
            tracking_uri(store, environment),
            root,
            options.port,
            ready,
            starting=lambda: note("starting the MLflow UI ..."),
        )
    except KeyboardInterrupt:
        note("stopped")
    return 0


def _latest(store: Store) -> str:
    """Return the readable study with the latest journal entry."""
    names = store.latest_first()
    if not names:
        raise SearchError(f"No studies in '{store.root}'. Run a search first, or pass --store DIR.")
    for name in names:
        try:
            read(store, name)
        except JournalError as error:
            note(f"study {name} is skipped: {error}")
        else:
            return name
    return names[0]
