"""Studies that an earlier version wrote: read as they are, and resumed to the same results."""

import json
import shutil
from pathlib import Path

import pytest

from dashboards.tables.tables import load
from search.cli.main import main
from search.engine.reopen import open_trial, read
from search.engine.run import RunContext, resume
from search.errors import StudyChangedError
from search.runtime.clock import SystemClock
from search.study import journal as journals
from search.study.event_json import decode
from search.study.events import Adopted, Asked, Entry, EpochRecorded, Stopped, Told, WinnerEvaluated
from search.study.rules import LATEST_RULES
from search.study.store import Store
from search.study.trial import Failed

STORED = Path(__file__).parents[1] / "data" / "studies_57a5f56"
BACKENDS = (
    *("grid", "randomized", "hyperband", "optuna"),
    *("bayesian", "halving", "hyperopt", "skopt"),
)
STUDIES = (*BACKENDS, "rules")  # one whose scores depend on the rules of a study
# the results of another processor may differ in the last digits
NEAR = {"rel": 1e-3, "abs": 1e-3}


@pytest.fixture
def store(tmp_path) -> Store:
    shutil.copytree(STORED / "store", tmp_path / "store")
    return Store(tmp_path / "store")


@pytest.mark.parametrize("study", STUDIES)
def test_a_finished_study_is_read(store, study):
    record, state = read(store, study)
    assert state == "finished"
    assert record.header.rules == 1
    assert len(record.told) >= 6
    best = record.best()
    assert best is not None
    tables = load(store, study)
    assert len(tables.trials) == len(record.trials)
    assert tables.test == record.tested(best)
    assert set(tables.test) == ({"loss"} if study == "rules" else {"accuracy", "loss"})


def test_list_and_show_tell_of_the_stored_studies(store, capsys):
    assert main(["list", "--store", str(store.root)]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 2 * len(STUDIES)
    assert sum("finished" in line for line in listed) == len(STUDIES)
    assert sum("interrupted" in line for line in listed) == len(STUDIES)
    assert main(["show", "grid", "--store", str(store.root)]) == 0
    assert "val_accuracy" in capsys.readouterr().out


def test_the_winner_of_a_stored_study_is_exported_from_its_checkpoint(store):
    import keras
    import numpy as np

    opened = open_trial(store, "grid", None, None)
    assert opened.remark is None
    exported = keras.models.load_model(store.export("grid") / "model.keras")
    weights = zip(opened.model().get_weights(), exported.get_weights(), strict=True)
    assert all(np.array_equal(now, then) for now, then in weights)


def told(entries: list[Entry]) -> list[object]:
    """What a study decided and measured, in order, without times and paths."""
    rows: list[object] = []
    for event in (entry.event for entry in entries):
        if isinstance(event, Asked):
            rows.append(event)
        elif isinstance(event, EpochRecorded):
            rows.append((event.report.trial, event.report.epoch, event.decision))
            rows.append(pytest.approx(dict(event.report.metrics), **NEAR))
        elif isinstance(event, Told):
            assert not isinstance(event.outcome, Failed)
            rows.append((event.trial, type(event.outcome), event.outcome.best_epoch))
        elif isinstance(event, Stopped):
            rows.append(event)
        elif isinstance(event, WinnerEvaluated):
            rows.append((event.trial, pytest.approx(dict(event.test), **NEAR)))
    return rows


def plain(row: object) -> object:
    """A row as it is compared with one of `told`: numbers instead of what is near them."""
    if isinstance(row, tuple):
        return tuple(map(plain, row))
    return getattr(row, "expected", row)


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.filterwarnings("ignore:versions differ from the start of the study")
def test_an_unfinished_study_is_resumed_to_what_the_earlier_version_made_of_it(store, study):
    name = f"{study}-killed"
    path = store.journal(name)
    before = path.read_bytes()
    resume(name, RunContext(store, None, lambda *_: [], SystemClock()))
    assert path.read_bytes().startswith(before)
    entries = list(journals.read(path))
    assert not any(isinstance(entry.event, Adopted) for entry in entries)
    expected = told(list(journals.read(STORED / "resumed" / f"{name}.jsonl")))
    assert [plain(row) for row in told(entries)] == expected


def test_a_resumed_study_keeps_its_format(store):
    name = "grid-killed"
    resumed = (STORED / "resumed" / f"{name}.jsonl").read_text().splitlines()
    journal, entries = journals.Journal.reopen(store.journal(name))
    with journal:
        known = len(list(entries))
        for line in resumed[known:]:
            journal.append(decode(line))
    assert store.journal(name).read_text().splitlines()[known:] == resumed[known:]
    assert all(isinstance(json.loads(line), dict | list) for line in resumed)


def with_rules(path: Path, rules: int) -> None:
    header, rest = path.read_text().split("\n", 1)
    path.write_text(json.dumps(json.loads(header) | {"rules": rules}) + "\n" + rest)


@pytest.mark.filterwarnings("ignore:versions differ from the start of the study")
def test_a_study_of_unknown_rules_is_refused_and_adopted(store):
    path = store.journal("grid-killed")
    with_rules(path, 99)
    before = path.read_bytes()
    context = RunContext(store, None, lambda *_: [], SystemClock())
    with pytest.raises(StudyChangedError, match=r"follows rules 99 .* knows 1 to .*--adopt"):
        resume("grid-killed", context)
    assert path.read_bytes() == before
    record = resume("grid-killed", context, adopt=True).record
    assert (record.state, record.header.rules) == ("finished", LATEST_RULES)
    [adopted] = [e.event for e in journals.read(path) if isinstance(e.event, Adopted)]
    assert adopted.rules == LATEST_RULES
    assert read(store, "grid-killed")[0].header.rules == LATEST_RULES
    again = resume("grid-killed", context, trials=8).record  # by the adopted rules
    assert (again.state, len(again.trials)) == ("finished", 8)


@pytest.mark.filterwarnings("ignore:versions differ from the start of the study")
def test_a_study_of_earlier_rules_keeps_them_when_it_is_adopted(store):
    context = RunContext(store, None, lambda *_: [], SystemClock())
    record = resume("grid-killed", context, adopt=True).record
    [adopted] = [
        entry.event
        for entry in journals.read(store.journal("grid-killed"))
        if isinstance(entry.event, Adopted)
    ]
    assert (record.header.rules, adopted.rules) == (1, None)


def test_a_killed_export_of_the_earlier_version_is_swept_by_a_resume(store):
    left = store.exports / ".grid-ab12cd_9"
    left.mkdir()
    resume("grid", RunContext(store, None, lambda *_: [], SystemClock()))
    assert [path.name for path in store.exports.iterdir()] == ["grid"]
