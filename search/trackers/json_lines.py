"""Progress as one JSON object per line, for programs."""

import json
from typing import Any, TextIO

from search.export.base import Exported
from search.runtime.clock import Clock
from search.study.eta import Pace
from search.study.leaderboard import error, spread
from search.study.progress import Plan, final_state, trials_done
from search.study.study_record import StudyRecord, TrialRecord
from search.study.trial import EpochReport, Outcome, Proposal


def create(stream: TextIO, clock: Clock, plan: Plan) -> "JsonLinesTracker":
    """The tracker of the mode "json"."""
    return JsonLinesTracker(stream, clock, plan)


class JsonLinesTracker:
    """One JSON object per event and line, for programs; the keys are a public interface.

    Each holds "event" (the name of the call), "elapsed" and "left" (active seconds) and
    "epochs_per_second" (of all workers, lately); null while unknown. The record given to
    `start_study` is read at later calls too, as it grows.
    """

    def __init__(self, stream: TextIO, clock: Clock, plan: Plan) -> None:
        self._stream = stream
        self._pace = Pace(clock)
        self._plan = plan
        self._study: StudyRecord | None = None

    def start_study(self, study: StudyRecord) -> None:
        """The study, what it plans, and what it has already."""
        self._study = study
        self._pace.start(study)
        header, plan = study.header, self._plan
        self._write(
            "start_study",
            {
                "study": header.study,
                "problem": header.problem,
                "backend": header.backend,
                "seed": header.seed,
                "objective": study.objective.plain,
                "epochs_meaning": plan.epochs_meaning,
                "planned": {"trials": plan.trials, "epochs": plan.epochs, "seconds": plan.seconds},
                **_standing(study),
            },
        )

    def start_trial(self, trial: TrialRecord, proposal: Proposal) -> None:
        """The proposal."""
        self._write(
            "start_trial",
            {
                "trial": trial.trial,
                "params": dict(proposal.params),
                "budget": [proposal.budget.start, proposal.budget.stop],
                "labels": dict(proposal.labels),
            },
        )

    def epoch(self, trial: TrialRecord, report: EpochReport) -> None:
        """The report."""
        self._write(
            "epoch",
            {
                "trial": report.trial,
                "epoch": report.epoch,
                "metrics": dict(report.metrics),
                "seconds": report.seconds,
            },
        )

    def end_trial(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Write the outcome of the trial so far, and the state of the study."""
        self._write(
            "end_trial",
            {
                "trial": trial.trial,
                "state": trial.state("running"),
                "score": trial.score,
                "best_epoch": trial.best_epoch,
                "epochs": len(trial.curve),
                "error": error(outcome),
                **({} if self._study is None else _standing(self._study)),
            },
        )

    def end_study(self, study: StudyRecord, exported: Exported | None) -> None:
        """How it ended."""
        self._study = study
        self._write(
            "end_study",
            {
                "study": study.header.study,
                "state": final_state(study),
                "stopped": study.stopped,
                "export": None if exported is None else str(exported.directory),
                **_standing(study),
            },
        )

    def _write(self, event: str, fields: dict[str, Any]) -> None:
        left = speed = None
        if self._study is not None:
            self._pace.note(self._study)
            left = self._pace.seconds_left(self._study, self._plan)
            speed = self._pace.epochs_per_second()
        times = {
            "elapsed": round(self._pace.elapsed(), 3),
            "left": None if left is None else round(left, 3),
            "epochs_per_second": None if speed is None else round(speed, 4),
        }
        self._stream.write(json.dumps({"event": event} | fields | times, allow_nan=False) + "\n")
        self._stream.flush()


def _standing(study: StudyRecord) -> dict[str, Any]:
    best = study.best()
    return {
        "trials_done": trials_done(study),
        "epochs_trained": study.epochs_trained,
        "best": None
        if best is None
        else {
            "trial": best.trial,
            "score": best.score,
            "best_epoch": best.best_epoch,
            "spread": spread(study, best),
        },
    }
