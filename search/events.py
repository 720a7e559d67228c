"""The events a study is made of, and their form in the journal: one line of JSON per event."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, TypeAlias

from search import network as networks
from search.errors import JournalError, NewerJournalError
from search.objective import Metrics, Objective
from search.trial import (
    Answer,
    Budget,
    Completed,
    Decision,
    EpochReport,
    Exhausted,
    Failed,
    Outcome,
    Proposal,
    Pruned,
    Wait,
)

# 2: a report is an array, and fields that have their default are left out. 1 is read too.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class StudyStarted:
    """The header: what the study is, and the digests that a resume is held to.

    `config`: the settings as JSON data. `space`: `Space.describe()` of the space as searched.
    `digests`: "problem", "data" and "settings". `versions`: of Python and the libraries, and
    "threads". `created_ms`: milliseconds since 1970, UTC. `rules`: see `search.study_rules`.
    """

    study: str
    problem: str
    backend: str
    seed: int
    objective: Objective
    config: Mapping[str, Any]
    space: list[dict[str, Any]]
    digests: Mapping[str, str]
    versions: Mapping[str, str]
    created_ms: int
    format: int = FORMAT
    rules: int = 1

    @property
    def identity(self) -> str:
        """What tells this study from any other, an earlier one of the same name included."""
        return f"{self.study}@{self.created_ms}"


@dataclass(frozen=True, slots=True)
class Limited:
    """The caps from here on: trials in all, and active seconds in all (None: no cap)."""

    trials: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an ask was answered; `by_study` marks the baseline, which no backend proposes."""

    answer: Answer
    by_study: bool = False


@dataclass(frozen=True, slots=True)
class Reported:
    """One epoch of one trial, and what the backend decided."""

    report: EpochReport
    decision: Decision


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a trial's last proposal."""

    trial: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Adopted:
    """From here on a new backend proposes; it knows what was recorded, and replays what follows."""

    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stopped:
    """The study stopped: "exhausted", "time", "interrupted" or "failed"; a resume may follow."""

    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The winner met the test data: metrics on them (empty where there are none); its export.

    `export` is empty where none could be written. `verified`: whether the exported model, loaded in
    a new process, gave the recorded scores on the validation data; None where that was not checked.
    `reason`: why not, or what was compared in place of the objective.
    """

    trial: str
    test: Metrics
    export: str
    verified: bool | None = None
    reason: str = ""


Event: TypeAlias = StudyStarted | Limited | Asked | Reported | Told | Adopted | Stopped | Judged

_KINDS: dict[str, type[Event]] = {
    "study": StudyStarted,
    "limit": Limited,
    "ask": Asked,
    "report": Reported,
    "tell": Told,
    "adopt": Adopted,
    "stop": Stopped,
    "judge": Judged,
}
_WORDS = {kind: word for word, kind in _KINDS.items()}
_OUTCOMES: dict[str, type[Outcome]] = {"completed": Completed, "pruned": Pruned, "failed": Failed}
_OUTCOME_WORDS = {kind: word for word, kind in _OUTCOMES.items()}
_OUTCOME_FIELDS = {
    kind: [(field.name, field.default) for field in fields(kind)] for kind in _OUTCOME_WORDS
}
_NETWORK = "network"
_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and when it happened, in active seconds since the study's first start."""

    seconds: float
    event: Event


def encode(entry: Entry) -> str:
    """One line of the journal, without its line end.

    An object with the event's name under "event" and its time under "at"; but for a report, of
    which there are most, an array: trial, epoch, metrics, seconds, time, and "stop" where that was
    the decision.

    Raises: ValueError for a number that JSON has no word for (NaN, infinity).
    """
    event = entry.event
    at = round(entry.seconds, 3)
    if isinstance(event, Reported):
        report = event.report
        row = [report.trial, report.epoch, dict(report.metrics), report.seconds, at]
        return _JSON.encode(row if event.decision is Decision.CONTINUE else [*row, "stop"])
    data: dict[str, Any] = {"event": _WORDS[type(event)], "at": at}
    if isinstance(event, Asked):
        data["answer"] = plain_answer(event.answer)
        if event.by_study:
            data["by_study"] = True
    elif isinstance(event, Told):
        outcome = event.outcome
        data |= {"trial": event.trial, "outcome": _OUTCOME_WORDS[type(outcome)]}
        for name, default in _OUTCOME_FIELDS[type(outcome)]:
            value = getattr(outcome, name)
            if default is MISSING or value != default:
                data[name] = networks.plain(value) if name == _NETWORK else value
    else:
        data |= asdict(event)
        if isinstance(event, Judged) and event.verified is None and not event.reason:
            del data["verified"], data["reason"]  # as in older journals
    return _JSON.encode(data)


def beginning(kind: type[Event]) -> bytes:
    """How a line with an event of this kind begins (reports, which are arrays, aside)."""
    return f'{{"event":"{_WORDS[kind]}",'.encode()


def decode(line: str) -> Entry:
    """The entry that a line of the journal holds.

    Raises: JournalError when it is not one; NewerJournalError for a header of a newer format.
    """
    try:
        data = json.loads(line)
        if isinstance(data, list):
            trial, epoch, metrics, took, at, *stop = data
            report = EpochReport(trial, epoch, metrics, took)
            return Entry(float(at), Reported(report, Decision(*stop or ["continue"])))
        word, seconds = data.pop("event"), float(data.pop("at"))
        return Entry(seconds, _event(word, data))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise JournalError(f"not a journal event: {line[:80]!r} ({error})") from error


def _event(word: str, data: dict[str, Any]) -> Event:
    if word == "ask":
        return Asked(_answer(data["answer"]), data.get("by_study", False))
    if word == "report":  # of format 1
        decision = Decision(data.pop("decision"))
        return Reported(EpochReport(**data), decision)
    if word == "tell":
        trial, kind = data.pop("trial"), _OUTCOMES[data.pop("outcome")]
        if _NETWORK in data:
            data[_NETWORK] = networks.from_plain(data[_NETWORK])
        return Told(trial, kind(**data))
    if word == "study":
        if data["format"] > FORMAT:  # before the fields, which may be others by then
            raise NewerJournalError(
                f"its format must be {FORMAT} at most, got {data['format']}: it was written by a "
                "newer version; upgrade"
            )
        data["objective"] = Objective(**data["objective"])
    return _KINDS[word](**data)


def plain_answer(answer: Answer) -> Any:
    """The JSON form of an answer: a word, or an object without the fields that say nothing."""
    if isinstance(answer, Wait):
        return "wait"
    if isinstance(answer, Exhausted):
        return "exhausted"
    budget = answer.budget
    plain: dict[str, Any] = {
        "trial": answer.trial,
        "params": dict(answer.params),
        "budget": [budget.start, budget.stop],
    }
    if answer.labels:
        plain["labels"] = dict(answer.labels)
    if answer.may_continue:
        plain["may_continue"] = True
    return plain


def _answer(plain: Any) -> Answer:
    if plain == "wait":
        return Wait()
    if plain == "exhausted":
        return Exhausted()
    return Proposal(**plain | {"budget": Budget(*plain["budget"])})
