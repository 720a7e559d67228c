"""Status of a study as plain data for the page."""

from collections.abc import Mapping
from dataclasses import dataclass

from search.problem.objective import Objective
from search.study.eta import Pace
from search.study.leaderboard import gain, spread
from search.study.progress import Plan, constant_params, current, trials_done
from search.study.progress_text import brief_params_text, failure_text, labels_text
from search.study.study_record import StudyRecord, StudyState, TrialRecord
from search.study.trial import Failed


@dataclass(frozen=True, slots=True)
class Flight:
    """A running trial. `values`: the objective by epoch; `now`: the latest; `best`: the best."""

    trial: str
    place: str
    params: str
    epochs: int
    stop: int
    values: tuple[float, ...]
    now: float | None
    best: float | None


@dataclass(frozen=True, slots=True)
class Best:
    """The trial that would win if the study ended now."""

    trial: str
    score: float
    spread: float | None
    epoch: int
    params: str
    gain: float | None
    test: Mapping[str, float]
    verified: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Status of a study at one time.

    `entries`: number of journal entries read. `drawn`: number of the drawing of its figures.
    `left`: estimated seconds left; `speed`: epochs per second. Both are None when unknown, and for
    a study that is not running.
    """

    study: str
    problem: str
    backend: str
    seed: int
    objective: Objective
    meaning: str
    state: StudyState
    entries: int
    drawn: int
    elapsed: float
    left: float | None
    speed: float | None
    trials: tuple[int, int | None]
    epochs: tuple[int, int | None]
    best: Best | None
    failures: int
    latest_failure: str
    flights: tuple[Flight, ...]


def standing(
    record: StudyRecord,
    state: StudyState,
    plan: Plan,
    pace: Pace,
    failed: dict[str, Failed],
    drawn: int,
) -> Standing:
    """Return the status of a study. `failed`: failed trials in the order of their failures."""
    header, running = record.header, state == "running"
    latest = next(reversed(failed.items()), None) if failed else None
    constant = constant_params(record) if record.flying else set()
    return Standing(
        study=header.study,
        problem=header.problem,
        backend=header.backend,
        seed=header.seed,
        objective=record.objective,
        meaning=plan.epochs_meaning,
        state=state,
        entries=record.entries,
        drawn=drawn,
        elapsed=pace.elapsed() if running else record.seconds,
        left=pace.seconds_left(record, plan) if running else None,
        speed=pace.epochs_per_second() if running else None,
        trials=(trials_done(record), plan.trials),
        epochs=(record.epochs_trained, plan.epochs),
        best=_best(record),
        failures=len(failed),
        latest_failure=""
        if latest is None
        else f"trial {latest[0]} with {failure_text(latest[1])}",
        flights=tuple(_flight(record, trial, constant) for trial in record.pending),
    )


def _flight(record: StudyRecord, trial: TrialRecord, constant: set[str]) -> Flight:
    now, best = current(record, trial)
    return Flight(
        trial=trial.trial,
        place=labels_text(trial.proposal.labels),
        params=brief_params_text(trial.params, constant),
        epochs=len(trial.curve),
        stop=trial.stop_epoch,
        values=tuple(trial.values(record.objective.metric)),
        now=now,
        best=best,
    )


def _best(record: StudyRecord) -> Best | None:
    trial = record.best()
    if trial is None or trial.score is None or trial.best_epoch is None:
        return None
    verified, reason = record.verified(trial)
    return Best(
        trial=trial.trial,
        score=trial.score,
        spread=spread(record, trial),
        epoch=trial.best_epoch,
        params=brief_params_text(trial.params),
        gain=None if trial.is_baseline else gain(record),
        test=record.tested(trial),
        verified=verified,
        reason=reason,
    )
