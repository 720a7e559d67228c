"""The end of a study: the winner, and nothing else, meets the test data and is exported."""

from pathlib import Path

from search import export
from search.coordinator import Coordinator
from search.events import Judged
from search.problem import Data
from search.record import StudyRecord
from search.trackers.base import Exported
from search.training.epochs import evaluate
from search.training.trainer import KerasTrainer


def judge(
    record: StudyRecord,
    coordinator: Coordinator,
    trainer: KerasTrainer,
    data: Data,
    directory: Path,
) -> Exported | None:
    """Test and export the winner, once; None where no trial has a score.

    A study that is resumed and ends with the same winner keeps its test result and its export.
    """
    best = record.best()
    if best is None or best.best_epoch is None:
        return None
    exported = export.winner(directory, data)
    if export.stands(record, best, directory):
        return exported
    model = trainer.restored(record.task(best), best.best_epoch)
    test = evaluate(model, data.test) if data.test is not None else {}
    export.write(model, directory, export.about(record, best, data, test or None))
    coordinator.write(Judged(best.trial, test, str(directory)))
    return exported
