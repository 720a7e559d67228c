"""The executors that train in this process, or nowhere, keep the contract."""

import pkgutil

import pytest

import search.executors
from search.executors.inline import InlineExecutor
from search.executors.simulated import SimulatedExecutor
from search.runtime.clock import VirtualClock
from tests.executors.contract import ExecutorContract
from tests.executors.fake_trainer import FakeTrainer
from tests.support import OBJECTIVE


class TestInline(ExecutorContract):
    @pytest.fixture
    def executor(self, tmp_path):
        executor = InlineExecutor(FakeTrainer(tmp_path))
        yield executor
        executor.close()

    def test_a_full_slot_takes_no_second_task(self, executor):
        from tests.executors.contract import task

        executor.submit(task("1"))
        with pytest.raises(ValueError, match="trial 1 is still running"):
            executor.submit(task("2"))


def metrics(params, epoch):
    if epoch == params.get("fails_at"):
        raise ValueError("no such layer")
    return {"val_accuracy": epoch / 10}


class TestSimulated(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return SimulatedExecutor(OBJECTIVE, metrics, VirtualClock(), slots=3)


def test_every_executor_keeps_the_contract():
    from tests.executors import test_cluster, test_processes

    found = {m.name for m in pkgutil.iter_modules(search.executors.__path__)}
    files = {name for name in found if name not in ("base", "fresh_process") and name[0] != "_"}
    kept = {name.lower() for name in ("Inline", "Simulated")}
    kinds = (*test_processes.CONTRACTS, *test_cluster.CONTRACTS)
    kept |= {kind.__name__.removeprefix("Test").lower() for kind in kinds}
    assert files <= kept
