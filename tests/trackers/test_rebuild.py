"""`doctor --rebuild` brings back all that MLflow held, the winner's registered model too."""

import shutil
from pathlib import Path

import pytest

from search.cli.main import main
from search.trackers._mlflow_runs import connect
from tests.trackers.test_mlflow import template

__all__ = ["template"]  # fixture

SHORT = ["--backend", "randomized", "--trials", "1", "--max-epochs", "1", "--study", "lost"]
SHORT += ["--workers", "1"]


@pytest.fixture
def store(template, tmp_path) -> Path:
    """A finished study whose MLflow database has been deleted, for an empty one."""
    store = tmp_path / "store"
    store.mkdir()
    shutil.copy(template, store / "mlflow.db")
    assert main(["run", "digits", *SHORT, "--store", str(store), "--quiet"]) == 0
    shutil.copy(template, store / "mlflow.db")
    return store


def registered(store: Path) -> list[str]:
    client = connect(f"sqlite:///{store / 'mlflow.db'}")
    return [v.tags["search.study"] for v in client.search_model_versions("name = 'digits'")]


def test_a_rebuild_registers_the_winner_again(store, capsys):
    capsys.readouterr()
    assert main(["doctor", "--rebuild", "lost", "--store", str(store)]) == 0

    assert registered(store) == ["lost"]
    assert "missing" not in capsys.readouterr().out


def test_a_rebuild_without_the_export_says_what_exports_the_winner_again(store, capsys):
    shutil.rmtree(store / "exports" / "lost")
    capsys.readouterr()
    assert main(["doctor", "--rebuild", "lost", "--store", str(store)]) == 0

    out = capsys.readouterr().out
    assert registered(store) == []
    assert "1 trials written" in out
    assert "the exported model of the winner is missing" in out
    assert f"python -m search resume lost --store {store}" in out

    assert main(["resume", "lost", "--store", str(store), "--quiet"]) == 0
    assert registered(store) == ["lost"]


def test_a_rebuild_without_the_problem_writes_the_trials_and_says_what_is_missing(store, capsys):
    problem = store / "mine.py"
    shutil.copy(Path(__file__).parent.parent / "problems" / "functional.py", problem)
    words = ["run", str(problem), "--backend", "randomized", "--trials", "1", "--max-epochs", "1"]
    words += ["--workers", "1"]
    assert main([*words, "--study", "mine", "--store", str(store), "--quiet"]) == 0
    problem.unlink()
    capsys.readouterr()
    assert main(["doctor", "--rebuild", "mine", "--store", str(store)]) == 0

    out = capsys.readouterr().out
    assert "1 trials written" in out
    assert "the exported model of the winner is missing (" in out
    assert "mine.py" in out
    assert f"python -m search resume mine --store {store}" in out
