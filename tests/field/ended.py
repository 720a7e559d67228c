"""The end of a study of one trial: what is said of its exported winner, in this process."""

import pickle
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from search import Problem
from search.engine.final_evaluation import evaluate_winner
from search.errors import SearchWarning
from search.export.base import Exported
from search.export.model_check import ModelCheck
from search.runtime.clock import SystemClock
from search.seeds import seed_for
from search.study.config import StudyConfig
from search.study.events import Entry, EpochRecorded, LimitsChanged, Told, WinnerEvaluated
from search.study.study_record import StudyRecord, fold
from search.study.trial import Budget, Decision, Proposal, Task
from search.training.checkpoint import CheckpointFolder
from search.training.cross_validation import CrossValidation
from search.training.trainer import KerasTrainer
from tests.field.tables import RATE
from tests.records import asked, header


class Here:
    """Runs functions in this process, on copies of their arguments."""

    def run(self, function: Any, *arguments: Any, seconds: float | None = None) -> Any:
        return function(*pickle.loads(pickle.dumps(arguments)))


@dataclass
class Ended:
    """What came of the end of a study: the event, the export, the warnings."""

    record: StudyRecord
    directory: Path
    trainer: KerasTrainer
    exported: Exported | None = None
    warned: list[str] = field(default_factory=list)

    @property
    def winner_evaluation(self) -> WinnerEvaluated:
        assert self.record.winner_evaluation is not None
        return self.record.winner_evaluation

    def write(self, event: WinnerEvaluated) -> None:
        """Take an event, as the coordinator does."""
        self.record.apply(Entry(self.record.seconds, event))

    def evaluate_winner(self, problem: Problem) -> "Ended":
        """Check, test and export the winner."""
        check = ModelCheck(Here(), self.record.header)  # type: ignore[arg-type]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.exported = evaluate_winner(
                self.record, self, self.trainer, problem.load(None), self.directory, check
            )
        self.warned = [str(one.message) for one in caught if one.category is SearchWarning]
        return self


def trained(problem: Problem, folder: Path, *, epochs: int = 2, cv: int | None = None) -> Ended:
    """Train one trial of a problem as a study does, up to its end."""
    first = header()
    config = dict(StudyConfig(problem="p").plain(), **({} if cv is None else {"cv": cv}))
    begun = replace(first.event, objective=problem.objective, config=config)
    folding = None if cv is None else CrossValidation(cv, seed_for(0, "folds"))
    trainer = KerasTrainer(
        problem,
        problem.load(None),
        CheckpointFolder(folder / "checkpoints", "me"),
        SystemClock(),
        patience=None,
        most_epochs=epochs,
        folding=folding,
    )
    entries = [Entry(0.0, begun), Entry(0.0, LimitsChanged(1, None))]
    entries.append(Entry(0.0, asked("1", 0, epochs, params=RATE)))
    seed = seed_for(begun.seed, "1", "training")
    work = trainer.train(Task(Proposal("1", RATE, Budget(0, epochs)), seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SearchWarning)  # of a fit of its own, say
        try:
            report = next(work)
            while True:
                entries.append(Entry(0.0, EpochRecorded(report, Decision.CONTINUE)))
                report = work.send(Decision.CONTINUE)
        except StopIteration as end:
            entries.append(Entry(0.0, Told("1", end.value)))
    return Ended(fold(entries), folder / "export", trainer)


def ended(problem: Problem, folder: Path, *, epochs: int = 2, cv: int | None = None) -> Ended:
    """Train one trial of a problem and judge it."""
    return trained(problem, folder, epochs=epochs, cv=cv).judge(problem)
