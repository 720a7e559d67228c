"""Damaged journals: refused by line, or read as if nothing had happened; no study hides another."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards.live.app import make
from dashboards.live.follower import Watcher
from search.cli.main import main
from search.engine.plan import recorded_plan
from search.engine.run import RunContext, resume
from search.errors import JournalError, SearchError
from search.runtime.clock import SystemClock
from search.study import journal as journals
from search.study.events import LimitsChanged
from search.study.journal import Journal
from search.study.store import Store
from search.study.study_record import fold
from tests.scripted import ScriptedBackend
from tests.support import SimulatedStudy, journal_texts, write_journal
from tests.trackers.watching import HandClock

STORED = Path(__file__).parent.parent / "data" / "studies_57a5f56" / "store" / "journals"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "a-study.jsonl"
    SimulatedStudy(path, ScriptedBackend, LimitsChanged(5, None)).start()
    return path.read_bytes()


@pytest.fixture
def path(tmp_path) -> Path:
    (tmp_path / "journals").mkdir()
    return tmp_path / "journals" / "a-study.jsonl"


def flipped(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def lines_changed(content: bytes, rng: random.Random) -> bytes:
    """A line is missing, is there twice, or has changed its place with another."""
    lines = content.splitlines(keepends=True)
    one, other = sorted(rng.sample(range(len(lines) - 1), 2))
    how = rng.randrange(3)
    if how == 0:
        del lines[one]
    elif how == 1:
        lines.insert(other, lines[one])
    else:
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def cut_out(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) - 2)
    return content[:start] + content[rng.randrange(start + 1, len(content)) :]


@pytest.mark.parametrize(
    ("damage", "times"), [(flipped, 1000), (lines_changed, 200), (cut_out, 300)]
)
def test_damage_never_goes_unnoticed(path, whole, damage, times):
    path.write_bytes(whole)
    entries, rng = list(journals.read(path)), random.Random(1)
    for _ in range(times):
        content = damage(whole, rng)
        path.write_bytes(content)
        if whole.startswith(content):  # an end that is missing: as after an earlier kill
            assert list(journals.read(path)) == entries[: content.count(b"\n")]
            continue
        with pytest.raises(JournalError, match=r"line|must begin with its header"):
            fold(journals.read(path))


@pytest.mark.parametrize("backend", ["grid", "hyperband", "optuna"])
def test_a_damaged_journal_of_an_earlier_format_raises_nothing_else(path, backend):
    content, rng = (STORED / f"{backend}.jsonl").read_bytes(), random.Random(2)
    for _ in range(150):
        path.write_bytes(flipped(content, rng))
        try:
            fold(journals.read(path))
        except JournalError:
            continue


def test_a_line_of_another_study_is_refused(path, whole, tmp_path):
    other = tmp_path / "other.jsonl"
    SimulatedStudy(other, ScriptedBackend, LimitsChanged(5, None)).start()
    lines, foreign = whole.splitlines(keepends=True), other.read_bytes().splitlines(keepends=True)
    same = next(i for i, line in enumerate(lines) if i > 4 and line == foreign[i])
    texts = journal_texts(other)
    write_journal(other, [texts[0].replace('"created_ms":1', '"created_ms":2'), *texts[1:]])
    foreign = other.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:same], foreign[same], *lines[same + 1 :]]))
    with pytest.raises(JournalError, match=f"line {same + 1} is damaged: its checksum"):
        list(journals.read(path))


def test_a_missing_line_is_named_by_its_place_with_what_to_do(path, whole):
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6] + lines[7:]))
    with pytest.raises(
        JournalError, match="line 7 is damaged: its line number is 8, so lines are"
    ) as e:
        list(journals.read(path))
    assert "head -n 6" in str(e.value)
    path.write_bytes(b"".join(lines[:6]))
    record = SimulatedStudy(path, ScriptedBackend, LimitsChanged(5, None)).resume()
    assert (record.state, path.read_bytes()) == ("finished", whole)


def test_line_ends_of_cr_alone_are_refused_and_the_file_is_left_as_it_is(path, whole):
    for content in (whole.replace(b"\n", b"\r"), whole + whole[:40].replace(b" ", b"\r") + b"\r"):
        path.write_bytes(content)
        for read in (journals.read, Journal.reopen):
            with pytest.raises(JournalError, match="line ends of CR alone, and must have LF"):
                read(path)
        assert path.read_bytes() == content


def test_a_last_line_whose_end_is_another_byte_is_damaged(path, whole):
    path.write_bytes(whole[:-1] + b"*")
    with pytest.raises(JournalError, match="is damaged: it does not end with LF"):
        list(journals.read(path))


@pytest.mark.parametrize("content", [b"", b'{"event":"study"', b"\0" * 99])
def test_a_journal_without_a_whole_line_is_refused_and_left_as_it_is(path, content):
    path.write_bytes(content)
    study = SimulatedStudy(path, ScriptedBackend, LimitsChanged(5, None))
    with pytest.raises(JournalError, match="must begin with its header"):
        study.resume()
    assert path.read_bytes() == content


@pytest.mark.parametrize("stored", [None, "hyperband.jsonl"])
def test_line_ends_of_cr_lf_and_a_byte_order_mark_change_nothing(path, whole, stored):
    content = whole if stored is None else (STORED / stored).read_bytes()
    path.write_bytes(content)
    entries = list(journals.read(path))
    path.write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert list(journals.read(path)) == entries


def test_a_study_with_other_line_ends_is_resumed_to_the_same_end(path, whole):
    path.write_bytes(whole)
    expected = fold(journals.read(path))
    begun = b"".join(whole.splitlines(keepends=True)[:9])
    path.write_bytes(b"\xef\xbb\xbf" + begun.replace(b"\n", b"\r\n"))
    record = SimulatedStudy(path, ScriptedBackend, LimitsChanged(5, None)).resume()
    assert record.trials == expected.trials
    assert fold(journals.read(path)).trials == expected.trials


VALUES = {
    "a text as score": ("tell", lambda e: e.update(score="0.9")),
    "a score that is no number": ("tell", lambda e: e.update(score=float("nan"))),
    "a huge score": ("tell", lambda e: e.update(score=10**400)),
    "a huge number of parameters": ("tell", lambda e: e.update(parameter_count=10**30)),
    "a negative epoch": ("tell", lambda e: e.update(best_epoch=-1)),
    "a time that is no number": ("tell", lambda e: e.update(at=float("nan"))),
    "a true value as time": ("ask", lambda e: e.update(at=True)),
    "an infinite limit": ("limit", lambda e: e.update(seconds=float("inf"))),
    "half a trial": ("limit", lambda e: e.update(trials=1.5)),
    "a list as parameter": ("ask", lambda e: e["answer"]["params"].update(layers=[1])),
    "a budget that ends before it starts": ("ask", lambda e: e["answer"].update(budget=[3, 1])),
    "a budget of texts": ("ask", lambda e: e["answer"].update(budget=["0", "3"])),
    "a path as trial": ("ask", lambda e: e["answer"].update(trial="../../x")),
    "a path as study": ("study", lambda e: e.update(study="../../x")),
    "a path as problem": ("study", lambda e: e.update(problem="/etc/x")),
    "an unknown direction": ("study", lambda e: e["objective"].update(direction="up")),
    "an unknown epoch to score": ("study", lambda e: e["objective"].update(score_at="first")),
    "a space of texts": ("study", lambda e: e.update(space=["layers"])),
    "a parameter without a range": ("study", lambda e: e["space"][0].pop("low")),
    "a version that is no text": ("study", lambda e: e["versions"].update(python=3)),
    "a text as format": ("study", lambda e: e.update(format="3")),
    "rules of zero": ("study", lambda e: e.update(rules=0)),
    "settings without end": ("study", lambda e: e["config"].update(x=nested(40))),
    "an unknown field": ("tell", lambda e: e.update(colour="red")),
    "an unknown event": ("limit", lambda e: e.update(event="lmit")),
}


def nested(depth: int) -> list[object]:
    inner: list[object] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def edit(path: Path, whole: bytes, event: str, change: Callable[[dict], object]) -> int:
    """Change the first event of a kind in a journal, with checksums that fit; its line."""
    path.write_bytes(whole)
    texts = journal_texts(path)
    for place, text in enumerate(texts):
        data = json.loads(text)
        if isinstance(data, dict) and data["event"] == event:
            change(data)
            texts[place] = json.dumps(data)
            break
    write_journal(path, texts)
    return place + 1


@pytest.mark.parametrize("value", VALUES)
def test_an_impossible_value_is_refused_by_its_line(path, whole, value):
    line = edit(path, whole, *VALUES[value])
    with pytest.raises(JournalError, match=f"line {line} is damaged"):
        fold(journals.read(path))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"event":' * 3000, "9" * 5000, "1e999", '["0",1,{},1e999,0]', "\\"]
)
def test_a_line_that_no_program_wrote_is_refused(path, whole, text):
    path.write_bytes(whole)
    texts = journal_texts(path)
    write_journal(path, [*texts[:6], text, *texts[7:]])
    with pytest.raises(JournalError, match="line 7 is damaged"):
        list(journals.read(path))


def test_an_ask_for_a_trial_that_is_under_way_is_refused(path, whole):
    path.write_bytes(whole)
    texts = journal_texts(path)
    place = next(i for i, text in enumerate(texts) if text.startswith('{"event":"ask"'))
    write_journal(path, [*texts[: place + 1], *texts[place:]])
    with pytest.raises(JournalError, match=f"line {place + 2} of the journal is damaged"):
        fold(journals.read(path))


def test_a_renamed_journal_is_read_but_not_resumed(tmp_path, capsys):
    store = tmp_path / "mlruns"
    (store / "journals").mkdir(parents=True)
    shutil.copy(STORED / "grid-killed.jsonl", store / "journals" / "copy.jsonl")
    assert main(["show", "copy", "--store", str(store)]) == 0
    assert main(["resume", "copy", "--quiet", "--store", str(store)]) == 1
    assert "belongs to study grid-killed. Rename the file" in capsys.readouterr().err


@pytest.fixture
def damaged(tmp_path, whole) -> Store:
    """A store with one good study among damaged ones, the good one written first."""
    store = Store(tmp_path)
    store.journals.mkdir()
    shutil.copy(STORED / "grid.jsonl", store.journal("grid"))
    os.utime(store.journal("grid"), (1, 1))
    for number, (event, change) in enumerate(VALUES.values()):
        edit(store.journal(f"bad-{number}"), whole, event, change)
    (store.journals / "my copy.jsonl").write_bytes(whole)
    (store.journals / "-dash.jsonl").write_bytes(b"\xff")
    os.mkfifo(store.journals / "pipe.jsonl")
    (store.journals / "folder.jsonl").mkdir()
    (store.journals / "nowhere.jsonl").symlink_to("missing")
    store.journal("nothing").touch()
    return store


def test_list_and_doctor_show_the_good_study_and_why_the_others_are_damaged(damaged, capsys):
    assert main(["list", "--store", str(damaged.root)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(VALUES) + 7
    assert [row.split()[0] for row in rows if "damaged: " not in row] == ["grid"]
    assert any("pipe.jsonl must be a regular file, but it is a named pipe" in row for row in rows)
    assert main(["doctor", "--store", str(damaged.root)]) == 1
    said = capsys.readouterr().out
    assert "ok   study grid: finished" in said
    assert said.count("BAD  study ") == len(VALUES) + 4
    assert said.count("BAD  journal ") == 2


def test_the_live_page_shows_a_good_study_and_names_the_damaged_ones(damaged):
    watcher = Watcher(damaged, recorded_plan, HandClock())
    for asked in (None, "bad-0", "grid"):
        page = make(watcher, HandClock(), asked).layout()
        shown = str(page.to_plotly_json())
        assert "val_accuracy" in shown
        assert ("Study bad-0: journal" in shown) == (asked != "grid")


def test_a_report_leaves_out_a_damaged_study_and_names_it(damaged, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/tracking.db")
    to = tmp_path / "report.html"
    words = ["report", "bad-0", "grid", "pipe", "--to", str(to), "--store", str(damaged.root)]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "study bad-0 is not in the report: journal" in said
    assert "study pipe is not in the report: " in said
    page = to.read_text()
    assert "Damaged studies" in page
    assert "named pipe" in page
    assert main(["report", "bad-0", "bad-1", "--to", str(to), "--store", str(damaged.root)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("name", ["pipe", "folder", "nowhere", "nothing"])
@pytest.mark.parametrize("words", [("show",), ("resume", "--quiet"), ("clean",)])
def test_a_journal_that_is_no_file_is_refused_in_one_sentence(damaged, capsys, name, words):
    assert main([words[0], name, *words[1:], "--store", str(damaged.root)]) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "unexpected" not in said


@pytest.mark.filterwarnings("ignore:versions differ from the start of the study")
def test_a_checkpoint_that_is_a_folder_ends_the_study_in_one_sentence(tmp_path):
    shutil.copytree(STORED.parent, tmp_path / "store")
    checkpoint = tmp_path / "store" / "checkpoints" / "grid-killed" / "2.npz"
    checkpoint.unlink()
    checkpoint.mkdir()
    context = RunContext(Store(tmp_path / "store"), None, lambda *_: [], SystemClock())
    with pytest.raises(SearchError, match=r"cannot write the checkpoint .*2.npz: Is a directory"):
        resume("grid-killed", context)
    checkpoint.rmdir()
    assert resume("grid-killed", context).record.state == "finished"
