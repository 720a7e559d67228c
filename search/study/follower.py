"""A study's record, kept up to date with its journal as that grows."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from search.errors import JournalError
from search.study.events import Entry
from search.study.study_record import StudyRecord, fold

_ALL = 2**63


class GrowingJournal(Protocol):
    """A journal that is read step by step, as `search.study.journal.Tail` does."""

    def until(self, number: int) -> Iterable[Entry]:
        """The entries after those of the last call, to the `number`-th of all."""
        ...


class Follower:
    """The record of a study up to the last entry that was read."""

    def __init__(self, journal: GrowingJournal) -> None:
        self._journal = journal
        self._record: StudyRecord | None = None

    @property
    def record(self) -> StudyRecord:
        """What has been read so far.

        Raises: JournalError before the header was read.
        """
        if self._record is None:
            raise JournalError("a journal must begin with its header; the file is empty or edited")
        return self._record

    def read(self, number: int = _ALL) -> Iterator[Entry]:
        """Yield the entries that have come since, to the `number`-th; each is in the record then.

        Raises: JournalError for a damaged line, or an entry that does not fit.
        """
        for entry in self._journal.until(number):
            if self._record is None:
                self._record = fold([entry])
            else:
                self._record.apply(entry)
            yield entry
