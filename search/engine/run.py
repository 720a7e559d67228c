"""Start and resume studies: connect problem, backend, trainer, journal and trackers."""

import importlib.metadata
import platform
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from search.backends import registry
from search.data.parts import Data
from search.engine.coordinator import Coordinator
from search.engine.final_evaluation import evaluate_winner
from search.engine.proposer import Proposer
from search.engine.reopen import (
    digests,
    refuse_changes,
    refuse_direction,
    refuse_other_name,
    rules_to_adopt,
)
from search.engine.replay import replay
from search.engine.resolve import ResolvedStudy, resolve
from search.engine.worker_setup import THREADS
from search.engine.workers import ALONE, StartedWorkers, WorkerSpec
from search.errors import (
    SearchWarning,
    StudyInterrupted,
    StudyLockedError,
    UsageError,
)
from search.export.base import Exported
from search.problem.pickling import PickledProblem
from search.runtime.clock import Clock, wall_time_ms
from search.runtime.folders import sweep
from search.study import printed_commands
from search.study.config import StudyConfig, from_plain
from search.study.events import Entry, LimitsChanged, StudyStarted
from search.study.journal import Entries, Journal
from search.study.rules import LATEST_RULES
from search.study.store import Store
from search.study.study_record import StudyRecord, fold
from search.trackers.base import FirstEpoch, Tracker
from search.trackers.dispatcher import TrackerDispatcher

LIBRARIES = (
    *("keras-hyperparameter-search", "keras", "tensorflow", "numpy"),
    *("keras-tuner", "optuna", "scikit-learn", "scipy"),
)
OPTIONAL = ("hyperopt", "scikit-optimize")

_WORKERS = "workers"
LOADING = "loading TensorFlow and the data ..."

MakeTrackers = Callable[[ResolvedStudy, LimitsChanged], Sequence[Tracker]]


@dataclass(frozen=True, slots=True)
class RunContext:
    """Environment of a study: store, data folder, trackers, clock and workers.

    `say`: function for messages on slow steps before the study runs. `pickled`: the problem, if it
    was given from Python. `keep_going`: continue when the first trials fail with the same error.
    """

    store: Store
    data_dir: Path | None
    trackers: MakeTrackers
    clock: Clock
    worker_spec: WorkerSpec = ALONE
    say: Callable[[str], None] = lambda _: None
    pickled: PickledProblem | None = None
    keep_going: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a run or a resume. `exported`: None without an exported winner."""

    record: StudyRecord
    exported: Exported | None


def versions(worker_spec: WorkerSpec) -> dict[str, str]:
    """Return the versions of Python and of libraries that affect results, threads and workers."""
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    for name in OPTIONAL:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    own = {"threads": str(THREADS), _WORKERS: worker_spec.size}
    return {"python": platform.python_version(), **found, **own}


def start(config: StudyConfig, context: RunContext) -> Result:
    """Run a new study to its end.

    Raises: UsageError for invalid settings or a name in use; SearchError for data that cannot be
    loaded or a journal that cannot be written; StudyInterrupted after Ctrl-C, when journal and
    trackers are closed.
    """
    setup = resolve(config, context.pickled, data_dir=context.data_dir)
    registry.require(config.backend)
    limit = setup.limit(config.trials, config.seconds)
    if config.study is not None and context.store.journal(config.study).exists():
        raise _taken(config.study, context.store)
    context = replace(context, worker_spec=context.worker_spec.sized())
    with ExitStack() as ending:
        # first, because workers take seconds to load, which they do while this process loads
        worker_spec = ending.enter_context(
            context.worker_spec.start_workers(setup, context.data_dir, context.clock)
        )
        proposer = setup.proposer()
        proposer.limit(limit.trials)
        context.say(LOADING)
        data = worker_spec.load()
        journal, first = _begun(setup, data, limit, context)
        ending.enter_context(journal)
        _sweep_exports(context.store, journal.path.stem)
        return _Run(setup, context, worker_spec, data, journal, fold(first), proposer).to_the_end()


def _sweep_exports(store: Store, study: str) -> None:
    """Delete temporary files of killed exports. The caller holds the lock of the study."""
    sweep(store.exports, study, earlier=True)
    sweep(store.exports)


def _begun(
    setup: ResolvedStudy, data: Data, limit: LimitsChanged, context: RunContext
) -> tuple[Journal, list[Entry]]:
    """Create the journal of a new study, with the user's name or a free one."""
    store = context.store
    while True:
        chosen = setup.config.study
        name = chosen or store.free_name(f"{setup.problem.name}-{setup.config.backend}")
        first = [Entry(0.0, _header(name, setup, data, context.worker_spec)), Entry(0.0, limit)]
        try:
            return Journal.create(store.journal(name), first), first
        except (FileExistsError, StudyLockedError):
            # another process has just taken the free name: try the next one
            if chosen is not None:
                raise _taken(chosen, store) from None


def resume(
    name: str,
    context: RunContext,
    *,
    trials: int | None = None,
    seconds: float | None = None,
    adopt: bool = False,
) -> Result:
    """Continue a study from its journal. `trials` and `seconds` are new limits.

    `adopt`: do not replay the backend, but continue with a new one that gets the known results.

    Raises: as `start`; StudyChangedError when problem, data or settings differ from the header, or
    its rules are unknown; StudyLockedError when another process runs the study;
    ReplayDivergedError when the backend does not repeat its recorded answers.
    """
    journal, entries = Journal.reopen(context.store.existing(name))
    with ExitStack() as ending:
        ending.enter_context(journal)
        _sweep_exports(context.store, name)
        raised = _raised(entries, trials, seconds)
        record = fold(islice(entries, 1))
        refuse_other_name(record.header, name)
        rules = rules_to_adopt(record.header, entries, adopt=adopt)
        config = from_plain(record.header.config)
        setup = resolve(config, context.pickled, data_dir=context.data_dir)
        refuse_direction(record.header, setup)
        registry.require(record.header.backend)
        recorded = record.header.versions.get(_WORKERS)
        context = replace(context, worker_spec=context.worker_spec.sized(recorded))
        worker_spec = ending.enter_context(
            context.worker_spec.start_workers(setup, context.data_dir, context.clock)
        )
        proposer = setup.proposer()
        context.say(LOADING)
        data = worker_spec.load()
        refuse_changes(record.header, setup, data)
        _warn_of_versions(record.header, context.worker_spec)
        if adopt:
            record = fold(entries)
        else:
            replay(entries, record, proposer)
        run = _Run(setup, context, worker_spec, data, journal, record, proposer)
        return run.to_the_end(raised, adopt=adopt, rules=rules)


@dataclass(frozen=True, slots=True)
class _Run:
    """A running study in this process."""

    setup: ResolvedStudy
    context: RunContext
    worker_spec: StartedWorkers
    data: Data
    journal: Journal
    record: StudyRecord
    proposer: Proposer

    def to_the_end(
        self, raised: LimitsChanged | None = None, *, adopt: bool = False, rules: int | None = None
    ) -> Result:
        header, store = self.record.header, self.context.store
        if rules is not None:
            header = replace(header, rules=rules)
        name, checkpoints = header.study, store.checkpoints(header.study)
        trainer = self.worker_spec.trainer(self.data, header, checkpoints)
        trackers = self.context.trackers(self.setup, raised or self.record.limit)
        trackers = [*trackers, FirstEpoch(self.worker_spec.fresh.start)]
        tracker = TrackerDispatcher(
            trackers, partial(printed_commands.rebuild_command, store=store)
        )
        executor = self.worker_spec.executor(
            trainer, header, checkpoints, waits=self.proposer.prunes
        )
        coordinator = Coordinator(
            record=self.record,
            journal=self.journal,
            proposer=self.proposer,
            executor=executor,
            tracker=tracker,
            clock=self.context.clock,
            baseline=self.setup.baseline(),
            keep_going=self.context.keep_going,
        )
        exported = None
        try:
            if raised is not None:
                coordinator.extend(raised)
            if adopt:
                coordinator.adopt(versions(self.context.worker_spec), rules)
            coordinator.run()
            check = self.worker_spec.model_check(header)
            folder = store.export(name)
            exported = evaluate_winner(self.record, coordinator, trainer, self.data, folder, check)
        except KeyboardInterrupt:
            coordinator.interrupt()
            raise StudyInterrupted(name) from None
        finally:
            tracker.end_study(self.record, exported)
            executor.close()
            trainer.put_back()
        return Result(self.record, exported)


def _header(name: str, setup: ResolvedStudy, data: Data, worker_spec: WorkerSpec) -> StudyStarted:
    return StudyStarted(
        study=name,
        problem=setup.problem.name,
        backend=setup.config.backend,
        seed=setup.config.seed,
        objective=setup.problem.objective,
        config=setup.config.plain() | {"ceiling": setup.settings.max_epochs},
        space=setup.space.describe(),
        digests=digests(setup, data),
        versions=versions(worker_spec),
        created_ms=wall_time_ms(),
        rules=LATEST_RULES,
    )


def _warn_of_versions(header: StudyStarted, worker_spec: WorkerSpec) -> None:
    now = versions(worker_spec)
    changed = [
        f"{name} {old} -> {now.get(name, 'none')}"
        for name, old in header.versions.items()
        # only a study with one worker is reproducible, so only then the number matters
        if now.get(name) != old and (name != _WORKERS or old == "1")
    ]
    if changed:
        warnings.warn(
            f"versions differ from the start of the study ({', '.join(changed)}); results from "
            "now on may differ",
            SearchWarning,
            stacklevel=2,
        )


def _raised(entries: Entries, trials: int | None, seconds: float | None) -> LimitsChanged | None:
    """Return the new limits; None when the user gives none.

    A limit that is not given is removed: with `--time 10m`, the number of trials is not limited.
    """
    if trials is None and seconds is None:
        return None
    record = fold(entries)
    if trials is not None and trials < len(record.trials):
        raise UsageError(
            f"--trials {trials} is less than the {len(record.trials)} trials of the study. Set "
            f"--trials to {len(record.trials)} or more."
        )
    if seconds is not None and seconds <= record.seconds:
        raise UsageError(
            f"The time limit of {seconds:g} s (--time) has passed: the study has already run for "
            f"{record.seconds:.0f} s, and the limit counts from the start of the study. Set a "
            "larger --time."
        )
    return LimitsChanged(trials, seconds)


def _taken(name: str, store: Store) -> UsageError:
    return UsageError(
        f"Study {name} already exists. Continue it with "
        f"`{printed_commands.resume_command(name, store)}` (in Python: resume=True), or choose "
        "another name for --study."
    )
