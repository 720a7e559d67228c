"""Map a study's record to MLflow: tags, params, points, a table."""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from search.space.parameters import Params
from search.study.architecture import chain
from search.study.events import StudyStarted
from search.study.leaderboard import ranked, spread
from search.study.study_record import StudyRecord, StudyState, TrialRecord
from search.study.trial import Completed, Failed, Outcome, Pruned
from search.trackers._mlflow_runs import CREATED, OUTCOMES, STATE, STUDY, Point

STUDY_STATUS: Mapping[StudyState, str] = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}


def trial_status(trial: TrialRecord, study: StudyState) -> str:
    """MLflow's word. A pruned trial did what it should: FINISHED; a tag says that it is pruned."""
    if trial.pending:
        return "RUNNING" if study == "running" else "KILLED"
    return "FAILED" if isinstance(trial.outcome, Failed) else "FINISHED"


def identity(header: StudyStarted) -> dict[str, str]:
    """The tags by which a study's runs are found and filtered."""
    return {
        STUDY: header.study,
        CREATED: str(header.created_ms),
        "search.problem": header.problem,
        "search.backend": header.backend,
    }


def study_tags(header: StudyStarted) -> dict[str, str]:
    """What the parent run is tagged with from the start."""
    tags = identity(header) | {"search.seed": str(header.seed)}
    tags |= {f"search.version.{name}": version for name, version in header.versions.items()}
    return tags | {f"search.digest.{name}": digest for name, digest in header.digests.items()}


def trial_tags(trial: TrialRecord, study: StudyState) -> dict[str, Any]:
    """What changes in the life of a trial: labels, state, budget, outcomes, error."""
    proposal, outcome = trial.proposal, trial.outcome
    tags: dict[str, Any] = {f"search.{name}": value for name, value in proposal.labels.items()}
    tags[STATE] = trial.state(study)
    tags["search.budget"] = f"[{proposal.budget.start},{proposal.budget.stop})"
    tags[OUTCOMES] = trial.ended
    if trial.network is not None:
        tags["search.network"] = chain(trial.network)
    if isinstance(outcome, Failed):
        tags |= {"search.error.kind": outcome.kind, "search.error.message": outcome.message}
    return tags


def _results(outcome: Outcome) -> dict[str, float]:
    if isinstance(outcome, Failed):
        return {"seconds": outcome.seconds}
    return {
        "score": outcome.score,
        "best_epoch": outcome.best_epoch,
        "seconds": outcome.seconds,
        "parameter_count": outcome.parameter_count,
    }


def outcome_point(
    outcome: Outcome, ends: Sequence[int], logarithms: Mapping[str, float] = MappingProxyType({})
) -> Point:
    """Return the outcome of a trial; `ends`: its `times`, `logarithms`: those of its parameters.

    At step 0: the MLflow UI draws metrics that have no other step as one bar per run.
    """
    last_epoch = outcome.epochs if isinstance(outcome, Completed) else outcome.at_epoch
    values = _results(outcome) | ({} if isinstance(outcome, Failed) else dict(logarithms))
    return Point(values, 0, ends[min(last_epoch, len(ends) - 1)])


def logarithms(header: StudyStarted, params: Params) -> dict[str, float]:
    """Return `log10_<parameter>` for ranges of two orders of magnitude or more.

    MLflow draws no logarithmic axis. The name without its layer's number counts too: `rate_2` is
    searched as `rate`.
    """
    wide = {
        str(parameter["name"])
        for parameter in header.space
        if parameter.get("log") and parameter["high"] >= 100 * parameter["low"]
    }
    return {
        f"log10_{name}": math.log10(value)
        for name, value in params.items()
        if (name in wide or re.sub(r"_\d+$", "", name) in wide)
        and isinstance(value, int | float)
        and value > 0
    }


def times(start_ms: int, trial: TrialRecord) -> list[int]:
    """When epoch k ended, at index k, if the trial trained without a pause from its start on."""
    times, seconds = [start_ms], 0.0
    for report in trial.curve:
        seconds += report.seconds
        times.append(start_ms + round(1000 * seconds))
    return times


class BestSoFar:
    """The best score over the outcomes, step n after the n-th; none before there is a score."""

    def __init__(self, record: StudyRecord) -> None:
        self._record = record
        self._steps = 0
        self._told: dict[str, int] = {}
        self._seconds = 0.0
        self._best: float | None = None

    def points(self) -> list[Point]:
        """Those of the outcomes since the last call."""
        points = []
        for trial in islice(self._record.told, self._steps, None):
            self._steps += 1
            self._take(trial)
            if self._best is not None:
                time_ms = self._record.header.created_ms + round(1000 * self._seconds)
                name = f"best_{self._record.objective.metric}"
                points.append(Point({name: self._best}, self._steps, time_ms))
        return points

    def _take(self, trial: TrialRecord) -> None:
        place = self._told.get(trial.trial, 0)
        self._told[trial.trial] = place + 1
        outcomes = trial.outcomes
        outcome = outcomes[place]
        # An outcome counts the seconds of all the trial's budgets: a promotion adds the rest.
        self._seconds += outcome.seconds - (outcomes[place - 1].seconds if place else 0.0)
        if isinstance(outcome, Completed | Pruned) and (
            self._best is None or self._record.objective.better(outcome.score, self._best)
        ):
            self._best = outcome.score


def leaderboard(record: StudyRecord, state: StudyState) -> str:
    """All trials as CSV, best first: one column per label and per parameter that occurs.

    Under cross-validation the spread over folds follows the score.
    """
    trials = ranked(record)
    labels = sorted({name for t in trials for name in t.proposal.labels})
    params = list(dict.fromkeys(name for trial in trials for name in trial.params))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    folds = ["spread"] if "cv" in record.header.config else []
    head = ["rank", "trial", "state", "score", *folds, "best_epoch", "epochs", "seconds"]
    writer.writerow([*head, *labels, *params])
    for rank, trial in enumerate(trials, start=1):
        row = [rank, trial.trial, trial.state(state), trial.score]
        row += [spread(record, trial) for _ in folds]
        row += [trial.best_epoch, len(trial.curve), round(trial.seconds, 3)]
        row += [trial.proposal.labels.get(name) for name in labels]
        writer.writerow([*row, *(trial.params.get(name) for name in params)])
    return text.getvalue()


def study_params(header: StudyStarted) -> dict[str, Any]:
    """What the study was asked for: settings and space; prefixed, as trials have params too."""
    params = {f"config.{name}": value for name, value in flat(header.config).items()}
    return params | {f"space.{p['name']}": in_words(p) for p in header.space}


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested JSON data as one level, names joined by dots; lists as JSON, empty values left out.

    >>> flat({"seed": 0, "sampler": None, "early": {"patience": 3}})
    {'seed': 0, 'early.patience': 3}
    """
    result: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{name}.")
        elif value is not None and value != []:
            result[prefix + name] = json.dumps(value) if isinstance(value, list) else value
    return result


def in_words(parameter: Mapping[str, Any]) -> str:
    """A parameter of the space in a line that fits a table.

    >>> in_words({"kind": "Int", "name": "layers", "low": 1, "high": 3, "per": "blocks"})
    'Int low=1 high=3 per=blocks'
    """
    rest = {k: v for k, v in parameter.items() if k not in ("kind", "name") and v is not False}
    words = (f"{k}={v}" if isinstance(v, str) else f"{k}={json.dumps(v)}" for k, v in rest.items())
    return " ".join([str(parameter["kind"]), *words])


def winner(record: StudyRecord) -> tuple[dict[str, Any], dict[str, float]]:
    """The tags and metrics of the parent run that say what the study came to.

    The winner may be another one after a resume: what is said of it are tags, which can change,
    and metrics, of which the latest counts; never params.
    """
    tags: dict[str, Any] = {}
    values = {"seconds": record.seconds, "epochs_trained": float(record.epochs_trained)}
    best = record.best()
    if best is not None and best.score is not None:
        tags = {"search.best.trial": best.trial}
        tags |= {f"search.best.{name}": value for name, value in best.params.items()}
        values["best_score"] = best.score
        tags |= verified_tags(record, best)
        if record.winner_evaluation is not None and record.winner_evaluation.trial == best.trial:
            values |= {
                _test_key(name): value for name, value in record.winner_evaluation.test.items()
            }
    return tags, values


def verified_tags(record: StudyRecord, trial: TrialRecord) -> dict[str, Any]:
    """Whether a trial's exported model is the one that was scored; nothing where not checked."""
    verified, reason = record.verified(trial)
    if verified is None and not reason:
        return {}
    words = {True: "true", False: "false", None: "not checked"}
    return {"search.best.verified": words[verified], "search.best.verified.reason": reason}


def _test_key(name: str) -> str:
    return name if name.startswith("test_") else f"test_{name}"
