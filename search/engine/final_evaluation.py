"""Final evaluation: check the winner, score it once on the test set, and export its model."""

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dashboards.diagrams import export_files
from search.data import texts
from search.data.parts import Data, Part
from search.engine.coordinator import Coordinator
from search.errors import SearchWarning
from search.export import evaluation, writer
from search.export.base import Exported
from search.export.model_check import ModelCheck, ScoredTrial, Verdict, check_trial
from search.export.writer import Additions
from search.study.events import WinnerEvaluated
from search.study.study_record import StudyRecord, TrialRecord
from search.training.architecture import described
from search.training.fit_loop import metrics_on, predictions
from search.training.model_steps import is_callable
from search.training.trainer import KerasTrainer

if TYPE_CHECKING:
    import keras

Result = TypeVar("Result")


def evaluate_winner(
    record: StudyRecord,
    coordinator: Coordinator,
    trainer: KerasTrainer,
    data: Data,
    directory: Path,
    check: ModelCheck,
) -> Exported | None:
    """Check, test and export the winner, once. Return None without a winner or without an export.

    A resumed study that ends with the same winner keeps its test result and its export. A failure
    of user code leads to a warning and a missing part; the study keeps its other results.
    """
    best = record.best()
    if best is None or best.best_epoch is None:
        return None
    if writer.is_up_to_date(record, best, directory):
        return writer.winner(directory, data)
    data = texts.for_keras(data)
    epoch = best.best_epoch
    model = _tried(
        "the winner's model cannot be restored, so there is no test result and no export",
        lambda: trainer.restored(record.task(best), epoch),
    )
    if model is None:
        return None
    end = _End(record, best, trainer, data, model, check)
    written = _tried("the winner was not exported", lambda: end.export(directory))
    winner_evaluation = end.winner_evaluation
    if written is None:  # the test result does not depend on the export
        winner_evaluation = replace(
            winner_evaluation or end.tested(Verdict(None, "there is no export")), export=""
        )
    coordinator.write(winner_evaluation or end.tested(Verdict(None)))
    return None if written is None else writer.winner(directory, data)


@dataclass
class _End:
    """Check, test and export of the winner's model. `winner_evaluation` is set after the test."""

    record: StudyRecord
    best: TrialRecord
    trainer: KerasTrainer
    data: Data
    model: "keras.Model"
    check: ModelCheck
    winner_evaluation: WinnerEvaluated | None = None

    def export(self, directory: Path) -> Path:
        """Write the model, check and test it, and add both results to the export."""

        def added(folder: Path) -> Additions:
            self.winner_evaluation = replace(
                self.tested(self._verdict(folder)), export=str(directory)
            )
            test = {"test": dict(self.winner_evaluation.test) or None}
            return Verdict(
                self.winner_evaluation.verified, self.winner_evaluation.reason
            ).facts | test, self._pictures()

        about = writer.about(self.record, self.best, self.data, None)
        return writer.write(self.model, directory, about, added=added)

    def tested(self, verdict: Verdict) -> WinnerEvaluated:
        """Evaluate the model on the test set. A failure leaves the result empty."""
        test: dict[str, float] = {}
        part = self.data.test
        if part is not None:
            test = _tried("there is no test result", lambda: self._metrics_on(part)) or {}
        return WinnerEvaluated(self.best.trial, test, "", verdict.verified, verdict.reason)

    def _metrics_on(self, part: Part) -> dict[str, float]:
        return metrics_on(self.model, part, self._batch_size())

    def _batch_size(self) -> int:
        part = self.data.validation
        return self.trainer.evaluation_batch_size(self.model, self.best.params, part)

    def _verdict(self, folder: Path) -> Verdict:
        with tempfile.TemporaryDirectory(prefix="keras-search-") as scratch:
            verdict = _tried(
                "the exported model is not checked",
                lambda: check_trial(
                    self.check,
                    ScoredTrial(self.record, self.best, self.trainer, self.data),
                    self.model,
                    folder,
                    Path(scratch),
                ),
            )
        return verdict or Verdict(None, "the check failed")

    def _pictures(self) -> dict[str, bytes]:
        """Return the extra files of the export; empty after a failure."""

        def made() -> dict[str, bytes]:
            evidence = _evidence(self.record, self.model, self.data, self._batch_size())
            return export_files.files(described(self.model), evidence)

        return _tried("there are no pictures of the winner's predictions", made) or {}


def _tried(lost: str, work: Callable[[], Result]) -> Result | None:
    """Return the result of `work`. After a failure, warn with `lost` and return None."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - user code that runs here for the first time
        text = " ".join(str(error).split())
        warnings.warn(f"{lost}: {type(error).__name__}: {text}", SearchWarning, stacklevel=2)
        return None


def _evidence(
    record: StudyRecord, model: "keras.Model", data: Data, batch_size: int
) -> evaluation.Evidence | None:
    """Return the model's predictions on the test set, or on the validation data without a test set.

    Return None when the model was trained on these data, as under cross-validation.
    """
    part = data.test or data.validation
    if part.y is None or not is_callable(model):
        return None
    if data.test is None and "cv" in record.header.config:
        return None
    name: evaluation.PartName = "validation" if data.test is None else "test"
    outputs = predictions(model, part, batch_size)
    names = list(getattr(model, "output_names", None) or ())
    metric = record.objective.metric
    return evaluation.gathered(outputs, names, part, name, data.class_names, metric)
