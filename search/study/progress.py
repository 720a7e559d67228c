"""How far a running study is: its plan, and the trials worth showing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.study.journal_lock import writer
from search.study.study_record import StudyRecord, StudyState, TrialRecord


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a study; None for a number that is unknown.

    `trials` and `epochs`: in all, the baseline's and those already recorded included; `epochs` as
    if no trial ended early. `seconds`: active time in all. `epochs_meaning`: what epochs are under
    this backend ("the budget, at most 9").
    """

    trials: int | None
    epochs: int | None
    seconds: float | None
    epochs_meaning: str


def trials_done(study: StudyRecord) -> int:
    """How many trials wait for no outcome (one that is promoted later counts again then)."""
    return len(study.trials) - len(study.pending)


def shown_trials(
    study: StudyRecord, best: TrialRecord | None, ended: Sequence[str], most: int
) -> list[TrialRecord]:
    """The trials worth a row, at most `most`: the best, the latest, then those in flight.

    `best`: what `study.best()` says. `ended`: the names of the trials that are not in flight, the
    latest first.
    """
    flying = study.pending[-max(1, most - 4) :]
    room = most - len(flying)
    rest = [study.trials[name] for name in ended]
    scored = [
        (trial is not best, study.objective.sort_key(score), place)
        for place, trial in enumerate(rest)
        if (score := trial.score) is not None
    ]
    top = [rest[place] for _, _, place in sorted(scored)[: min(3, room)]]
    latest = [trial for trial in rest if trial not in top][: room - len(top)]
    return [*top, *reversed(latest), *flying]


def leader(study: StudyRecord, best: TrialRecord | None) -> TrialRecord | None:
    """The trial with the best score, at any budget; `best` among equals."""
    ahead = study.ahead()
    return best if best is not None and ahead is not None and best.score == ahead.score else ahead


def current(study: StudyRecord, trial: TrialRecord) -> tuple[float | None, float | None]:
    """The objective after the trial's last epoch, and its best so far."""
    values = trial.values(study.objective.metric)
    if not values:
        return None, None
    return values[-1], values[study.objective.best_epoch(values) - 1]


def constant_params(study: StudyRecord) -> set[str]:
    """The parameters that have been equal in all trials so far, where there are several trials."""
    params = [trial.params for trial in study.trials.values()]
    if len(params) < 2:
        return set()
    first = params[0]
    return {n for n in first if all(n in other and other[n] == first[n] for other in params)}


def state_on_disk(study: StudyRecord, journal: Path) -> StudyState:
    """The study's state by its journal and by whether a process writes it."""
    state = study.state
    return final_state(study) if state == "running" and writer(journal) is None else state


def final_state(study: StudyRecord) -> StudyState:
    """The study's state once this process has left it: one that never stopped was cut off."""
    return "interrupted" if study.state == "running" else study.state
