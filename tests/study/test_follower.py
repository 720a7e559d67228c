"""A study's record that follows the journal."""

import pytest

from search.errors import JournalError
from search.study.follower import Follower
from search.study.journal import Journal, Tail
from search.study.progress import final_state, state_on_disk
from search.study.study_record import fold
from tests.records import whole_life


def test_the_record_is_where_the_last_entry_that_was_read_is(tmp_path):
    life = whole_life()
    path = tmp_path / "s.jsonl"
    with Journal.create(path, life[:1]) as journal:
        follower = Follower(Tail(path))
        assert list(follower.read()) == life[:1]
        for entry in life[1:]:
            journal.append(entry)
        journal.commit()
        for place, entry in enumerate(follower.read(), start=2):
            assert entry == life[place - 1]
            assert follower.record.entries == place
        assert vars(follower.record) == vars(fold(life))
        assert list(follower.read()) == []


def test_before_the_header_there_is_no_record(tmp_path):
    (tmp_path / "s.jsonl").touch()
    follower = Follower(Tail(tmp_path / "s.jsonl"))
    assert list(follower.read()) == []
    with pytest.raises(JournalError, match="must begin with its header"):
        _ = follower.record


def test_a_study_that_no_process_writes_is_interrupted(tmp_path):
    life = whole_life()[:3]
    record, path = fold(life), tmp_path / "s.jsonl"
    with Journal.create(path, life):
        assert state_on_disk(record, path) == "running"
    assert state_on_disk(record, path) == "interrupted" == final_state(record)
