"""Resume: a backend is fed the recorded events, and must answer as it did when they were new."""

from typing import Any

from search.engine.proposer import Proposer
from search.errors import ReplayDivergedError
from search.study.event_json import plain_answer
from search.study.events import Adopted, Asked, Entry, EpochRecorded, LimitsChanged, Told
from search.study.journal import Entries
from search.study.study_record import StudyRecord
from search.study.trial import Answer


def replay(entries: Entries, record: StudyRecord, proposer: Proposer) -> None:
    """Bring a fresh record (of the header) and a fresh proposer to where the entries end.

    `entries`: of the whole journal. What came before an `Adopted` event is not asked again.

    Raises: ReplayDivergedError with the line of the event and the field that differs;
    JournalError when the entries do not fit each other.
    """
    first = entries.last(Adopted) or 0
    for place, entry in enumerate(entries):
        if place == 0:
            continue
        record.apply(entry)
        if place >= first:
            _feed(place + 1, entry, record, proposer)


def _feed(line: int, entry: Entry, record: StudyRecord, proposer: Proposer) -> None:
    event = entry.event
    if isinstance(event, Adopted):
        proposer.adopt(record)
    elif isinstance(event, LimitsChanged):
        proposer.limit(event.trials)
    elif isinstance(event, Asked) and not event.by_study:
        _compare(line, event.answer, proposer.ask())
    elif isinstance(event, EpochRecorded):
        decision = proposer.report(event.report)
        if decision is not event.decision:
            raise _diverged(line, "decision", event.decision.value, decision.value)
    elif isinstance(event, Told):
        proposer.tell(event.trial, event.outcome)


def _compare(line: int, recorded: Answer, got: Answer) -> None:
    old, new = plain_answer(recorded), plain_answer(got)
    if isinstance(old, str) or isinstance(new, str):
        if old != new:
            raise _diverged(line, "answer", old, new)
        return
    for field in sorted({*old, *new}):
        if old.get(field) != new.get(field):
            raise _diverged(line, field, old.get(field), new.get(field))


def _diverged(line: int, field: str, recorded: Any, got: Any) -> ReplayDivergedError:
    return ReplayDivergedError(
        f"replay must repeat the journal, but at line {line} {field} was {recorded!r} and is now "
        f"{got!r}; go on with `resume --adopt`, which keeps every result but is not bit-exact"
    )
