"""Budgets, failures and tables against the journal they are read from."""

import math

import pytest

from dashboards.tables.frames import BUDGETS, FAILURES, budgets_frame, failures_frame
from dashboards.tables.tables import load, tables
from search.errors import SearchError
from search.study.events import Asked, Told
from search.study.journal import Journal
from search.study.store import Store
from search.study.study_record import fold
from search.study.trial import Proposal
from tests.dashboards.studies import mirrored, simulated, simulated_tables
from tests.records import header, whole_life


def test_a_row_per_proposal_with_its_outcome_times_and_labels():
    frame = budgets_frame(whole_life())

    assert list(frame.columns[: len(BUDGETS)]) == list(BUDGETS)
    assert list(frame["trial"]) == ["0", "1", "2", "3", "4", "2"]
    assert list(frame["outcome"]) == [
        *("completed", "completed", "completed", "failed", "pruned", "completed")
    ]
    first, promoted = frame.iloc[0], frame.iloc[5]
    assert (first["asked"], first["ended"], first["score"]) == (0.6, 1.8, 0.5)
    assert (first["epochs"], first["seconds"], first["trained"]) == (3, 0.75, 3)
    assert (promoted["start"], promoted["stop"], promoted["labels.rung"]) == (1, 3, 1)
    assert (promoted["epochs"], promoted["trained"]) == (2, 10)
    assert math.isnan(frame.iloc[3]["score"])


def test_a_budget_under_way_has_no_end():
    frame = budgets_frame(whole_life()[:8])

    assert list(frame["outcome"]) == ["completed", "running"]
    assert math.isnan(frame.iloc[1]["ended"])


def test_budgets_under_way_together_never_share_a_lane(tmp_path):
    entries = simulated(tmp_path / "s.jsonl", "hyperband", slots=3)
    frame = budgets_frame(entries)

    assert set(frame["lane"]) == {0, 1, 2}
    for _, lane in frame.sort_values("asked", kind="stable").groupby("lane"):
        assert (lane["asked"].iloc[1:].to_numpy() >= lane["ended"].iloc[:-1].to_numpy()).all()
    under_way: dict[str, int] = {}
    rows = iter(frame.itertuples())
    for entry in entries:
        if isinstance(entry.event, Asked) and isinstance(entry.event.answer, Proposal):
            row = next(rows)
            assert row.lane not in under_way.values()
            under_way[row.trial] = row.lane
        elif isinstance(entry.event, Told):
            del under_way[entry.event.trial]


def test_failures_are_listed_with_their_cause():
    frame = failures_frame(fold(whole_life()))

    assert frame.to_dict("records") == [
        {"trial": "3", "kind": "ValueError", "message": "no such optimizer", "at_epoch": 1}
    ]


def test_a_study_without_trials_gives_empty_frames():
    assert list(budgets_frame([header()]).columns) == list(BUDGETS)
    assert list(failures_frame(fold([header()])).columns) == list(FAILURES)


def test_tables_hold_what_the_record_says():
    found = tables(whole_life())

    assert (found.study, found.problem, found.backend) == ("demo-1", "demo", "hyperband")
    assert (found.state, found.best, found.baseline) == ("finished", "2", "0")
    assert found.test == {"loss": 0.4, "accuracy": 0.68}
    assert found.seconds == found.record.seconds
    assert [parameter["name"] for parameter in found.space] == ["layers", "optimizer"]


def test_a_study_that_nobody_writes_is_interrupted(tmp_path):
    store = Store(tmp_path)
    Journal.create(store.journal("demo-1"), whole_life()[:8]).close()

    assert load(store, "demo-1").state == "interrupted"
    with pytest.raises(SearchError, match="demo-1"):
        load(store, "demo-2")


def test_the_mirrored_study_has_the_same_winner(tmp_path):
    plain = simulated_tables(tmp_path / "s.jsonl", "randomized")
    turned = tables(mirrored(simulated(tmp_path / "t.jsonl", "randomized")))

    assert turned.objective.direction == "min"
    assert turned.best == plain.best is not None
