"""The journal: nothing that counted is lost, nothing damaged goes unseen, one writer at a time."""

import errno
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from search.cli.main import main
from search.errors import JournalError, StudyLockedError
from search.study import journal as journals
from search.study import journal_lock
from search.study.event_json import decode, encode
from search.study.events import (
    FORMAT,
    Adopted,
    Asked,
    Entry,
    EpochRecorded,
    LimitsChanged,
    Stopped,
    StudyStarted,
    Told,
    WinnerEvaluated,
)
from search.study.journal import Journal, Tail
from search.study.journal_lines import JournalLines
from search.study.journal_lock import WriterLock
from search.study.study_record import fold
from search.study.trial import (
    Budget,
    Completed,
    Decision,
    EpochReport,
    Exhausted,
    Failed,
    Proposal,
    Pruned,
    Wait,
)
from tests.support import header

EVENTS = [
    header(),
    LimitsChanged(6, None),
    Asked(Proposal("0", {"layers": 1, "rate": 0.1 + 0.2}, Budget(0, 9)), by_study=True),
    Asked(Proposal("1", {"a": "relu", "b": True}, Budget(0, 3), {"rung": 0}, may_continue=True)),
    Asked(Proposal("2", {"a": "relu"}, Budget(3, 9))),
    Asked(Wait()),
    Asked(Exhausted()),
    EpochRecorded(EpochReport("1", 1, {"val_accuracy": 0.1 + 0.2}, 1.5), Decision.STOP),
    Told("0", Completed(0.5, 3, 9, 4.5, 1000, stopped_early=True)),
    Told("1", Pruned(0.5, 1, 2, 4.5, 1000)),
    Told("2", Failed("nan", "loss not finite", "trace\nback", 2)),
    Adopted({"python": "3.12"}),
    Stopped("time"),
    WinnerEvaluated("0", {"accuracy": 0.5}, "exports/a"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_read_back_as_it_was_written(event):
    line = encode(Entry(1.25, event))
    assert "\n" not in line
    assert decode(line) == Entry(1.25, event)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (
            '{"event":"report","at":1.25,"trial":"1","epoch":2,"metrics":{"val_accuracy":0.5},'
            '"seconds":1.5,"decision":"stop"}',
            EpochRecorded(EpochReport("1", 2, {"val_accuracy": 0.5}, 1.5), Decision.STOP),
        ),
        (
            '{"event":"report","at":1.25,"trial":"1","epoch":2,"metrics":{},"seconds":1.5,'
            '"decision":"continue"}',
            EpochRecorded(EpochReport("1", 2, {}, 1.5), Decision.CONTINUE),
        ),
        (
            '{"event":"tell","at":1.25,"trial":"0","outcome":"completed","score":0.5,'
            '"best_epoch":3,"epochs":9,"seconds":4.5,"parameter_count":9,"stopped_early":false}',
            Told("0", Completed(0.5, 3, 9, 4.5, 9)),
        ),
        (
            '{"event":"ask","at":1.25,"answer":{"trial":"1","params":{"a":1},"budget":[0,3],'
            '"labels":{}}}',
            Asked(Proposal("1", {"a": 1}, Budget(0, 3))),
        ),
    ],
    ids=["stop", "continue", "tell", "ask"],
)
def test_a_line_of_the_first_format_is_still_read(line, event):
    assert decode(line) == Entry(1.25, event)


def test_a_line_takes_few_bytes():
    def length(event) -> int:
        return len(encode(Entry(12345.678, event)))

    metrics = {"loss": 0.123456789, "val_accuracy": 0.123456789}
    report = EpochReport("12345", 9, metrics, 1.234)
    assert length(EpochRecorded(report, Decision.CONTINUE)) <= 80
    assert length(Told("12345", Completed(0.123456789, 9, 9, 12.345, 123456))) <= 160


def test_numbers_that_json_has_no_word_for_are_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        encode(
            Entry(
                0.0, EpochRecorded(EpochReport("1", 1, {"loss": float("nan")}, 1.0), Decision.STOP)
            )
        )


def begun(path: Path) -> Journal:
    return Journal.create(path, [Entry(0.0, header()), Entry(0.0, LimitsChanged(3, None))])


def test_a_torn_last_line_never_counted(tmp_path):
    path = tmp_path / "journals" / "s.jsonl"
    begun(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event":"stop","at":1')
    assert len(list(journals.read(path))) == 2
    journal, entries = Journal.reopen(path)
    assert len(list(entries)) == 2
    journal.append(Entry(2.0, Stopped("time")))
    journal.close()
    assert [type(entry.event) for entry in journals.read(path)][2:] == [Stopped]


@pytest.mark.parametrize("line", [1, 2, 3])
def test_damage_is_named_by_its_line(tmp_path, line):
    path = tmp_path / "s.jsonl"
    with begun(path) as journal:
        journal.append(Entry(2.0, Stopped("time")))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line - 1] = b"\xff?" + lines[line - 1]
    path.write_bytes(b"".join(lines))
    with pytest.raises(JournalError, match=f"line {line} is damaged"):
        list(journals.read(path))


def test_a_missing_journal_and_a_headless_one_are_refused(tmp_path):
    with pytest.raises(JournalError, match="must be readable"):
        journals.read(tmp_path / "none.jsonl")
    with pytest.raises(JournalError, match="begin with its header"):
        fold([Entry(0.0, Stopped("time"))])


def test_a_name_can_be_taken_once(tmp_path):
    path = tmp_path / "s.jsonl"
    begun(path).close()
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        begun(path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.jsonl", "s.lock"]


def test_a_second_writer_is_refused_naming_the_first(tmp_path):
    path = tmp_path / "s.jsonl"
    with begun(path):
        assert journals.writer(path) == os.getpid()
        with pytest.raises(StudyLockedError, match=f"process {os.getpid()}"):
            Journal.reopen(path)
    assert journals.writer(path) is None
    Journal.reopen(path)[0].close()


HOLDER = """
import sys
from pathlib import Path
from search.study.journal import Journal, Tail
journal, _ = Journal.reopen(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_killed_writer_leaves_no_lock_behind(tmp_path):
    path = tmp_path / "s.jsonl"
    begun(path).close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StudyLockedError, match=f"process {holder.pid}"):
            Journal.reopen(path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    Journal.reopen(path)[0].close()


def test_a_look_at_the_lock_does_not_keep_a_writer_out(tmp_path, monkeypatch):
    path = tmp_path / "s.jsonl"
    begun(path).close()
    with path.with_suffix(".lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)  # what `writer` does, for an instant
        pauses = []

        def look_ends(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                fcntl.flock(looking, fcntl.LOCK_UN)

        monkeypatch.setattr(journal_lock, "sleep", look_ends)
        Journal.reopen(path)[0].close()
    assert len(pauses) == 2


def test_a_writer_that_stays_is_waited_for_a_fifth_of_a_second_at_most(tmp_path, monkeypatch):
    path = tmp_path / "s.jsonl"
    pauses = []
    monkeypatch.setattr(journal_lock, "sleep", pauses.append)
    with begun(path), pytest.raises(StudyLockedError, match=f"recorded as process {os.getpid()}"):
        Journal.reopen(path)
    assert 0 < sum(pauses) <= 0.2


@pytest.mark.parametrize("fields", [{"format": FORMAT + 1}, {"format": FORMAT + 1, "new": 1}])
def test_a_journal_of_a_newer_version_is_refused_as_such(tmp_path, fields):
    path = tmp_path / "s.jsonl"
    line = json.loads(encode(Entry(0.0, header())))
    path.write_text(json.dumps(line | fields) + "\n" + '{"event":"new","at":1}\n')
    with pytest.raises(JournalError, match="written by a newer version") as caught:
        list(journals.read(path))
    assert "damaged" not in str(caught.value)
    assert str(path) in str(caught.value)


def cleanable(store: Path) -> Path:
    """The checkpoint of trial 7 of a study "s"."""
    begun(store / "journals" / "s.jsonl").close()
    checkpoint = store / "checkpoints" / "s" / "7.npz"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"x")
    return checkpoint


def test_clean_holds_the_journal_while_it_deletes(tmp_path, monkeypatch):
    checkpoint = cleanable(tmp_path)
    held = []
    unlink = Path.unlink

    def watched(path: Path, missing_ok: bool = False) -> None:
        held.append(journals.writer(tmp_path / "journals" / "s.jsonl"))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    assert main(["clean", "s", "--store", str(tmp_path)]) == 0
    assert held == [os.getpid()]
    assert not checkpoint.exists()
    assert journals.writer(tmp_path / "journals" / "s.jsonl") is None


@pytest.mark.parametrize("what", ["journals/s.lock", "journals/s.jsonl", "checkpoints/s/7.npz"])
def test_clean_says_in_one_line_what_it_may_not_change(tmp_path, capsys, monkeypatch, what):
    cleanable(tmp_path)
    # root may do everything: the refusal of a read-only store is acted, by path
    forbidden = tmp_path / what

    real_open, real_unlink = os.open, Path.unlink

    def refused(path: Path) -> None:
        if path == forbidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def opened(path, flags, *arguments, **named):
        if flags & os.O_RDWR:
            refused(Path(path))
        return real_open(path, flags, *arguments, **named)

    def unlinked(path, missing_ok=False):
        refused(path)
        real_unlink(path, missing_ok)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(Path, "unlink", unlinked)
    assert main(["clean", "s", "--store", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert str(forbidden) in said
    assert "Permission denied" in said
    assert "unexpected" not in said
    assert len(said.splitlines()) == 1


def test_a_full_disk_is_one_clear_error(tmp_path):
    with open("/dev/full", "r+b", buffering=0) as raw:
        lock, lines = WriterLock(tmp_path / "s.jsonl"), JournalLines(FORMAT)
        journal = Journal(Path("s.jsonl"), io.BufferedRandom(raw), lock, lines)
        journal.append(Entry(0.0, Stopped("time")))
        with pytest.raises(JournalError, match=r"cannot write s.jsonl: No space left on device"):
            journal.commit()
        with pytest.raises(JournalError, match=r"cannot write s.jsonl: No space left on device"):
            journal.append(Entry(0.0, Stopped("time" * io.DEFAULT_BUFFER_SIZE)))
        journal.close()


def test_what_was_appended_is_on_disk_with_one_sync_for_all(tmp_path, monkeypatch):
    path = tmp_path / "s.jsonl"
    synced = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(len(list(journals.read(path))))

    with begun(path) as journal:
        monkeypatch.setattr(os, "fsync", watched)
        for second in range(5):
            journal.append(Entry(float(second), Stopped("time")))
        assert len(list(journals.read(path))) == 2
        journal.commit()
    assert synced == [7]


def test_a_journal_is_followed_to_where_it_is_said_to_be_on_disk(tmp_path):
    path = tmp_path / "s.jsonl"
    with begun(path) as journal:
        tail = Tail(path)
        assert [type(entry.event) for entry in tail.until(1)] == [StudyStarted]
        for second in range(3):
            journal.append(Entry(float(second), Stopped("time")))
        journal.commit()
        assert [type(entry.event) for entry in tail.until(3)] == [LimitsChanged, Stopped]
        assert [entry.seconds for entry in tail.until(9)] == [1.0, 2.0]
        with path.open("ab") as file:
            file.write(b'{"event":"stop"')  # a line that a full disk cut short
        assert list(tail.until(9)) == []


def test_each_line_ends_with_its_number_and_a_checksum_of_all_before(tmp_path):
    path = tmp_path / "s.jsonl"
    with begun(path) as journal:
        journal.append(Entry(1.0, EVENTS[2]))
        journal.append(
            Entry(1.0, EpochRecorded(EpochReport("0", 1, {"loss": 0.5}, 1.5), Decision.STOP))
        )
    crc = 0
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        data = json.loads(line)
        crc = zlib.crc32(line[: line.rindex(b",")], crc)
        if isinstance(data, list):
            assert data == ["0", 1, {"loss": 0.5}, 1.5, 1.0, "stop", number, crc]
        else:
            assert list(data)[-2:] == ["line", "crc"]
            assert (data["line"], data["crc"]) == (number, crc)


@pytest.mark.parametrize("format", [1, 2])
def test_a_study_of_an_earlier_format_is_continued_in_its_own(tmp_path, format):
    path = tmp_path / "s.jsonl"
    first = [Entry(0.0, replace(header(), format=format)), Entry(0.0, LimitsChanged(3, None))]
    reported = Entry(1.0, EpochRecorded(EpochReport("1", 1, {"loss": 0.5}, 1.5), Decision.CONTINUE))
    Journal.create(path, first).close()
    before = path.read_bytes()
    for _ in range(2):
        journal, entries = Journal.reopen(path)
        with journal:
            count = len(list(entries))
            journal.append(reported)
    assert path.read_bytes().startswith(before)
    assert [entry.event for entry in journals.read(path)][2:] == 2 * [reported.event]
    assert count == 3
    data = json.loads(path.read_bytes().splitlines()[-1])
    assert isinstance(data, dict if format == 1 else list)
    assert len(data) == (7 if format == 1 else 5)


def test_what_an_event_says_by_default_is_not_written():
    assert "rules" not in encode(Entry(0.0, Adopted({"python": "3.12"})))
    assert '"rules":2' in encode(Entry(0.0, Adopted({"python": "3.12"}, 2)))
