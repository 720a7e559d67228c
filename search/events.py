"""The events a study is made of, and their form in the journal: one JSON object per event."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

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

FORMAT = 1


@dataclass(frozen=True, slots=True)
class StudyStarted:
    """The header: what the study is, and the digests that a resume is held to.

    `config`: the settings as JSON data. `space`: `Space.describe()` of the space as searched.
    `digests`: "problem", "data" and "settings". `versions`: of Python and the libraries, and
    "threads". `created_ms`: milliseconds since 1970, UTC.
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
    """The winner met the test data: metrics on them (empty where there are none); its export."""

    trial: str
    test: Metrics
    export: str


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


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and when it happened, in active seconds since the study's first start."""

    seconds: float
    event: Event


def encode(entry: Entry) -> str:
    """One line of the journal, without its line end.

    Raises: ValueError for a number that JSON has no word for (NaN, infinity).
    """
    event = entry.event
    data: dict[str, Any] = {"event": _WORDS[type(event)], "at": round(entry.seconds, 3)}
    if isinstance(event, Asked):
        data |= {"answer": plain_answer(event.answer)}
        if event.by_study:
            data["by_study"] = True
    elif isinstance(event, Reported):
        data |= asdict(event.report) | {"decision": event.decision.value}
    elif isinstance(event, Told):
        word = type(event.outcome).__name__.lower()
        data |= {"trial": event.trial, "outcome": word} | asdict(event.outcome)
    else:
        data |= asdict(event)
    return json.dumps(data, allow_nan=False, separators=(",", ":"))


def decode(line: str) -> Entry:
    """The entry that a line of the journal holds.

    Raises: JournalError when it is not one; NewerJournalError for a header of a newer format.
    """
    try:
        data = json.loads(line)
        word, seconds = data.pop("event"), float(data.pop("at"))
        return Entry(seconds, _event(word, data))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise JournalError(f"not a journal event: {line[:80]!r} ({error})") from error


def _event(word: str, data: dict[str, Any]) -> Event:
    if word == "ask":
        return Asked(_answer(data["answer"]), data.get("by_study", False))
    if word == "report":
        decision = Decision(data.pop("decision"))
        return Reported(EpochReport(**data), decision)
    if word == "tell":
        trial, kind = data.pop("trial"), _OUTCOMES[data.pop("outcome")]
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
    plain = asdict(answer) | {"budget": [answer.budget.start, answer.budget.stop]}
    return {name: value for name, value in plain.items() if value not in (None, False)}


def _answer(plain: Any) -> Answer:
    if plain == "wait":
        return Wait()
    if plain == "exhausted":
        return Exhausted()
    return Proposal(**plain | {"budget": Budget(*plain["budget"])})
