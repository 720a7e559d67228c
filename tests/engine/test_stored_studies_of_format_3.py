"""Studies of the version before the packages: read, exported, and resumed to equal results."""

import shutil
from pathlib import Path

import pytest

from search.cli.main import main
from search.engine.reopen import open_trial, read
from search.engine.run import RunContext, resume
from search.runtime.clock import SystemClock
from search.study import journal as journals
from search.study.store import Store
from tests.engine.test_stored_studies import plain, told

STORED = Path(__file__).parents[1] / "data" / "studies_1e0ec58"
STUDIES = ("hyperband", "optuna", "rules")


@pytest.fixture
def store(tmp_path) -> Store:
    shutil.copytree(STORED / "store", tmp_path / "store")
    return Store(tmp_path / "store")


@pytest.mark.parametrize("study", STUDIES)
def test_a_finished_study_is_read_and_shown(store, study, capsys):
    record, state = read(store, study)
    assert state == "finished"
    assert (record.header.format, record.header.rules) == (3, 2)
    best = record.best()
    assert best is not None
    assert main(["show", study, "--store", str(store.root)]) == 0
    assert f"{best.score:.4f}" in capsys.readouterr().out


def test_the_winner_is_exported_from_its_checkpoint(store, tmp_path):
    import keras
    import numpy as np

    opened = open_trial(store, "hyperband", None, None)
    assert opened.remark is None
    exported = keras.models.load_model(store.export("hyperband") / "model.keras")
    weights = zip(opened.model().get_weights(), exported.get_weights(), strict=True)
    assert all(np.array_equal(now, then) for now, then in weights)


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.filterwarnings("ignore:versions differ from the start")
def test_an_unfinished_study_is_resumed_to_what_the_earlier_version_made_of_it(store, study):
    name = f"{study}-killed"
    path = store.journal(name)
    before = path.read_bytes()
    resume(name, RunContext(store, None, lambda *_: [], SystemClock()))
    assert path.read_bytes().startswith(before)
    expected = told(list(journals.read(STORED / "resumed" / f"{name}.jsonl")))
    assert [plain(row) for row in told(list(journals.read(path)))] == expected
