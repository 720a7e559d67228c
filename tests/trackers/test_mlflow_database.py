"""MLflow's SQLite file: made whole, set aside when damaged, and moved with its store."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from search.cli.main import main
from search.errors import SearchError
from search.study.journal import Journal
from search.study.store import Store
from search.study.study_record import fold
from search.trackers._mlflow_database import damage, sqlite_address
from search.trackers._mlflow_runs import connect
from search.trackers.mlflow import MlflowTracker
from tests.records import header, play, whole_life
from tests.trackers.test_mlflow import Place, live, place, template

__all__ = ["place", "template"]  # fixtures


def truncated(database: Path) -> None:
    with database.open("r+b") as file:
        file.truncate(20_000)


def overwritten(database: Path) -> None:
    database.write_bytes(b"no database at all\n" * 1000)


def half_made(database: Path) -> None:
    database.unlink()
    with contextlib.closing(sqlite3.connect(database)) as opened:
        opened.execute("CREATE TABLE experiments (experiment_id INTEGER)")


def damaged_inside(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096:12288] = bytes(8192)
    database.write_bytes(content)


@pytest.mark.parametrize("harm", [truncated, overwritten, half_made, damaged_inside])
def test_a_damaged_database_is_kept_and_all_studies_are_written_again(
    harm, place, template, tmp_path
):
    live(place, whole_life())
    expected = place.content()
    elsewhere = Store(tmp_path / "later")
    elsewhere.root.mkdir()
    shutil.copy(place.folder / "mlflow.db", elsewhere.database)
    harm(elsewhere.database)
    broken = elsewhere.database.read_bytes()
    assert damage(elsewhere.database) is not None

    other = fold(whole_life(header("other-1")))
    tracker = MlflowTracker(
        sqlite_address(elsewhere.database), elsewhere.artifacts, lambda: [fold(whole_life()), other]
    )
    with pytest.warns(UserWarning, match=r"was damaged .* kept as .*mlflow\.db\.damaged-1"):
        tracker.start_study(other)
    tracker.end_study(other, None)

    assert (elsewhere.root / "mlflow.db.damaged-1").read_bytes() == broken
    assert Place(elsewhere.root).content() == expected
    assert Place(elsewhere.root).content("other-1") == expected
    assert not list(elsewhere.root.glob("*.incomplete"))


def test_readers_name_the_damage_and_change_nothing(place):
    overwritten(place.folder / "mlflow.db")
    before = (place.folder / "mlflow.db").read_bytes()
    with pytest.raises(SearchError, match=r"is damaged .*doctor --rebuild"):
        place.client  # noqa: B018 - connecting is what fails
    assert (place.folder / "mlflow.db").read_bytes() == before


def test_a_database_of_another_mlflow_is_never_replaced(place):
    live(place, whole_life())
    with contextlib.closing(sqlite3.connect(place.folder / "mlflow.db")) as opened, opened:
        opened.execute("UPDATE alembic_version SET version_num = 'of a later release'")
    fresh = Place(place.folder / "copy")  # MLflow keeps what it has opened by its address
    fresh.folder.mkdir()
    shutil.copy(place.folder / "mlflow.db", fresh.folder / "mlflow.db")
    with pytest.raises(SearchError, match="MLflow cannot open"):
        fresh.tracker().start_study(fold(whole_life()))
    assert not list(fresh.folder.glob("*damaged*"))


def test_a_database_that_a_kill_left_empty_is_made(tmp_path):
    (tmp_path / "mlflow.db").touch()
    (tmp_path / ".mlflow.db.123.tmp").write_bytes(b"half of one")
    connect(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert damage(tmp_path / "mlflow.db") is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db", "mlflow.lock"]


def test_a_moved_store_keeps_its_artifacts_and_writes_new_ones_there(place, tmp_path):
    live(place, whole_life())
    expected = place.content()
    old = place.folder / "artifacts"
    moved = Place(tmp_path / "elsewhere")
    moved.folder.mkdir()
    for name in ("mlflow.db", "artifacts"):
        (place.folder / name).rename(moved.folder / name)
    before = sum(path.is_file() for path in (moved.folder / "artifacts").rglob("*"))

    live(moved, whole_life(header("demo-2")))

    assert not old.exists()
    assert moved.content() == expected
    assert moved.content("demo-2") == expected
    assert moved.text(moved.runs()[0], "leaderboard.csv")
    assert sum(path.is_file() for path in (moved.folder / "artifacts").rglob("*")) == 2 * before


@pytest.mark.parametrize("name", ["a%41b", "50 %", 'it\'s "so"', "a?b#c", "-dash", "ü\n$\\;@:&"])
def test_a_store_may_have_any_path(name, template, tmp_path):
    store = Store(tmp_path / name)
    store.root.mkdir()
    shutil.copy(template, store.database)
    journal = whole_life()
    record = fold(journal[:1])
    tracker = MlflowTracker(sqlite_address(store.database), store.artifacts)
    tracker.start_study(record)
    play(tracker, record, journal[1:])
    tracker.end_study(record, None)

    assert tracker.locate(record) is not None
    assert list(store.artifacts.rglob("leaderboard.csv"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize("name", ['it\'s "so"', "a :b, :c", "back\\slash\nand line"])
def test_a_database_is_made_in_a_working_directory_of_any_name(name, tmp_path, monkeypatch):
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    store = Store(folder / "mlruns")
    connect(sqlite_address(store.database))
    assert damage(store.database) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_doctor_tells_of_a_damaged_database_and_of_a_sound_one(place, capsys, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with Journal.create(Store(place.folder).journal("demo-1"), [header()]):
        pass
    main(["doctor", "--store", str(place.folder)])
    assert "ok   MLflow: sqlite:///" in capsys.readouterr().out
    truncated(place.folder / "mlflow.db")
    assert main(["doctor", "--store", str(place.folder)]) == 1
    assert "mlflow.db is damaged" in capsys.readouterr().out
