"""Reopen a recorded study: check that it has not changed, and export its trials."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.data.parts import Data
from search.datasets import base as datasets
from search.engine.resolve import ResolvedStudy, resolve
from search.engine.worker_setup import load, trainer
from search.errors import StudyChangedError, UsageError, unknown_name
from search.executors.fresh_process import FreshProcess
from search.export import writer
from search.export.model_check import ModelCheck, ScoredTrial, Verdict, check_trial
from search.problem.pickling import PickledProblem
from search.study import journal as journals
from search.study.config import digest_of, from_plain
from search.study.events import Adopted, StudyStarted
from search.study.journal import Entries
from search.study.progress import state_on_disk
from search.study.rules import LATEST_RULES, are_known, training_rules
from search.study.store import Store
from search.study.study_record import StudyRecord, StudyState, TrialRecord, fold
from search.training.checkpoint import Checkpoint, CheckpointFolder

if TYPE_CHECKING:
    import keras


def digests(setup: ResolvedStudy, data: Data) -> dict[str, str]:
    """Return the digests that must stay equal in a study: of problem, data and settings."""
    return {
        "problem": setup.loaded.source_digest,
        "data": datasets.digest(data),
        "settings": digest_of(setup.config.plain()),
    }


def refuse_changes(header: StudyStarted, setup: ResolvedStudy, data: Data) -> None:
    """Check that problem, data and settings are those of the start of the study.

    Raises: StudyChangedError with the parts that changed.
    """
    now = digests(setup, data)
    if setup.loaded.has_digest(header.digests["problem"]):
        now["problem"] = header.digests["problem"]
    changed = [name for name, digest in header.digests.items() if now.get(name) != digest]
    if changed:
        where = " (--data-dir is the folder of the data)" if "data" in changed else ""
        hint = f" {datasets.RANDOM}" if "data" in changed else ""
        raise StudyChangedError(
            f"Study {header.study} cannot be continued: its {' and '.join(changed)} changed since "
            f"the start. Undo the change{where}, or start a new study with `run`.{hint}"
        )


def refuse_other_name(header: StudyStarted, name: str) -> None:
    """Check that the file of a journal was not renamed: its checkpoints have the original name.

    Raises: StudyChangedError with the original name.
    """
    if header.study != name:
        raise StudyChangedError(
            f"Journal {name}.jsonl belongs to study {header.study}. Rename the file to "
            f"{header.study}.jsonl, and resume that study."
        )


def rules_to_adopt(header: StudyStarted, entries: Entries, *, adopt: bool) -> int | None:
    """Return the rules of a study after its adoption; None when its rules stay.

    Raises: StudyChangedError for unknown rules of a study that is not adopted.
    """
    rules = header.rules if entries.last(Adopted) is None else fold(entries).header.rules
    if adopt and not are_known(rules):
        return LATEST_RULES
    training_rules(rules)
    return None


def refuse_direction(header: StudyStarted, setup: ResolvedStudy) -> None:
    """Check that the objective has the direction of the start of the study.

    Earlier versions guessed a direction from a metric's name; `search.problem.directions` does not.

    Raises: StudyChangedError for another metric or direction.
    """
    now, then = setup.problem.objective, header.objective
    if (now.metric, now.direction) != (then.metric, then.direction):
        raise StudyChangedError(
            f"Study {header.study} was started with {then.metric} ({then.direction}), but its "
            f"problem now has {now.metric} ({now.direction}). Start a new study with `run`."
        )


def read(store: Store, study: str) -> tuple[StudyRecord, StudyState]:
    """Read the record and the state of a study. A killed study is "interrupted".

    Raises: SearchError when the study does not exist or its journal is damaged.
    """
    path = store.existing(study)
    record = fold(journals.read(path))
    return record, state_on_disk(record, path)


@dataclass(frozen=True, slots=True)
class OpenedTrial:
    """A trained trial of a recorded study. `remark`: why its model must be retrained, or None."""

    trial: TrialRecord
    facts: dict[str, Any]
    remark: str | None
    _scored: ScoredTrial
    _pickled: PickledProblem | None
    _data_dir: Path | None

    @property
    def metric(self) -> str:
        """The objective's metric."""
        return self._scored.record.objective.metric

    def export(self, to: Path, kind: str) -> Verdict:
        """Write the model to a folder, and check that it has the recorded score.

        Raises: as `search.export.writer.write`.
        """
        checked: list[Verdict] = []
        header = self._scored.record.header
        fresh = FreshProcess()
        with tempfile.TemporaryDirectory(prefix="keras-search-") as scratch:
            if kind == "keras":
                fresh.start()  # imports TensorFlow while this process restores the model
            model = self.model()

            def added(folder: Path) -> writer.Additions:
                check = ModelCheck(fresh, header, self._pickled, self._data_dir)
                verdict = Verdict(None, "only the format keras is checked")
                if kind == "keras":
                    verdict = check_trial(check, self._scored, model, folder, Path(scratch))
                checked.append(verdict)
                return verdict.facts, {}

            writer.write(model, to, self.facts, kind, added)
        return checked[-1]

    def model(self) -> "keras.Model":
        """Return the trial's model, from its checkpoint or retrained.

        Under cross-validation, it is retrained on the data of all folds.
        """
        task = self._scored.record.task(self.trial)
        return self._scored.trainer.restored(task, self.trial.best_epoch or 0)


def open_trial(
    store: Store,
    study: str,
    trial: str | None,
    data_dir: Path | None,
    pickled: PickledProblem | None = None,
) -> OpenedTrial:
    """Open a trial of a study, by default its winner, with the facts for its export.

    `pickled`: the study's problem, if it was given from Python.

    Raises: UsageError for an unknown trial or one without a score; StudyChangedError when problem
    or data have changed.
    """
    record = fold(journals.read(store.existing(study)))
    if trial is not None and trial not in record.trials:
        raise unknown_name("trial", trial, record.trials)
    chosen = record.best() if trial is None else record.trials[trial]
    if chosen is None or chosen.best_epoch is None:
        raise UsageError(
            f"{trial or study} has no score, so it cannot be exported. Choose another trial."
        )
    setup = resolve(from_plain(record.header.config), pickled, data_dir=data_dir)
    data = load(setup, data_dir)
    refuse_changes(record.header, setup, data)
    checkpoints = CheckpointFolder(store.checkpoints(study), record.header.identity)
    saved = checkpoints.load(chosen.trial)
    winner_evaluation = record.winner_evaluation
    test = (
        dict(winner_evaluation.test)
        if winner_evaluation is not None and winner_evaluation.trial == chosen.trial
        else None
    )
    return OpenedTrial(
        trial=chosen,
        facts=writer.about(record, chosen, data, test),
        remark=_remark(setup, chosen, saved),
        _scored=ScoredTrial(
            record,
            chosen,
            trainer(setup, data, checkpoints, record.header.rules, store.checkpoints(study)),
            data,
        ),
        _pickled=pickled,
        _data_dir=data_dir,
    )


def _remark(setup: ResolvedStudy, trial: TrialRecord, saved: Checkpoint | None) -> str | None:
    if setup.config.cv is not None:
        return (
            f"trial {trial.trial} was cross-validated: retraining it on training and validation "
            "data together"
        )
    if saved is not None and saved.best_epoch == trial.best_epoch:
        return None
    return f"trial {trial.trial} has no checkpoint: retraining it from the record"
