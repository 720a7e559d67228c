"""One writer of a journal, however locks, links and files are disturbed."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search.cli.main import main
from search.errors import JournalError, StudyLockedError
from search.study import journal as journals
from search.study import journal_lock
from search.study.events import Entry, LimitsChanged, Stopped
from search.study.journal import Journal
from tests.support import header

WRITER = """
import sys
from pathlib import Path
from search.study.journal import Journal
journal, entries = Journal.reopen(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def begun(path: Path) -> Path:
    Journal.create(path, [Entry(0.0, header()), Entry(0.0, LimitsChanged(3, None))]).close()
    return path


@pytest.fixture
def path(tmp_path) -> Path:
    return begun(tmp_path / "journals" / "a-study.jsonl")


@pytest.fixture
def no_pause(monkeypatch):
    monkeypatch.setattr(journal_lock, "sleep", lambda _: None)


@pytest.mark.parametrize("how", ["removed", "replaced", "emptied"])
def test_a_second_writer_is_refused_whatever_becomes_of_the_lock_file(path, no_pause, how):
    lock = path.with_suffix(".lock")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=-1, stdout=-1, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        if how == "emptied":
            lock.write_text("")
        else:
            lock.unlink()
        if how == "replaced":
            lock.write_text("12345")
        with pytest.raises(StudyLockedError, match="is being run by another process"):
            Journal.reopen(path)
        assert journals.writer(path) is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert journals.writer(path) is None
    Journal.reopen(path)[0].close()


def test_a_resume_without_the_lock_file_says_that_the_study_is_run(path, capsys, no_pause):
    with Journal.reopen(path)[0]:
        path.with_suffix(".lock").unlink()
        before = path.read_bytes()
        assert main(["resume", "a-study", "--quiet", "--store", str(path.parent.parent)]) == 1
        said = capsys.readouterr().err
        assert "is being run by another process" in said
        assert len(said.splitlines()) == 1
        assert path.read_bytes() == before


def test_an_earlier_version_that_locks_only_the_lock_file_is_respected(path, no_pause):
    with path.with_suffix(".lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write("4321")
        lock.flush()
        assert journals.writer(path) == 4321
        with pytest.raises(StudyLockedError, match="recorded as process 4321"):
            Journal.reopen(path)


@pytest.mark.parametrize("content", ["", "no number", "\0" * 8])
def test_a_lock_file_of_any_content_is_no_obstacle(path, content):
    path.with_suffix(".lock").write_text(content)
    assert journals.writer(path) is None
    with Journal.reopen(path)[0]:
        assert journals.writer(path) == os.getpid()
        path.with_suffix(".lock").write_text(content)
        assert journals.writer(path) == 0


@pytest.mark.parametrize("what", ["a-study.jsonl", "a-study.lock"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a named pipe", "a folder"])
def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_refused_at_once(path, what, make, capsys):
    place = path.parent / what
    place.unlink()
    make(place)
    began = time.process_time()
    for words in (["resume", "a-study", "--quiet"], ["clean", "a-study"]):
        assert main([*words, "--store", str(path.parent.parent)]) == 1
        said = capsys.readouterr().err
        assert f"{place} must be a regular file, but it is a" in said
        assert len(said.splitlines()) == 1
    assert time.process_time() - began < 60
    main(["list", "--store", str(path.parent.parent)])


def test_a_store_without_hard_links_can_hold_studies(tmp_path, monkeypatch):
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    path = begun(tmp_path / "s.jsonl")
    assert len(list(journals.read(path))) == 2
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        begun(path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.jsonl", "s.lock"]


def test_a_store_without_locks_is_refused_in_one_sentence(path, monkeypatch):
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(JournalError, match="Use a store on a file system with locks"):
        Journal.reopen(path)
    assert len(list(journals.read(path))) == 2


def test_a_torn_end_stays_until_something_is_written(path):
    torn = path.read_bytes() + b'{"event":"stop","at":1'
    path.write_bytes(torn)
    journal, entries = Journal.reopen(path)
    with journal:
        assert len(list(entries)) == 2
        assert path.read_bytes() == torn
        journal.append(Entry(2.0, Stopped("time")))
        journal.commit()
    assert [type(entry.event) for entry in journals.read(path)][2:] == [Stopped]


def test_nothing_is_appended_to_a_damaged_journal(path):
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"trials":3', b'"trials":4'))
    damaged = path.read_bytes()
    journal, _ = Journal.reopen(path)
    with journal, pytest.raises(JournalError, match="line 2 is damaged"):
        journal.append(Entry(2.0, Stopped("time")))
    assert path.read_bytes() == damaged


def test_after_a_write_that_failed_nothing_is_written(tmp_path):
    path = begun(tmp_path / "s.jsonl")
    journal, entries = Journal.reopen(path)
    list(entries)
    journal.append(Entry(1.0, Stopped("time")))
    whole = journal._file
    journal._file = open("/dev/full", "r+b", buffering=0)  # noqa: SIM115 - the disk is full
    with pytest.raises(JournalError, match="No space left"):
        journal.append(Entry(2.0, Stopped("time")))
    journal._file.close()
    journal._file = whole  # there is room again
    with pytest.raises(JournalError, match="No space left"):
        journal.append(Entry(3.0, Stopped("time")))
    journal.close()
    assert [entry.seconds for entry in journals.read(path)] == [0.0, 0.0, 1.0]
