"""`report`: the file it writes, what it refuses, and that MLflow gets it or not without harm."""

from pathlib import Path

import pytest

from search.cli.main import main
from search.study.events import Entry
from search.study.journal import Journal
from search.study.store import Store
from search.study.study_record import fold
from search.trackers._mlflow_runs import connect
from tests.records import header, whole_life
from tests.trackers.direct import DirectMlflowTracker
from tests.web import nobody_there


def written(store: Path, entries: list[Entry], study: str) -> None:
    with Journal.create(Store(store).journal(study), entries):
        pass


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with a study "demo-1" that ended, and "other-1" that has only begun."""
    written(tmp_path / "mlruns", whole_life(), "demo-1")
    written(tmp_path / "mlruns", [header("other-1")], "other-1")
    return tmp_path / "mlruns"


@pytest.fixture
def call(store, capsys, monkeypatch):
    """Run `report` on the store: exit code, output, errors."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["report", *words, "--store", str(store)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run


def test_it_prints_the_path_of_the_file_and_replaces_an_earlier_report(call, tmp_path):
    path = tmp_path / "new" / "report.html"
    code, out, err = call("demo-1", "--to", str(path))

    assert (code, out) == (0, f"{path}\n")
    assert "MLflow, which has no run of study demo-1" in err
    assert "<h1>demo-1</h1>" in path.read_text()
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    assert call("demo-1", "other-1", "--to", str(path))[0] == 0
    assert "<h1>2 studies compared</h1>" in path.read_text()


def test_mlflow_gets_the_report_with_the_study(call, store, tmp_path):
    uri = f"sqlite:///{store.absolute() / 'mlflow.db'}"
    record = fold(whole_life())
    tracker = DirectMlflowTracker(uri, store / "artifacts")
    tracker.start_study(record)
    tracker.end_study(record, None)
    place = tracker.locate(record)
    assert place is not None

    code, _, err = call("demo-1", "--to", str(tmp_path / "mine.html"))

    assert (code, err) == (0, "")
    artifacts = connect(uri).list_artifacts(place["run_id"])
    assert "report.html" in [artifact.path for artifact in artifacts]
    assert call("demo-1", "other-1", "--to", str(tmp_path / "both.html"))[0] == 0
    artifacts = connect(uri).list_artifacts(place["run_id"])
    assert {"report.html", "comparison.html"} <= {artifact.path for artifact in artifacts}


def test_a_server_that_is_away_is_one_line_of_warning(call, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", nobody_there())
    code, out, err = call("demo-1", "--to", str(tmp_path / "report.html"))

    assert (code, out) == (0, f"{tmp_path / 'report.html'}\n")
    assert err.startswith("warning: the report was not logged to MLflow: ")
    assert len(err.splitlines()) == 1


def test_an_unknown_study_is_refused_with_the_nearest(call, tmp_path):
    code, _, err = call("demo-2", "--to", str(tmp_path / "report.html"))

    assert code == 2
    assert "did you mean 'demo-1'?" in err
    assert not (tmp_path / "report.html").exists()


def test_a_place_where_no_report_belongs_is_refused(call, tmp_path):
    notes = tmp_path / "notes.html"
    notes.write_text("mine")

    code, _, err = call("demo-1", "--to", str(tmp_path))
    assert code == 2
    assert "is a folder. Name a file in the folder" in err
    code, _, err = call("demo-1", "--to", str(notes))
    assert code == 2
    assert "is not a report" in err
    assert notes.read_text() == "mine"
    code, _, err = call("demo-1", "--to", str(notes / "report.html"))
    assert code == 1
    assert "Cannot write --to" in err


@pytest.mark.slow
def test_figures_are_written_as_files_too(call, tmp_path):
    code, out, _ = call(
        *("demo-1", "--to", str(tmp_path / "report.html"), "--figures", str(tmp_path / "figures"))
    )

    assert code == 0
    files = [Path(line) for line in out.splitlines()[1:]]
    assert tmp_path / "figures" / "learning-curves.svg" in files
    assert all(b"<svg" in file.read_bytes()[:200] for file in files)
