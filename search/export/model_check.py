"""Check that an exported model has the recorded scores, in a process that has not trained.

The model is loaded from its file and evaluated on the validation data as the trainer evaluates.
Its metrics must equal the recorded ones up to rounding. A metric that counts rows (accuracy,
precision, ...) may also differ by the rows whose outputs are so close to a tie or a threshold that
rounding can change the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.data import trees
from search.data.parts import Data, Part
from search.errors import SearchError
from search.executors.fresh_process import FreshProcess
from search.export import writer
from search.export.base import SERVED
from search.export.reader import restored, served
from search.problem.objective import Metrics
from search.problem.pickling import PickledProblem
from search.runtime import tensorflow_setup
from search.study.events import StudyStarted
from search.study.study_record import StudyRecord, TrialRecord
from search.training import score_comparison
from search.training.fit_loop import metrics_on, predictions
from search.training.trainer import KerasTrainer

if TYPE_CHECKING:
    import keras

VALIDATION = "val_"
_PATIENCE_SECONDS = 120.0
_ROWS = 64  # rows for the comparison of the exported graph with the model


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of a check: whether the model has the recorded scores; None when not comparable.

    `reason`: why the model is not verified; for a verified model, the metrics that were compared
    instead of the objective.
    """

    verified: bool | None
    reason: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """The facts for `export.json`."""
        return {"verified": self.verified, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A model in an export folder, with the expected metrics on a part of the data.

    `expected`: metrics by Keras's names. `objective`: name of the objective, which may be missing
    in `expected`. `batch_size`: of the evaluation. `measured`: the platform has evaluated the
    metrics, not the user's `fit`. `name`: name of the fold, or "".
    """

    folder: Path
    part: Part
    expected: Metrics
    objective: str
    batch_size: int
    measured: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """Check the models of a study in a new process.

    `pickled`: the study's problem, if it was given from Python. `data_dir`: folder of its data.
    """

    fresh: FreshProcess
    header: StudyStarted
    pickled: PickledProblem | None = None
    data_dir: Path | None = None

    def __call__(self, models: Sequence[SavedModel], seconds: float = 0.0) -> Verdict:
        """Check saved models. `seconds`: duration of an epoch, which extends the time limit."""
        wait = _PATIENCE_SECONDS + 10 * seconds
        try:
            return self.fresh.run(
                checked, models, self.header, self.pickled, self.data_dir, seconds=wait
            )
        except SearchError as error:
            return Verdict(None, str(error))


@dataclass(frozen=True, slots=True)
class ScoredTrial:
    """A trial with a score, its study, and the trainer and data to evaluate its models."""

    record: StudyRecord
    trial: TrialRecord
    trainer: KerasTrainer
    data: Data


def check_trial(
    check: ModelCheck, scored: ScoredTrial, model: "keras.Model", folder: Path, scratch: Path
) -> Verdict:
    """Check a trial's model in an export folder, and under cross-validation the models of folds.

    A model that was trained on all folds has no recorded score: it is compared with itself before
    it was saved. The models of the folds come from their checkpoint. `scratch`: folder for them.
    """
    record, trial, trainer, data = scored.record, scored.trial, scored.trainer, scored.data
    metric = record.objective.metric.removeprefix(VALIDATION)
    report = trial.curve[(trial.best_epoch or len(trial.curve)) - 1]
    seconds = max(one.seconds for one in trial.curve)
    measured = trainer.measures
    size = trainer.evaluation_batch_size(model, trial.params, data.validation)
    if "cv" not in record.header.config:
        known = expected(report.metrics)
        return check([SavedModel(folder, data.validation, known, metric, size, measured)], seconds)
    itself = metrics_on(model, data.validation, size)
    models = [SavedModel(folder, data.validation, itself, metric, size, measured=True)]
    about = writer.about(record, trial, data, None)
    for number, fold in enumerate(trainer.folds(record.task(trial)), start=1):
        score = trial.curve[fold.epoch - 1].metrics.get(_fold_metric(number, record))
        if score is None:  # the objective is computed from means over folds
            break
        known = {metric: score}
        saved = writer.write(fold.model, scratch / f"fold-{number}", about)
        models.append(SavedModel(saved, fold.part, known, metric, size, measured, f"fold {number}"))
    return check(models, seconds)


def _fold_metric(number: int, record: StudyRecord) -> str:
    return f"fold_{number}_{record.objective.metric}"


def expected(metrics: Metrics) -> dict[str, float]:
    """Return the validation metrics of an epoch by Keras's names."""
    return {
        name.removeprefix(VALIDATION): value
        for name, value in metrics.items()
        if name.startswith(VALIDATION)
    }


def checked(
    models: Sequence[SavedModel],
    header: StudyStarted,
    pickled: PickledProblem | None,
    data_dir: Path | None,
) -> Verdict:
    """Load and evaluate models in this process, which must not have trained before."""
    tensorflow_setup.prepare()
    verdicts = []
    for saved in models:
        verdict = _one(saved, header, pickled, data_dir)
        name = f"{saved.name}: " if saved.name and verdict.reason else ""
        verdicts.append(Verdict(verdict.verified, name + verdict.reason))
    for worst in (False, None):
        found = next((verdict for verdict in verdicts if verdict.verified is worst), None)
        if found is not None:
            return found
    return verdicts[0] if verdicts else Verdict(None, "nothing to compare")


def _one(
    saved: SavedModel, header: StudyStarted, pickled: PickledProblem | None, data_dir: Path | None
) -> Verdict:
    try:
        model = restored(saved.folder, header, None, pickled, data_dir)
    except Exception as error:  # noqa: BLE001 - a model is user code and may raise anything
        return Verdict(False, f"the exported model cannot be loaded ({_in_a_line(error)})")
    try:
        found = metrics_on(model, saved.part, saved.batch_size)
        compared = _compared(saved, found)
        if not compared:
            return Verdict(None, _nothing(saved, found))
        allowed = score_comparison.tolerances(model, saved.part, saved.batch_size)
        wrong = [n for n in compared if not allowed.equal(n, found[n], saved.expected[n])]
        again = metrics_on(model, saved.part, saved.batch_size) if wrong else found
    except Exception as error:  # noqa: BLE001 - as above
        reason = f"the exported model cannot be evaluated ({_in_a_line(error)})"
        return Verdict(False if saved.measured else None, reason)
    if not wrong:
        graph = _graph(saved, model)
        return Verdict(not graph, graph or _instead(saved, compared))
    if any(not allowed.equal(name, found[name], again[name]) for name in wrong):
        return Verdict(
            False, f"evaluation is random: {_both(wrong[0], found, again)} the second time"
        )
    return Verdict(False, _differs(saved, wrong[0], found))


def _graph(saved: SavedModel, model: "keras.Model") -> str:
    """Return a difference of the SavedModel graph, which `predict` uses, from the model, or "".

    A graph that cannot be called is not reported here, but when it is used.
    """
    if not (saved.folder / SERVED).is_dir():
        return ""
    part = saved.part.take(slice(_ROWS))
    try:
        mine, again, its = (
            [array for _, array in trees.named(predictions(one, part, saved.batch_size), "")]
            for one in (model, model, served(saved.folder))
        )
    except Exception:  # noqa: BLE001 - as above
        return ""
    if not score_comparison.outputs_agree(mine, again) or score_comparison.outputs_agree(mine, its):
        return ""
    return "the exported graph gives other outputs than the model"


def _compared(saved: SavedModel, found: Mapping[str, float]) -> list[str]:
    """Return the metrics to compare: all, or for the user's `fit` only the objective if present."""
    shared = [name for name in saved.expected if name in found]
    if not saved.measured and saved.objective in shared:
        return [saved.objective]
    return shared


def _nothing(saved: SavedModel, found: Mapping[str, float]) -> str:
    if saved.measured and not found:
        return "nothing to compare: the exported model is loaded without its loss and metrics"
    recorded = ", ".join(f"{VALIDATION}{name}" for name in saved.expected) or "none"
    return f"nothing to compare: an evaluation gives none of the recorded metrics ({recorded})"


def _instead(saved: SavedModel, compared: Sequence[str]) -> str:
    if saved.objective in compared:
        return ""
    names = ", ".join(f"{VALIDATION}{name}" for name in compared)
    return f"the objective is no metric of the model, so {names} was compared"


def _differs(saved: SavedModel, name: str, found: Mapping[str, float]) -> str:
    said = (
        f"on the validation data, the exported model has {name} {found[name]:.6g}, but the record "
        f"has {saved.expected[name]:.6g}"
    )
    if saved.measured:
        return said
    return (
        f"{said}: the problem's fit does not score the model on the given data. Scale, cut and "
        "encode inside the model"
    )


def _both(name: str, one: Mapping[str, float], other: Mapping[str, float]) -> str:
    return f"{VALIDATION}{name} is {one[name]:.6g}, and {other[name]:.6g}"


def _in_a_line(error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said[:300]}"
