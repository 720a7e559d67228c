"""Real worker processes: the contract, and what happens when they die, hang, eat or lie."""

import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from search.errors import DataError, SearchError, SearchWarning
from search.executors._processes_pool import local
from search.executors._processes_server import CHILD
from search.executors._processes_started import process_server
from search.executors.base import EpochDone, Finished, Lost
from search.executors.processes import ProcessExecutor
from search.runtime.clock import SystemClock
from search.study.trial import Completed, Decision, Failed
from tests.executors.contract import (
    ExecutorContract,
    next_message_of,
    task,
    until_finished,
    until_there_are,
)
from tests.executors.fake_trainer import FakeTrainer

pytestmark = pytest.mark.slow

PLENTY = 2 * 2**32
# Workers that are not forked, as on GPUs.
SPAWNED = {"TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.fixture
def start(tmp_path) -> Iterator:
    """Make an executor with two workers, forked unless said otherwise."""
    made = []

    def start(environments=({}, {}), *, memory=PLENTY, make=None, **settings) -> ProcessExecutor:
        make = make or FakeTrainer(tmp_path)
        pool = local(list(environments), make, memory_bytes=memory)
        settings = {"waits": True, **settings}
        made.append(ProcessExecutor(pool, make, SystemClock(), **settings))
        return made[-1]

    yield start
    for executor in made:
        executor.close()


class TestProcesses(ExecutorContract):
    @pytest.fixture
    def executor(self, start):
        return start()

    def test_a_killed_worker_costs_one_attempt_of_its_trial_only(self, executor):
        executor.submit(task("1", stop=4, dies_at=3))
        executor.submit(task("2", stop=30))
        ends, epochs = {}, {"1": [], "2": []}
        while "1" not in ends:
            message = next_message_of(executor)
            if isinstance(message, EpochDone):
                epochs[message.report.trial].append(message.report)
                message.reply(Decision.CONTINUE)
            else:
                ends[message.trial] = message
        assert isinstance(ends["1"], Lost)
        assert ends["1"].reason.startswith(
            "the worker was killed by SIGKILL (perhaps out of memory"
        )
        assert [report.epoch for report in epochs["1"]] == [1, 2]
        executor.submit(task("1", stop=4, dies_at=3, recorded=epochs["1"], attempt=2))
        while len(ends) < 2 or isinstance(ends["1"], Lost):
            message = next_message_of(executor)
            if isinstance(message, EpochDone):
                epochs[message.report.trial].append(message.report)
                message.reply(Decision.CONTINUE)
            else:
                ends[message.trial] = message
        assert isinstance(ends["1"].outcome, Completed)
        assert isinstance(ends["2"].outcome, Completed)
        assert [report.epoch for report in epochs["1"]] == [1, 2, 3, 4]
        assert [report.epoch for report in epochs["2"]] == list(range(1, 31))


def test_a_hanging_trial_is_lost_after_its_timeout_and_its_slot_is_free(start):
    executor = start(timeout=2.0)
    executor.submit(task("1", stop=3, hangs_at=2))
    reports, end = until_finished(executor)
    assert len(reports) == 1
    assert end == Lost("1", 1, "took longer than 2 s")
    for name in ("2", "3"):
        executor.submit(task(name, stop=1))
    assert {until_finished(executor)[1].trial for _ in range(2)} == {"2", "3"}


def test_workers_do_not_wait_where_nothing_is_pruned(start):
    executor = start(waits=False)
    executor.submit(task("1", stop=5))
    reports, end = until_finished(executor)
    assert [report.epoch for report in reports] == [1, 2, 3, 4, 5]
    assert isinstance(end.outcome, Completed)


def test_a_trial_that_eats_all_memory_costs_one_attempt_and_says_so(start):
    executor = start(memory=2 * 2**30)
    executor.submit(task("1", stop=3, eats_at=2))
    executor.submit(task("2", stop=5))
    ends = {}
    while len(ends) < 2:
        message = next_message_of(executor)
        if isinstance(message, EpochDone):
            message.reply(Decision.CONTINUE)
        else:
            ends[message.trial] = message
    assert ends["1"] == Lost("1", 1, "the worker ran out of memory: its limit is 1.0 GiB")
    assert isinstance(ends["2"].outcome, Completed)
    executor.submit(task("1", stop=3, attempt=2))
    assert isinstance(until_finished(executor)[1].outcome, Completed)


def test_nobody_waits_for_a_slow_sibling(start, tmp_path):
    executor = start(waits=False)
    executor.submit(task("slow", stop=2, gate="open"))
    for name in ("1", "2", "3"):
        executor.submit(task(name, stop=2))
        assert until_finished(executor)[1].trial == name
    (tmp_path / "open").touch()
    assert until_finished(executor)[1].trial == "slow"


@dataclass(frozen=True)
class Unloadable:
    """A recipe that cannot be loaded where the working folder says so, and nowhere without one."""

    error: Exception
    only_with: str = ""

    def __call__(self, place):
        if self.only_with in os.environ.get("FAKE", ""):
            raise self.error
        return FakeTrainer(Path())


@pytest.mark.parametrize("error", [DataError("no data here"), OSError("no data here")])
def test_what_no_worker_can_load_ends_the_search(start, error):
    executor = start(make=Unloadable(error), waits=False)
    executor.submit(task("1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the first of the two is left out
        with pytest.raises(SearchError, match="no data here"):
            executor.next_message(60.0)


def test_a_worker_that_cannot_load_is_left_out_and_the_other_trains(start):
    places = ({"FAKE": "lame"}, {"FAKE": "sound"})
    executor = start(places, make=Unloadable(OSError("no disk"), only_with="lame"))
    executor.submit(task("1", stop=1))
    executor.submit(task("2", stop=1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ends = {until_finished(executor)[1].trial for _ in range(2)}
        for _ in range(60):  # the other worker may have trained both by then
            assert caught or executor.next_message(1.0) is None
    assert ends == {"1", "2"}
    [warning] = caught
    assert issubclass(warning.category, SearchWarning)
    assert "a worker is excluded, the others continue: " in str(warning.message)
    assert "no disk" in str(warning.message)


@dataclass(frozen=True)
class Misfit:
    """A recipe that one worker takes, and every other refuses."""

    scratch: Path

    def __call__(self, place):
        try:
            (self.scratch / "first").touch(exist_ok=False)
        except FileExistsError:
            raise DataError("other files") from None
        return FakeTrainer(self.scratch)


@dataclass(frozen=True)
class Nothing:
    """What is loaded."""

    def __call__(self, place):
        return None


def test_a_worker_whose_problem_differs_is_left_out_and_costs_its_trial_nothing(tmp_path):
    pool = local([{}, {}], Nothing(), memory_bytes=PLENTY)
    executor = ProcessExecutor(pool, Misfit(tmp_path), SystemClock(), waits=False)
    try:
        until_there_are(executor, 2)
        for name in ("1", "2", "3"):
            executor.submit(task(name, stop=2))
        with pytest.warns(UserWarning, match="the others continue: other files"):
            ends = [until_finished(executor)[1] for _ in range(3)]
        assert {(end.trial, end.attempt) for end in ends} == {("1", 1), ("2", 1), ("3", 1)}
        assert executor.slots == 1
    finally:
        executor.close()


@dataclass(frozen=True)
class Raising(FakeTrainer):
    """Raises what a param says, in the second epoch; a number is an exit code."""

    def __call__(self, place):
        return self

    def train(self, task):
        training = super().train(task)
        decision = None
        while True:
            report = next(training) if decision is None else training.send(decision)
            if report.epoch == 2:
                RAISED[task.proposal.params["raises"]]()
            decision = yield report


class OfMyOwn(BaseException):
    pass


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def raising(error):
    def fault():
        raise error

    return fault


RAISED = {
    "exit": lambda: sys.exit("today not"),
    "interrupt": raising(KeyboardInterrupt()),
    "generator_exit": raising(GeneratorExit()),
    "own": raising(OfMyOwn("mine")),
    "unspeakable": raising(UnspeakableError()),
    "of_the_platform": raising(DataError("mine")),
    "broken_pipe": raising(BrokenPipeError("of a socket of mine")),
    "end_of_file": raising(EOFError("of a file of mine")),
    "closed_files": lambda: os.closerange(3, 100),
    "code": lambda: os._exit(7),
    "abort": os.abort,
}


@pytest.mark.parametrize(
    ("raises", "reason"),
    [
        ("exit", "the trial raised SystemExit: today not"),
        ("interrupt", "the trial raised KeyboardInterrupt"),
        ("generator_exit", "the trial raised GeneratorExit"),
        ("own", "the trial raised OfMyOwn: mine"),
        ("code", "the worker ended with exit code 7"),
        ("abort", "the worker was killed by SIGABRT"),
        ("closed_files", "the worker"),
    ],
)
def test_what_is_no_exception_costs_the_attempt_and_the_slot_is_free_again(
    start, tmp_path, raises, reason
):
    executor = start(({},), make=Raising(tmp_path))
    executor.submit(task("1", raises=raises))
    reports, end = until_finished(executor)
    assert (len(reports), end.trial, end.attempt) == (1, "1", 1)
    assert isinstance(end, Lost)
    assert end.reason.startswith(reason)
    executor.submit(task("2", stop=1))
    assert isinstance(until_finished(executor)[1], Finished)


@pytest.mark.parametrize(
    ("raises", "kind", "message"),
    [
        ("unspeakable", "UnspeakableError", "(its str() raises RuntimeError)"),
        ("of_the_platform", "DataError", "mine"),
        ("broken_pipe", "BrokenPipeError", "of a socket of mine"),
        ("end_of_file", "EOFError", "of a file of mine"),
    ],
)
def test_an_exception_of_whatever_kind_fails_the_trial(start, tmp_path, raises, kind, message):
    executor = start(({},), make=Raising(tmp_path))
    executor.submit(task("1", raises=raises))
    end = until_finished(executor)[1]
    assert isinstance(end.outcome, Failed)
    assert (end.outcome.kind, end.outcome.message, end.refusal) == (kind, message, None)


def test_workers_that_are_not_forked_train_too_and_are_gone_when_closed(start):
    executor = start((SPAWNED,))
    executor.submit(task("1", stop=2))
    assert isinstance(until_finished(executor)[1].outcome, Completed)
    workers = [p for p in psutil.Process().children(recursive=True) if CHILD in p.cmdline()]
    assert workers
    executor.close()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []


def test_forked_workers_are_gone_when_closed_whatever_they_are_at(start):
    training = start(({},))
    training.submit(task("1", stop=50))
    assert isinstance(next_message_of(training), EpochDone)
    others = psutil.Process().children(recursive=True)
    start().close()  # at their start
    assert psutil.Process().children(recursive=True) == others
    training.close()
    assert len(psutil.Process().children(recursive=True)) == len(others) - 1


def test_the_server_of_processes_may_die_and_another_takes_its_place(start):
    executor = start(({},))
    executor.submit(task("1", stop=50))
    first = next_message_of(executor)
    assert isinstance(first, EpochDone)
    server = process_server(forks=True)
    server.kill()
    first.reply(Decision.CONTINUE)
    end = until_finished(executor)[1]
    assert isinstance(end, Lost)
    assert end.reason == "the process that starts workers died"
    executor.submit(task("1", stop=2, attempt=2))
    assert isinstance(until_finished(executor)[1], Finished)


def test_nothing_listens_where_another_user_could_connect(start):
    executor = start()
    executor.submit(task("1", stop=9))
    assert isinstance(next_message_of(executor), EpochDone)
    workers = psutil.Process().children(recursive=True)
    assert len(workers) >= 3
    for process in workers:
        found = process.net_connections(kind="all")
        assert [one for one in found if one.status == psutil.CONN_LISTEN] == []
        named = [one for one in found if one.family == socket.AF_UNIX and one.laddr]
        assert named == [], "a unix socket with a name can be opened by others"


def test_what_a_trial_has_started_ends_with_it(start, tmp_path):
    executor = start(({},), make=Starting(tmp_path), timeout=1.0)
    executor.submit(task("1", stop=3))
    assert isinstance(until_finished(executor)[1], Lost)
    pid = int((tmp_path / "pid").read_text())
    executor.submit(task("2", stop=3))
    until_finished(executor)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@dataclass(frozen=True)
class Starting(FakeTrainer):
    """Starts a process that never ends, and waits for it."""

    def __call__(self, place):
        return self

    def train(self, task):
        yield from ()
        process = subprocess.Popen(["sleep", "1000"])
        (self.scratch / "pid").write_text(str(process.pid))
        process.wait()


CONTRACTS = (TestProcesses,)
