"""The end of a study: the winner, and nothing else, meets the test data and is exported."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from dashboards import winner
from search import evidence, export, texts
from search.coordinator import Coordinator
from search.events import Judged
from search.problem import Data
from search.record import StudyRecord
from search.trackers.base import Exported
from search.training.description import described
from search.training.epochs import evaluate, predictions
from search.training.steps import is_callable
from search.training.trainer import KerasTrainer

if TYPE_CHECKING:
    import keras


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
    if export.stands(record, best, directory):
        return export.winner(directory, data)
    data = texts.for_keras(data)
    model = trainer.restored(record.task(best), best.best_epoch)
    test = evaluate(model, data.test) if data.test is not None else {}
    beside = winner.files(described(model), _evidence(record, model, data))
    about = export.about(record, best, data, test or None)
    export.write(model, directory, about, beside=beside)
    coordinator.write(Judged(best.trial, test, str(directory)))
    return export.winner(directory, data)


def _evidence(record: StudyRecord, model: "keras.Model", data: Data) -> evidence.Evidence | None:
    """What the model says of the test data, or of the validation data where there are none.

    None where it was trained on those too, as under cross-validation.
    """
    part = data.test or data.validation
    if part.y is None or not is_callable(model):
        return None
    if data.test is None and "cv" in record.header.config:
        return None
    name: evidence.PartName = "validation" if data.test is None else "test"
    try:
        outputs = predictions(model, part)
        names = list(getattr(model, "output_names", None) or ())
        metric = record.objective.metric
        return evidence.gathered(outputs, names, part, name, data.class_names, metric)
    except Exception as error:  # noqa: BLE001 - the model is the user's code: a picture ends no study
        warnings.warn(f"no pictures of what the winner says: {error}", stacklevel=2)
        return None
