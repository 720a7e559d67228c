"""Every problem is searched by each of the main backends: few examples, few epochs, few trials."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from search.engine.coordinator import Coordinator
from search.engine.resolve import resolve
from search.executors.inline import InlineExecutor
from search.problem import loading
from search.runtime.clock import SystemClock
from search.study.config import StudyConfig
from search.study.events import Entry, LimitsChanged
from search.study.journal import Journal
from search.study.study_record import StudyRecord, fold
from search.trackers.memory import MemoryTracker
from search.training.checkpoint import Checkpoint
from search.training.trainer import KerasTrainer
from tests import problem_data
from tests.support import header

BACKENDS = {
    "grid": 2,
    "randomized": 2,
    "hyperband": 3,
    "optuna": 2,
}  # and trials, baseline included
EPOCHS = 2


@dataclass
class MemoryCheckpoints:
    """The checkpoints of one study after another."""

    kept: dict[str, Checkpoint] = field(default_factory=dict)

    def load(self, trial: str) -> Checkpoint | None:
        return self.kept.get(trial)

    def save(self, trial: str, checkpoint: Checkpoint) -> None:
        self.kept[trial] = checkpoint


@dataclass
class Lesson:
    """A problem with one trainer for all its studies: models that are equal share their graphs."""

    name: str
    trainer: KerasTrainer
    checkpoints: MemoryCheckpoints


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return problem_data.folder_for_all(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module", params=loading.names())
def lesson(request: pytest.FixtureRequest, folder: Path) -> Lesson:
    found = loading.load(request.param).problem
    data = problem_data.load(found, folder)
    few = replace(
        data, train=data.train.take(slice(64)), validation=data.validation.take(slice(32))
    )
    checkpoints = MemoryCheckpoints()
    trainer = KerasTrainer(
        found, few, checkpoints, SystemClock(), patience=None, most_epochs=EPOCHS
    )
    return Lesson(request.param, trainer, checkpoints)


def searched(lesson: Lesson, backend: str, journal_path: Path) -> StudyRecord:
    trials = BACKENDS[backend]
    setup = resolve(
        StudyConfig(problem=lesson.name, backend=backend, trials=trials, max_epochs=EPOCHS)
    )
    limit = setup.limit(trials, None)
    assert limit == LimitsChanged(trials, None)
    begun = replace(header(backend), objective=setup.problem.objective)
    first = [Entry(0.0, begun), Entry(0.0, limit)]
    record, proposer = fold(first), setup.proposer()
    proposer.limit(trials)
    lesson.checkpoints.kept.clear()
    with Journal.create(journal_path, first) as journal:
        Coordinator(
            record=record,
            journal=journal,
            proposer=proposer,
            executor=InlineExecutor(lesson.trainer),
            tracker=MemoryTracker(),
            clock=SystemClock(),
            baseline=setup.baseline(),
        ).run()
    for trial in record.trials.values():
        setup.space.check(trial.params)
    return record


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_problem_is_searched_by_every_main_backend(
    lesson: Lesson, backend: str, tmp_path: Path
) -> None:
    record = searched(lesson, backend, tmp_path / "journal.jsonl")
    assert record.state == "finished"
    assert len(record.trials) == BACKENDS[backend]
    assert {trial.state(record.state) for trial in record.trials.values()} <= {
        "completed",
        "pruned",
    }
    best = record.best()
    assert best is not None
    assert best.score is not None
