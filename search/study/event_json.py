"""Events as lines of JSON, one per event; values that are read are checked by type and range."""

import functools
import json
from dataclasses import MISSING, asdict, fields
from math import isfinite
from typing import Any, NoReturn, TypeVar

from search.errors import JournalError, NewerJournalError
from search.problem.objective import Objective
from search.study import architecture as networks
from search.study.event_checks import (
    IMPOSSIBLE,
    MOST_EPOCHS,
    check_fields,
    epochs,
    flag,
    is_finite,
    seconds,
    text,
)
from search.study.events import (
    FORMAT,
    Adopted,
    Asked,
    Entry,
    EpochRecorded,
    Event,
    LimitsChanged,
    Stopped,
    StudyStarted,
    Told,
    WinnerEvaluated,
)
from search.study.trial import (
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

_T = TypeVar("_T")

_KINDS: dict[str, type[Event]] = {
    "study": StudyStarted,
    "limit": LimitsChanged,
    "ask": Asked,
    "report": EpochRecorded,
    "tell": Told,
    "adopt": Adopted,
    "stop": Stopped,
    "judge": WinnerEvaluated,
}
_WORDS = {kind: word for word, kind in _KINDS.items()}
_OUTCOMES: dict[str, type[Outcome]] = {"completed": Completed, "pruned": Pruned, "failed": Failed}
_OUTCOME_WORDS = {kind: word for word, kind in _OUTCOMES.items()}
_OUTCOME_FIELDS = {
    kind: [(field.name, field.default) for field in fields(kind)] for kind in _OUTCOME_WORDS
}
_NETWORK = "network"
_EVENT_DEFAULTS = {
    kind: {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    for kind in _WORDS
    if kind is not StudyStarted
}
_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def encode(entry: Entry, format: int = FORMAT) -> str:
    """Return the JSON text of an event, without the number and checksum of its line.

    An object with the event's name under "event" and its time under "at"; but for a report, of
    which there are most, an array: trial, epoch, metrics, seconds, time, and "stop" where that was
    the decision. In `format` 1 a report is an object too.

    Raises: ValueError for a number that JSON has no word for (NaN, infinity).
    """
    event = entry.event
    at = round(entry.seconds, 3)
    data: dict[str, Any]
    if isinstance(event, EpochRecorded):
        report = event.report
        if format == 1:
            data = {"event": "report", "at": at} | asdict(report)
            return _JSON.encode(data | {"decision": event.decision.value})
        stop = "" if event.decision is Decision.CONTINUE else ',"stop"'
        metrics = ",".join(
            f"{_quoted(name)}:{_number(value)}" for name, value in report.metrics.items()
        )
        took = _number(report.seconds)
        return f"[{_quoted(report.trial)},{report.epoch},{{{metrics}}},{took},{at}{stop}]"
    data = {"event": _WORDS[type(event)], "at": at}
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
        defaults = _EVENT_DEFAULTS.get(type(event), {})
        data |= {
            name: value
            for name, value in asdict(event).items()
            if name not in defaults or value != defaults[name]
        }
    return _JSON.encode(data)


@functools.lru_cache(maxsize=1024)  # the names of metrics, and the trials that are running
def _quoted(text: str) -> str:
    return _JSON.encode(text)


def _number(value: float) -> str:
    """Return a number as JSON writes it; most numbers are floats, and `repr` is faster."""
    return repr(value) if type(value) is float and isfinite(value) else _JSON.encode(value)


def beginning(kind: type[Event]) -> bytes:
    """Return how a line with an event of this kind begins (reports are arrays, and excluded)."""
    return f'{{"event":"{_WORDS[kind]}",'.encode()


def format_of(line: str) -> int:
    """Return the format of the journal whose first line this is.

    Raises: JournalError when the line is no header; NewerJournalError when the format is not known.
    """
    header = _parsed(line)
    if not isinstance(header, dict) or header.get("event") != "study":
        raise JournalError(f"a journal must begin with its header, got {line[:80]!r}")
    return _known_format(header.get("format"))


def decode(line: str) -> Entry:
    """Return the entry that a line of the journal holds, with all values checked.

    Raises: JournalError when it holds none; NewerJournalError for a header of a newer format.
    """
    data = _parsed(line)
    try:
        return _entry(data)
    except NewerJournalError:
        raise
    except IMPOSSIBLE as error:
        missing = "missing " if isinstance(error, KeyError) else ""
        raise JournalError(f"not a journal event: {line[:80]!r} ({missing}{error})") from error


def _known_format(found: Any) -> int:
    if type(found) is not int or found < 1:
        raise JournalError(f"its format must be a number from 1 to {FORMAT}, got {found!r}")
    if found > FORMAT:
        raise NewerJournalError(
            f"its format must be {FORMAT} at most, got {found}: it was written by a newer version; "
            "upgrade"
        )
    return found


def _parsed(line: str) -> Any:
    try:
        return _DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        raise JournalError(f"not JSON: {line[:80]!r} ({error})") from error


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of a journal")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _entry(data: Any) -> Entry:
    if isinstance(data, list):
        trial, epoch, metrics, took, at, *stop = data
        decision = Decision.STOP if stop == ["stop"] else Decision.CONTINUE
        if stop and decision is Decision.CONTINUE:
            raise ValueError(f"a report must end with its time or with 'stop', got {stop}")
        return Entry(_at(at), EpochRecorded(_report(trial, epoch, metrics, took), decision))
    word, at = data.pop("event"), data.pop("at")
    return Entry(_at(at), _event(word, data))


def _at(value: Any) -> float:
    seconds(value)
    return float(value)


def _report(trial: Any, epoch: Any, metrics: Any, took: Any) -> EpochReport:
    """Return a report; written out, as there are more of them than of all else."""
    if type(trial) is not str or type(epoch) is not int or not 1 <= epoch <= MOST_EPOCHS:
        raise ValueError("a report must begin with its trial and its epoch")
    if not (type(metrics) is dict and all(map(is_finite, metrics.values()))):
        raise ValueError("the metrics of a report must be finite numbers")
    seconds(took)
    return EpochReport(trial, epoch, metrics, took)


def _event(word: str, data: dict[str, Any]) -> Event:
    if word == "ask":
        by_study = data.pop("by_study", False)
        flag(by_study)
        return Asked(_answer(**data), by_study)
    if word == "report":  # of format 1
        decision = Decision(data.pop("decision"))
        fields_of_report = (data.pop(name) for name in ("trial", "epoch", "metrics", "seconds"))
        return EpochRecorded(_report(*fields_of_report), decision, **data)
    if word == "tell":
        trial, kind = data.pop("trial"), _OUTCOMES[data.pop("outcome")]
        text(trial)
        if _NETWORK in data:
            data[_NETWORK] = networks.from_plain(data[_NETWORK])
        return Told(trial, _made(kind, data))
    if word == "study":
        _known_format(data["format"])  # before the fields, which may be others by then
        data["objective"] = _made(Objective, data["objective"])
    return _made(_KINDS[word], data)


def _made(kind: type[_T], data: dict[str, Any]) -> _T:
    check_fields(kind, data)
    return kind(**data)


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


def _answer(answer: Any) -> Answer:
    if answer == "wait":
        return Wait()
    if answer == "exhausted":
        return Exhausted()
    start, stop = answer["budget"]
    epochs(start)
    epochs(stop)
    return _made(Proposal, answer | {"budget": Budget(start, stop)})
