"""A Dask cluster that runs already, with folders of its own: nothing is shared but the network."""

import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from search.errors import SearchWarning, UsageError
from search.executors import dask
from search.executors.base import EpochDone, Finished, Lost
from search.runtime.clock import SystemClock
from search.study.trial import Decision
from search.training.checkpoint import CheckpointFolder
from tests.executors.contract import (
    ExecutorContract,
    next_message_of,
    task,
    until_finished,
    until_there_are,
)
from tests.executors.fake_trainer import OWNER, FakeTrainer, TravellingTrainer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Place:
    """A folder with a home and a folder for temporary files, as on a machine of its own."""

    folder: Path

    def start(self, *words: str, **streams: int) -> subprocess.Popen:
        for name in ("home", "tmp", "work"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        places = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=self.folder / "work",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **places},
            text=True,
            **streams,
        )


def spoken(process: subprocess.Popen, pattern: str) -> re.Match:
    """Read what a process says of itself until it says this."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        found = re.search(pattern, line)
        if found is not None:
            return found
    raise AssertionError("".join(said))


def ended(process: subprocess.Popen) -> None:
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """The address of a scheduler, and its two workers."""
    folder = tmp_path_factory.mktemp("cluster")
    here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    scheduler = Place(folder / "scheduler").start(
        "dask", "scheduler", "--port", "0", *here, **quiet
    )
    address = spoken(scheduler, r"Scheduler at:\s+(tcp://\S+)")[1]
    words = ["dask", "worker", address, "--nthreads", "1", *here]
    workers = [
        Place(folder / name).start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in ("worker-1", "worker-2")
    ]
    yield address, workers
    for process in (*workers, scheduler):
        ended(process)


def connected(address: str, make, checkpoints: CheckpointFolder) -> dask.DaskExecutor:
    clock = SystemClock()
    workers = dask.connected(address, make, clock)
    return dask.DaskExecutor(workers, make, checkpoints, clock, waits=True)


class TestDask(ExecutorContract):
    @pytest.fixture
    def executor(self, cluster, tmp_path):
        from distributed import Client

        # without the restart of all workers that `connected` begins with: it takes seconds
        client, clock = Client(cluster[0], set_as_default=False), SystemClock()
        workers = dask.DaskWorkers(client, FakeTrainer(tmp_path), clock, patience=60)
        checkpoints = CheckpointFolder(tmp_path, OWNER)
        executor = dask.DaskExecutor(workers, FakeTrainer(tmp_path), checkpoints, clock, waits=True)
        until_there_are(executor, 2)
        yield executor
        executor.close()


CONTRACTS = (TestDask,)


def test_a_killed_workers_trial_goes_on_from_the_checkpoint_that_travelled(cluster, tmp_path):
    checkpoints = CheckpointFolder(tmp_path / "checkpoints", OWNER)
    executor = connected(cluster[0], TravellingTrainer(tmp_path), checkpoints)
    try:
        executor.submit(task("1", stop=5, dies_at=4))
        reports, end = until_finished(executor)
        assert isinstance(end, Lost)
        assert [report.epoch for report in reports] == [1, 2, 3]
        saved = checkpoints.load("1")
        assert saved is not None
        assert saved.epoch == 3
        executor.submit(task("1", stop=5, dies_at=4, recorded=reports, attempt=2))
        reports, end = until_finished(executor)
        assert isinstance(end, Finished)
        assert [(report.epoch, report.metrics["begun"]) for report in reports] == [(4, 3), (5, 3)]
        assert checkpoints.load("1").last[0].tolist() == [5.0] * 1000
    finally:
        executor.close()


def test_a_study_that_stops_leaves_no_worker_at_work(cluster, tmp_path):
    checkpoints = CheckpointFolder(tmp_path / "checkpoints", OWNER)
    first = connected(cluster[0], FakeTrainer(tmp_path), checkpoints)
    first.submit(task("1", stop=9))
    assert isinstance(next_message_of(first), EpochDone)  # never answered
    first.close()
    second = connected(cluster[0], FakeTrainer(tmp_path), checkpoints)
    try:
        names = [str(number) for number in range(4)]
        for name in names:
            second.submit(task(name, stop=2))
        assert sorted(until_finished(second)[1].trial for _ in names) == names
    finally:
        second.close()


def warned(executor: dask.DaskExecutor) -> str:
    """What the executor warns of."""
    for _ in range(60):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert executor.next_message(1.0) is None
        if said:
            return str(said[0].message)
    raise AssertionError("no warning for a minute")


def test_a_worker_that_joins_later_is_used_or_left_out_with_a_warning(cluster, tmp_path):
    address, _ = cluster
    checkpoints = CheckpointFolder(tmp_path / "checkpoints", OWNER)
    executor = connected(address, FakeTrainer(tmp_path), checkpoints)
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    place = Place(tmp_path / "late")
    try:
        for name in ("1", "2", "3"):
            executor.submit(task(name, stop=1, gate="open"))
        late = place.start("dask", "worker", address, "--nthreads", "1", **silent)
        until_there_are(executor, 3)
        (tmp_path / "open").touch()
        assert {until_finished(executor)[1].trial for _ in range(3)} == {"1", "2", "3"}
        ended(late)
        until_there_are(executor, 2)
        late = place.start("dask", "worker", address, "--nthreads", "2", **silent)
        assert re.search(
            "the others continue: .*2 threads and .*one thread and a nanny", warned(executor)
        )
        assert executor.slots == 2
        ended(late)
    finally:
        executor.close()


def test_where_no_scheduler_answers_the_address_is_named():
    with pytest.raises(UsageError, match=r"at --cluster 'tcp://127.0.0.1:9'.*dask scheduler"):
        dask.connected("tcp://127.0.0.1:9", FakeTrainer(Path()), SystemClock(), answer_seconds=0.5)


def test_an_address_that_others_reach_without_a_certificate_is_warned_of():
    open_to_others, clock = "tcp://no-such-host.invalid:9", SystemClock()
    with (
        pytest.warns(SearchWarning, match="anyone who can reach its port can run code as you"),
        pytest.raises(UsageError, match="no-such-host"),
    ):
        dask.connected(open_to_others, FakeTrainer(Path()), clock, answer_seconds=0.5)


HELPER = "WIDTH = 16\n"
PROBLEM = """
from dataclasses import replace
from spaces.digits import PROBLEM as DIGITS
def build(params):
    import width_helper
    return DIGITS.build(params | {"neurons_1": width_helper.WIDTH})
PROBLEM = replace(DIGITS, name="mine", build=build)
"""


def test_a_study_of_a_file_that_only_the_coordinator_has(cluster, tmp_path):
    address, workers = cluster
    place = Place(tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine.py").write_text(PROBLEM)
    (tmp_path / "work" / "width_helper.py").write_text(HELPER)
    words = ["search", "run", "mine.py", "--backend", "randomized", "--cluster", address]
    words += ["--trials", "3", "--max-epochs", "3", "--study", "far", "--progress", "plain"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    run = place.start(*words, "--set", "layers=1", **pipes)
    spoken(run, "trial 0 completed")
    for worker in workers:  # the processes that train; their nannies start others
        for child in psutil.Process(worker.pid).children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
    out, err = run.communicate()
    assert run.returncode == 0, err
    assert (tmp_path / "work" / "mlruns" / "exports" / "far" / "model.keras").is_file()
    words = ["search", "resume", "far", "--trials", "4", "--cluster", address, "--json", "--quiet"]
    resumed = place.start(*words, **pipes)
    out, err = resumed.communicate()
    assert resumed.returncode == 0, err
    shown = json.loads(out)
    assert [trial["state"] for trial in shown["trials"]] == ["completed"] * 4
    saved = CheckpointFolder(tmp_path / "work" / "mlruns" / "checkpoints" / "far", "")
    assert all(saved.packed(trial["trial"]) for trial in shown["trials"])


def test_epochs_are_answered_where_the_backend_prunes(cluster, tmp_path):
    executor = connected(cluster[0], FakeTrainer(tmp_path), CheckpointFolder(tmp_path, OWNER))
    try:
        executor.submit(task("1", stop=9))
        _, end = until_finished(executor, lambda r: Decision.STOP)
        assert end.outcome.at_epoch == 1
    finally:
        executor.close()
