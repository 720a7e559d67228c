"""What several tests need: a study in memory, with a scripted backend and simulated training."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from search.backends.base import Backend, Known
from search.engine.coordinator import Baseline, Coordinator
from search.engine.proposer import Proposer
from search.engine.replay import replay
from search.errors import SearchError
from search.executors.simulated import SimulatedExecutor, VirtualClock
from search.problem.objective import Objective
from search.space.parameters import Choice, Float, Int, Params
from search.space.space import Space, key
from search.study import journal as journals
from search.study.events import FORMAT, Entry, Event, LimitsChanged, StudyStarted
from search.study.journal import Journal
from search.study.journal_lines import JournalLines
from search.study.study_record import StudyRecord, fold
from search.study.trial import Budget, Task
from search.trackers.base import Tracker
from search.trackers.dispatcher import TrackerDispatcher
from search.trackers.memory import MemoryTracker

SPACE = Space(
    Int("layers", 1, 3),
    Int("neurons", 8, 64, log=True, levels=(8, 64), per="layers", shapes=("same", "free")),
    Choice("optimizer", ("sgd", "momentum", "adam")),
    Float("learning_rate", 1e-4, 1e-1, log=True, levels=3),
    Float("momentum", 0.1, 0.9, levels=2, when={"optimizer": "momentum"}),
)
OBJECTIVE = Objective("val_accuracy", "max")
BASELINE = Baseline(
    {"layers": 1, "neurons_1": 32, "optimizer": "sgd", "learning_rate": 0.01}, Budget(0, 9)
)


def accuracy(params: Params, epoch: int) -> dict[str, float]:
    """A made-up learning curve: different for every configuration, rising and then level."""
    text = key(params).encode()
    quality = int.from_bytes(hashlib.sha256(text).digest()[:2], "big") / 65536
    return {
        "loss": round(2.0 / epoch, 6),
        "val_accuracy": round(0.5 + 0.4 * quality * (1 - 0.6**epoch), 6),
    }


def header(backend: str = "scripted", *, seed: int = 0) -> StudyStarted:
    return StudyStarted(
        study="a-study",
        problem="toy",
        backend=backend,
        seed=seed,
        objective=OBJECTIVE,
        config={"problem": "toy", "backend": backend},
        space=SPACE.describe(),
        digests={"problem": "p", "data": "d", "settings": "s"},
        versions={"python": "3.11"},
        created_ms=1,
    )


@dataclass
class Kill(BaseException):
    """What a killed process looks like from inside: nothing after it runs."""


class MortalJournal:
    """A journal that dies after a number of appends, as a SIGKILL between two events would."""

    def __init__(self, journal: Journal, appends: int | None) -> None:
        self._journal = journal
        self._left = appends

    def append(self, entry: Entry) -> None:
        if self._left == 0:
            self._journal.commit()  # of a group the first events may reach the disk alone
            raise Kill
        if self._left is not None:
            self._left -= 1
        self._journal.append(entry)

    def commit(self) -> None:
        self._journal.commit()


def journal_texts(path: Path) -> list[str]:
    """The lines of a journal of the present format, without their numbers and checksums."""
    lines = JournalLines(FORMAT)
    return [lines.decode(line) for line in path.read_bytes().splitlines(keepends=True)]


def write_journal(path: Path, texts: Iterable[str]) -> None:
    """Write a journal of the present format with valid numbers and checksums."""
    lines = JournalLines(FORMAT)
    path.write_bytes(b"".join(map(lines.encode, texts)))


class RememberingExecutor(SimulatedExecutor):
    """Keeps the tasks it was given, in order."""

    def __init__(self, *arguments, **named) -> None:
        super().__init__(*arguments, **named)
        self.submitted: list[Task] = []

    def submit(self, task: Task) -> None:
        self.submitted.append(task)
        super().submit(task)


@dataclass
class SimulatedStudy:
    """A study of the backend of `make` on the made-up problem, journaled at `path`."""

    path: Path
    make: Callable[[Iterable[Known]], Backend]
    limit: LimitsChanged
    slots: int = 1
    baseline: Baseline | None = BASELINE
    metrics: Callable[[Params, int], dict[str, float]] = accuracy
    losses: dict[str, int] = field(default_factory=dict)
    tracker: Tracker = field(default_factory=MemoryTracker)
    executor: RememberingExecutor | None = None
    keep_going: bool = False

    def start(self, *, dies_after: int | None = None) -> StudyRecord:
        first = [Entry(0.0, header()), Entry(0.0, self.limit)]
        proposer = self._proposer()
        proposer.limit(self.limit.trials)
        with Journal.create(self.path, first) as journal:
            return self._run(fold(first), proposer, journal, dies_after)

    def resume(
        self,
        *,
        dies_after: int | None = None,
        raised: LimitsChanged | None = None,
        adopt: bool = False,
    ) -> StudyRecord:
        journal, entries = Journal.reopen(self.path)
        with journal:
            record = fold(islice(entries, 1))
            proposer = self._proposer()
            if adopt:
                record = fold(entries)
            else:
                replay(entries, record, proposer)
            return self._run(record, proposer, journal, dies_after, raised, adopt)

    def events(self) -> list[Event]:
        return [entry.event for entry in journals.read(self.path)]

    def _proposer(self) -> Proposer:
        return Proposer(self.make, None if self.baseline is None else self.baseline.params)

    def _run(
        self,
        record: StudyRecord,
        proposer: Proposer,
        journal: Journal,
        dies_after: int | None,
        raised: LimitsChanged | None = None,
        adopt: bool = False,
    ) -> StudyRecord:
        clock = VirtualClock()
        self.executor = RememberingExecutor(
            OBJECTIVE, self.metrics, clock, slots=self.slots, losses=self.losses
        )
        coordinator = Coordinator(
            record=record,
            journal=MortalJournal(journal, dies_after),
            proposer=proposer,
            executor=self.executor,
            tracker=TrackerDispatcher([self.tracker]),
            clock=clock,
            baseline=self.baseline,
            keep_going=self.keep_going,
        )
        if raised is not None:
            coordinator.extend(raised)
        if adopt:
            coordinator.adopt({"python": "3.99"})
        try:
            coordinator.run()
        except Kill:
            return record
        except SearchError:
            raise
        return record
