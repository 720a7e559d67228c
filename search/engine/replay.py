"""Replay a journal: feed the recorded events to a backend, and compare its answers."""

from typing import Any

from search.engine.proposer import Proposer
from search.errors import ReplayDivergedError
from search.study.event_json import plain_answer
from search.study.events import Adopted, Asked, Entry, EpochRecorded, LimitsChanged, Told
from search.study.journal import Entries
from search.study.study_record import StudyRecord
from search.study.trial import Answer


def replay(entries: Entries, record: StudyRecord, proposer: Proposer) -> None:
    """Apply all entries of a journal to a new record and a new proposer.

    `record`: contains the header only. The backend is not asked for events before `Adopted`.

    Raises: ReplayDivergedError with the line of the event and the field that differs;
    JournalError when the entries are inconsistent.
    """
    first = entries.last(Adopted) or 0
    for index, entry in enumerate(entries):
        if index == 0:
            continue
        record.apply(entry)
        if index >= first:
            _feed(index + 1, entry, record, proposer)


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
        f"The backend does not repeat the journal: at line {line} {field} was {recorded!r} and is "
        f"now {got!r}. Continue with `resume --adopt`, which keeps every result (not bit-exact)."
    )
