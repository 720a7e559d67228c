"""Real worker processes: the contract, and what happens when they die or hang."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from search.errors import DataError, SearchError
from search.executors import dask
from search.executors.base import Epoch, Lost
from search.seeds import SystemClock
from search.training.checkpoint import CheckpointFolder
from search.trial import Completed, Decision
from tests.executors.contract import ExecutorContract, heard, task, until_finished
from tests.executors.fake_trainer import FakeTrainer

pytestmark = pytest.mark.slow


# Workers that are not forked, as on GPUs: started sooner where TensorFlow is not needed.
SPAWNED = {"TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[dask.DaskWorkers]:
    """Two workers forked from one process that has imported TensorFlow, which takes seconds."""
    workers = dask.local([{}, {}], FakeTrainer(tmp_path_factory.mktemp("dask")), SystemClock())
    yield workers
    workers.close()


@pytest.fixture
def start(cluster, tmp_path):
    """Make an executor on the two workers; they are restarted after the test, as it may leave them
    at work.
    """
    from distributed import Client

    made = []

    def start(**settings) -> dask.DaskExecutor:
        client = Client(cluster.client.scheduler.address, set_as_default=False)
        fake, clock = FakeTrainer(tmp_path), SystemClock()
        known = dask.DaskWorkers(client, fake, clock, lambda: None, shares_disk=True, patience=60)
        made.append(executor_of(known, tmp_path, **settings))
        return made[-1]

    yield start
    for executor in made:
        executor.close()
    found = cluster.client.scheduler_info(n_workers=-1)["workers"]
    cluster.client.restart_workers(list(found), raise_for_error=False)


def executor_of(workers, scratch, **settings) -> dask.DaskExecutor:
    nowhere = CheckpointFolder(scratch / "none", "nobody")
    waits = {"waits": True, **settings}
    executor = dask.DaskExecutor(workers, FakeTrainer(scratch), nowhere, SystemClock(), **waits)
    until_there_are(executor, 2)
    return executor


def until_there_are(executor, slots) -> None:
    for _ in range(60):
        if executor.slots == slots:
            return
        assert executor.next_message(1.0) is None
    raise AssertionError(f"still {executor.slots} slots after a minute")


class TestDask(ExecutorContract):
    @pytest.fixture
    def executor(self, start):
        return start()

    def test_a_killed_worker_costs_one_attempt_of_its_trial_only(self, executor):
        executor.submit(task("1", stop=4, dies_at=3))
        executor.submit(task("2", stop=30))
        ends, epochs = {}, {"1": [], "2": []}
        while "1" not in ends:
            message = heard(executor)
            if isinstance(message, Epoch):
                epochs[message.report.trial].append(message.report)
                message.reply(Decision.CONTINUE)
            else:
                ends[message.trial] = message
        assert isinstance(ends["1"], Lost)
        assert ends["1"].reason.startswith("the worker died (perhaps out of memory: its limit is")
        assert [report.epoch for report in epochs["1"]] == [1, 2]
        executor.submit(task("1", stop=4, dies_at=3, recorded=epochs["1"], attempt=2))
        while len(ends) < 2 or isinstance(ends["1"], Lost):
            message = heard(executor)
            if isinstance(message, Epoch):
                epochs[message.report.trial].append(message.report)
                message.reply(Decision.CONTINUE)
            else:
                ends[message.trial] = message
        assert isinstance(ends["1"].outcome, Completed)
        assert isinstance(ends["2"].outcome, Completed)
        assert [report.epoch for report in epochs["1"]] == [1, 2, 3, 4]
        assert [report.epoch for report in epochs["2"]] == list(range(1, 31))


CONTRACTS = (TestDask,)


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


def test_a_trial_that_eats_all_memory_costs_one_attempt_and_says_so(tmp_path):
    fake = FakeTrainer(tmp_path)
    workers = dask.local([SPAWNED, SPAWNED], fake, SystemClock(), memory_bytes=2**30)
    executor = executor_of(workers, tmp_path)
    try:
        executor.submit(task("1", stop=3, eats_at=2))
        executor.submit(task("2", stop=5))
        ends = {}
        while len(ends) < 2:
            message = heard(executor)
            if isinstance(message, Epoch):
                message.reply(Decision.CONTINUE)
            else:
                ends[message.trial] = message
        assert isinstance(ends["1"], Lost)
        assert "out of memory: its limit is 1.0 GiB" in ends["1"].reason
        assert isinstance(ends["2"].outcome, Completed)
        executor.submit(task("1", stop=3, attempt=2))
        assert isinstance(until_finished(executor)[1].outcome, Completed)
    finally:
        executor.close()


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
    """A recipe that cannot be loaded anywhere."""

    error: Exception

    def __call__(self, place):
        raise self.error


@pytest.mark.parametrize("error", [DataError("no data here"), OSError("no data here")])
def test_what_no_worker_can_load_ends_the_search_and_names_a_worker(tmp_path, error):
    broken, clock = Unloadable(error), SystemClock()
    workers = dask.local([SPAWNED], broken, clock)
    nowhere = CheckpointFolder(tmp_path, "nobody")
    executor = dask.DaskExecutor(workers, broken, nowhere, clock, waits=False)
    try:
        executor.submit(task("1"))
        with pytest.raises(SearchError, match=r"worker tcp://.*: .*no data here"):
            executor.next_message(60.0)
    finally:
        executor.close()
