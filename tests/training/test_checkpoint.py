"""A checkpoint is one trial's of one study, whole, or it counts as missing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.errors import SearchError
from search.state.plain_data import decode, encode
from search.study.trial import Budget, Decision, EpochReport, Outcome, Proposal, Task
from search.training import checkpoint as checkpoints
from search.training.checkpoint import Checkpoint, CheckpointFolder
from tests.field.tables import RATE, data, dense, new_trainer, problem, table

OLD = Path(__file__).parents[1] / "data" / "checkpoint-format-1.npz"
CURVE = (EpochReport("1", 1, {"loss": 1.0}, 0.1), EpochReport("1", 2, {"loss": 0.5}, 0.1))
STATE = {"stopped": False, "state": {"data": {}, "variables": {"a": {"~": "array", "index": 0}}}}
SAVED = Checkpoint(CURVE, [np.ones(3)], [np.zeros(3)], 1, (STATE,), [np.arange(4)])
CONTENT = checkpoints.written(SAVED, "a study", "1")


def same(one: Checkpoint, other: Checkpoint) -> bool:
    pairs = [(one.last, other.last), (one.best, other.best), (one.arrays, other.arrays)]
    equal = all(np.array_equal(a, b) for mine, its in pairs for a, b in zip(mine, its, strict=True))
    return equal and (one.curve, one.states, one.lost) == (other.curve, other.states, other.lost)


def test_what_is_written_is_read_by_its_study_and_trial_only() -> None:
    found = checkpoints.read(CONTENT, "a study", "1")
    assert found is not None
    assert same(found, SAVED)
    assert checkpoints.read(CONTENT, "another study", "1") is None
    assert checkpoints.read(CONTENT, "a study", "2") is None


def test_a_checkpoint_copied_to_another_trials_name_counts_as_missing(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, "a study")
    folder.save("1", SAVED)
    (tmp_path / "2.npz").write_bytes((tmp_path / "1.npz").read_bytes())
    assert folder.load("1") is not None
    assert folder.load("2") is None


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_bytes_count_as_missing_and_nothing_else_happens(draw: Any) -> None:
    content = bytearray(CONTENT)
    kind = draw.draw(st.sampled_from(["flip", "cut", "fill"]))
    place = draw.draw(st.integers(0, len(content) - 1))
    if kind == "flip":
        content[place] ^= draw.draw(st.integers(1, 255))
    elif kind == "cut":
        del content[place:]
    else:
        length = draw.draw(st.integers(1, 64))
        content[place : place + length] = bytes(length)
    found = checkpoints.read(bytes(content), "a study", "1")
    # zip files have bytes that nobody reads, such as dates
    assert found is None or same(found, SAVED)


@pytest.mark.parametrize(
    "value",
    [
        {"a": (1, 2.5, None), 3: {1, 2}, "~": b"x"},
        [np.float32(1.5), np.arange(3), "text", float("inf"), 1 + 2j],
        np.array(["a", "bc"]),
    ],
    ids=["nested", "numbers", "texts"],
)
def test_values_come_back_as_they_were(value: Any) -> None:
    arrays: list[Any] = []
    found = decode(encode(value, arrays), arrays)
    np.testing.assert_equal(found, value)
    assert type(found) is type(value)


def plateau(params: Any) -> list[Any]:
    return [keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=10.0)]


def test_a_checkpoint_of_format_1_is_continued_from(tmp_path: Path) -> None:
    p = problem(lambda params: dense(), data(*table(120)), callbacks=plateau)
    reports, _ = run(p, CheckpointFolder(tmp_path / "whole", "a study"), 4)
    folder = CheckpointFolder(tmp_path / "old", "a study")
    saved = checkpoints.read(OLD.read_bytes(), "a study", "1")
    assert saved is not None
    assert saved.epoch == 2
    for before, now in zip(saved.curve, reports[:2], strict=True):
        # another machine may round otherwise
        assert dict(before.metrics) == pytest.approx(dict(now.metrics), rel=1e-4)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "1.npz").write_bytes(OLD.read_bytes())
    more, _ = run(p, folder, 4, recorded=saved.curve)
    assert [dict(one.metrics) for one in more] == [
        pytest.approx(dict(one.metrics), rel=1e-4) for one in reports[2:]
    ]


class Full(CheckpointFolder):
    """A folder on a disk that is full from the n-th checkpoint on."""

    room = 99

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        if self.room == 0:
            raise SearchError("no space left on device")
        self.room -= 1
        super().save(trial, checkpoint)


def run(
    p: Any, folder: CheckpointFolder, stop: int, recorded: Any = ()
) -> tuple[list[EpochReport], Outcome | None]:
    trainer = new_trainer(p, folder)
    trainer._checkpoint_seconds = 0.0
    reports: list[EpochReport] = []
    work = trainer.train(Task(Proposal("1", RATE, Budget(0, stop)), 7, tuple(recorded)))
    try:
        report = next(work)
        while True:
            reports.append(report)
            report = work.send(Decision.CONTINUE)
    except StopIteration as end:
        return reports, end.value
    except SearchError:
        return reports, None


@pytest.mark.parametrize("room", [0, 1, 2, 3])
@pytest.mark.parametrize("unrecorded", [0, 1])
def test_after_a_full_disk_the_best_epochs_weights_are_handed_over(
    room: int, unrecorded: int, tmp_path: Path
) -> None:
    # the rate makes a later epoch worse than an earlier one
    p = problem(lambda params: dense(rate=0.9), data(*table(120)))
    twin, _ = run(p, CheckpointFolder(tmp_path / "twin", "a study"), 4)
    best = min(twin, key=lambda one: one.metrics["val_loss"]).epoch
    folder = Full(tmp_path / "full", "a study")
    folder.room = room
    first, none = run(p, folder, 4)
    assert none is None
    assert len(first) == room
    recorded = first[: max(0, len(first) - unrecorded)]
    folder.room = 99
    second, _ = run(p, folder, 4, recorded)
    assert [dict(one.metrics) for one in [*recorded, *second]] == [dict(o.metrics) for o in twin]
    task = Task(Proposal("1", RATE, Budget(0, 4)), 7, tuple(twin))
    expected = new_trainer(p, CheckpointFolder(tmp_path / "twin", "a study")).restored(task, best)
    found = new_trainer(p, folder).restored(task, best)
    for mine, its in zip(expected.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_checkpoint_of_other_epochs_is_not_handed_over(tmp_path: Path) -> None:
    p = problem(lambda params: dense(), data(*table(120)))
    folder = CheckpointFolder(tmp_path, "a study")
    curve, _ = run(p, folder, 3)
    saved = folder.load("1")
    assert saved is not None
    other = replace(saved.curve[0], metrics={**saved.curve[0].metrics, "loss": 9.0})
    folder.save(
        "1", replace(saved, curve=(other, *saved.curve[1:]), best=[a * 0 for a in saved.best])
    )
    task = Task(Proposal("1", RATE, Budget(0, 3)), 7, tuple(curve))
    model = new_trainer(p, folder).restored(task, saved.best_epoch)
    assert all(np.abs(weights).sum() > 0 for weights in model.get_weights())
