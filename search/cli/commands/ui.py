"""`ui`: the MLflow UI, opened on a study."""

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
    """Serve the UI until interrupted, and print the link to the study.

    The link to its saved view, and the one that needs none as a remark.
    """
    store = store_of(options)
    record, _ = read(store, options.study or _latest(store))
    where = place(record, store, environment)
    if where is None:
        raise SearchError(
            f"MLflow has nothing of study {record.header.study}; write it from the journal with "
            f"`{printed_commands.rebuild_command(record.header.study, store)}`"
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
        note("Ctrl-C ends it")

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
        note("ended")
    return 0


def _latest(store: Store) -> str:
    """Return the study whose journal was written last, of those that can be read."""
    names = store.latest_first()
    if not names:
        raise SearchError(f"no studies in {store.root} yet; run one, or name a folder with --store")
    for name in names:
        try:
            read(store, name)
        except JournalError as error:
            note(f"study {name} is left out: {error}")
        else:
            return name
    return names[0]
