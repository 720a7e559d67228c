"""The check that an exported model is the one that was scored, by a process that has not trained.

The model is loaded from its file and evaluated on the validation data as the trainer evaluates.
Its metrics must equal the recorded ones within rounding. A metric that counts rows (accuracy,
precision, ...) may differ by the rows whose outputs are so near to a tie or a threshold that
rounding can flip them.
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
_ROWS = 64  # on which the graph of an export is compared


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model is what was scored; None where that cannot be told. `reason`: why not.

    Of a verified model `reason` says what was compared where that is not the objective.
    """

    verified: bool | None
    reason: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What `export.json` says of it."""
        return {"verified": self.verified, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A model in an export folder, and what an evaluation on a part of the data must give.

    `expected`: metrics by Keras's names. `objective`: the one that the study optimises, by that
    kind of name, which need not be among them. `batch_size`: that of an evaluation. `measured`:
    whether the platform has evaluated them, and not a `fit` of the user's. `name`: "" or which
    fold's model it is.
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
    """Checks the models of a study in a fresh process.

    `pickled`: the study's problem, where it was given from Python. `data_dir`: where the files of
    its data are.
    """

    fresh: FreshProcess
    header: StudyStarted
    pickled: PickledProblem | None = None
    data_dir: Path | None = None

    def __call__(self, models: Sequence[SavedModel], seconds: float = 0.0) -> Verdict:
        """Check saved models; `seconds`: how long an epoch took, which the wait depends on."""
        wait = _PATIENCE_SECONDS + 10 * seconds
        try:
            return self.fresh.run(
                checked, models, self.header, self.pickled, self.data_dir, seconds=wait
            )
        except SearchError as error:
            return Verdict(None, str(error))


@dataclass(frozen=True, slots=True)
class ScoredTrial:
    """A trial with a score, and what its models are made and evaluated by."""

    record: StudyRecord
    trial: TrialRecord
    trainer: KerasTrainer
    data: Data


def check_trial(
    check: ModelCheck, scored: ScoredTrial, model: "keras.Model", folder: Path, scratch: Path
) -> Verdict:
    """Check the model of a trial in an export folder, and under cross-validation those of folds.

    The model that was trained on all examples has no record: it is compared with itself before it
    was saved. Those of the folds are compared as their checkpoint has them. `scratch`: a folder for
    them.
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
        if score is None:  # the objective is derived from means over folds
            break
        known = {metric: score}
        place = writer.write(fold.model, scratch / f"fold-{number}", about)
        models.append(SavedModel(place, fold.part, known, metric, size, measured, f"fold {number}"))
    return check(models, seconds)


def _fold_metric(number: int, record: StudyRecord) -> str:
    return f"fold_{number}_{record.objective.metric}"


def expected(metrics: Metrics) -> dict[str, float]:
    """Return what an evaluation on the validation data gave in an epoch, by Keras's names."""
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
    """Load and evaluate models in this process, which must not have trained any."""
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
    except Exception as error:  # noqa: BLE001 - a model is the user's code: anything may come
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
        said = f"the exported model cannot be evaluated ({_in_a_line(error)})"
        return Verdict(False if saved.measured else None, said)
    if not wrong:
        graph = _graph(saved, model)
        return Verdict(not graph, graph or _instead(saved, compared))
    if any(not allowed.equal(name, found[name], again[name]) for name in wrong):
        return Verdict(
            False, f"evaluation is random: {_both(wrong[0], found, again)} the next time"
        )
    return Verdict(False, _differs(saved, wrong[0], found))


def _graph(saved: SavedModel, model: "keras.Model") -> str:
    """How the graph in the folder, which `predict` uses, differs from the model; "" for equal.

    A graph that cannot be called says so when it is used.
    """
    if not (saved.folder / writer.SERVED).is_dir():
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
    return "the graph in the export gives other outputs than the model"


def _compared(saved: SavedModel, found: Mapping[str, float]) -> list[str]:
    """The metrics to compare: all, but of a fit of the user's the objective where it is there."""
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
        f"on the validation data the exported model has {name} {found[name]:.6g}, but the record "
        f"has {saved.expected[name]:.6g}"
    )
    if saved.measured:
        return said
    return (
        f"{said}: the fit scores something else than the model on the data it is given. Scale, cut "
        "and encode inside the model"
    )


def _both(name: str, one: Mapping[str, float], other: Mapping[str, float]) -> str:
    return f"{VALIDATION}{name} is {one[name]:.6g}, and {other[name]:.6g}"


def _in_a_line(error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said[:300]}"
