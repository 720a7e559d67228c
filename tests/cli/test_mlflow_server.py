"""The MLflow UI's server and its links."""

import re
import socket
import urllib.parse
import urllib.request
from dataclasses import replace

import pytest

from search.cli.mlflow_server import (
    HOST,
    MlflowEndedError,
    MlflowMissingError,
    PortInUseError,
    refuse_used,
    serve,
    study_link,
    view_link,
)
from search.problem.objective import Objective
from search.study.events import Entry, StudyStarted
from search.study.study_record import fold
from tests.records import header, whole_life
from tests.trackers.direct import DirectMlflowTracker


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def words_of(link: str) -> tuple[str, dict[str, str]]:
    address, _, query = link.partition("?")
    return address, dict(urllib.parse.parse_qsl(query))


@pytest.mark.parametrize(("direction", "ascending"), [("max", "false"), ("min", "true")])
def test_the_plain_link_opens_on_the_trials_of_a_study_with_the_best_first(direction, ascending):
    started = header("fashion-1").event
    assert isinstance(started, StudyStarted)
    started = replace(started, objective=Objective("val_loss", direction))
    address, words = words_of(study_link("http://127.0.0.1:5000/", "7", started))

    assert address == "http://127.0.0.1:5000/#/experiments/7/runs"
    assert words["workflowType"] == "machine_learning"
    assert words["compareRunsMode"] == "CHART"
    assert (words["orderByKey"], words["orderByAsc"]) == ("metrics.`score`", ascending)
    assert words["searchFilter"].startswith("tags.`search.study` = 'fashion-1' and ")


def test_the_link_to_a_view_asks_for_nothing_else():
    """Any condition or order in the address, and MLflow 3.17 leaves the view aside."""
    address, words = words_of(view_link("http://127.0.0.1:5000", "7", "fashion-1-17"))

    assert address == "http://127.0.0.1:5000/#/experiments/7/runs"
    assert set(words) == {"workflowType", "compareRunsMode", "viewStateShareKey"}
    assert words["viewStateShareKey"] == "fashion-1-17"


def test_a_used_port_is_refused_with_a_remedy(tmp_path):
    database = tmp_path / "mlflow.db"
    database.touch()
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(PortInUseError, match=f"Port {port} .* --port"):
            serve(f"sqlite:///{database}", tmp_path, port, print)


def test_a_port_that_cannot_be_is_refused():
    with pytest.raises(PortInUseError, match="99999"):
        refuse_used(99999)


def test_a_missing_store_is_refused_and_not_made(tmp_path, free_port):
    with pytest.raises(MlflowMissingError, match="Run a search first"):
        serve(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path, free_port, print)

    assert list(tmp_path.iterdir()) == []


def test_a_server_elsewhere_is_used_as_it_is(tmp_path):
    told = []
    serve("https://mlflow.example.com", tmp_path, 80, told.append)

    assert told == ["https://mlflow.example.com"]


@pytest.mark.slow
def test_a_store_that_mlflow_cannot_read_ends_with_its_own_words(tmp_path, free_port):
    database = tmp_path / "mlflow.db"
    database.write_text("this is not a database, and long enough to be seen as none" * 20)

    with pytest.raises(MlflowEndedError, match="exited with code") as caught:
        serve(f"sqlite:///{database}", tmp_path, free_port, print)

    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_server_shows_the_study_and_ends_with_the_interrupt(tmp_path, free_port):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    journal: list[Entry] = whole_life()
    record = fold(journal)
    tracker = DirectMlflowTracker(uri, tmp_path / "artifacts")
    tracker.start_study(record)
    tracker.end_study(record, None)
    place = tracker.locate(record)
    assert place is not None
    pages = []

    def look_and_leave(address: str) -> None:
        run = f"{address}/ajax-api/2.0/mlflow/runs/get?run_id={place['run_id']}"
        for url in (address, run):
            with urllib.request.urlopen(url, timeout=60) as page:
                pages.append(page.read().decode())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve(uri, tmp_path / "artifacts", free_port, look_and_leave)

    assert re.search("<title>MLflow</title>", pages[0])
    assert '"demo-1"' in pages[1]
    refuse_used(free_port)
