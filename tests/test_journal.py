"""The journal: nothing that counted is lost, nothing damaged goes unseen, one writer at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search import journal as journals
from search.errors import JournalError, StudyLockedError
from search.events import (
    Adopted,
    Asked,
    Entry,
    Judged,
    Limited,
    Reported,
    Stopped,
    Told,
    decode,
    encode,
)
from search.journal import Journal
from search.record import fold
from search.trial import (
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
    Limited(6, None),
    Asked(Proposal("0", {"layers": 1, "rate": 0.1 + 0.2}, Budget(0, 9)), by_study=True),
    Asked(Proposal("1", {"a": "relu", "b": True}, Budget(0, 3), {"rung": 0}, may_continue=True)),
    Asked(Proposal("2", {"a": "relu"}, Budget(3, 9))),
    Asked(Wait()),
    Asked(Exhausted()),
    Reported(EpochReport("1", 1, {"val_accuracy": 0.1 + 0.2}, 1.5), Decision.STOP),
    Told("0", Completed(0.5, 3, 9, 4.5, 1000, stopped_early=True)),
    Told("1", Pruned(0.5, 1, 2, 4.5, 1000)),
    Told("2", Failed("nan", "loss not finite", "trace\nback", 2)),
    Adopted({"python": "3.12"}),
    Stopped("time"),
    Judged("0", {"accuracy": 0.5}, "exports/a"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_read_back_as_it_was_written(event):
    line = encode(Entry(1.25, event))
    assert "\n" not in line
    assert decode(line) == Entry(1.25, event)


def test_numbers_that_json_has_no_word_for_are_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        encode(
            Entry(0.0, Reported(EpochReport("1", 1, {"loss": float("nan")}, 1.0), Decision.STOP))
        )


def begun(path: Path) -> Journal:
    return Journal.create(path, [Entry(0.0, header()), Entry(0.0, Limited(3, None))])


def test_a_torn_last_line_never_counted(tmp_path):
    path = tmp_path / "journals" / "s.jsonl"
    begun(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event":"stop","at":1')
    assert len(journals.read(path)) == 2
    journal, entries = Journal.reopen(path)
    assert len(entries) == 2
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
        journals.read(path)


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
from search.journal import Journal
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


def test_a_full_disk_is_one_clear_error():
    with open("/dev/full", "r+b", buffering=0) as file, open(os.devnull) as lock:
        journal = Journal(Path("s.jsonl"), file, lock)
        with pytest.raises(JournalError, match=r"cannot write s.jsonl: No space left on device"):
            journal.append(Entry(0.0, Stopped("time")))
