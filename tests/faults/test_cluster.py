"""A cluster whose machines and links fail: the study ends as its twin, at once or when resumed.

Links are cut by a port in between, and where the tests may make network namespaces also by a cable
that is pulled between two of them.
"""

import re
import signal
from dataclasses import replace

import pytest

from tests.faults.cluster import Cluster, kill, link
from tests.faults.network import can_make_hosts, host
from tests.faults.study import Ended, Study, twin

pytestmark = pytest.mark.faults_all

BROKE = "The connection to the cluster's scheduler at .* broke. All recorded results are kept"


def test_a_link_to_the_scheduler_that_stalls_for_a_while_costs_nothing(tmp_path):
    with Cluster(tmp_path) as cluster, link(cluster.address) as cable:
        cluster.add_worker()
        study = Study(tmp_path, cluster=cable.address)
        with study.started() as run:
            run.until_lines(8)
            cable.stall()
            run.wait_at_most(8)
            assert run.process.poll() is None
            cable.mend()
            ended = run.wait()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


@pytest.mark.parametrize("mended_at_once", [True, False])
def test_a_link_to_the_scheduler_that_breaks_ends_the_study_in_a_sentence(tmp_path, mended_at_once):
    with Cluster(tmp_path) as cluster, link(cluster.address) as cable:
        cluster.add_worker()
        study = Study(tmp_path, cluster=cable.address)
        with study.started() as run:
            run.until_lines(8)
            cable.cut()
            if mended_at_once:
                cable.mend()
            check_that_it_broke(run.wait())
        cable.mend()
        ended = study.resume()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


def check_that_it_broke(ended: Ended) -> None:
    assert ended.code == 1, ended.err
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, ended.err
    assert re.search(BROKE, errors[0]), ended.err
    assert "Traceback" not in ended.err


def test_a_worker_whose_link_breaks_costs_an_attempt(tmp_path):
    with Cluster(tmp_path) as cluster, link(cluster.address) as cable:
        cluster.add_worker(cable.address)
        study = Study(tmp_path, cluster=cluster.address)
        with study.started() as run:
            run.until_lines(6)
            cable.cut()
            cluster.add_worker()
            ended = run.wait()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


if can_make_hosts():

    def test_a_cable_pulled_for_40_seconds_between_two_hosts_costs_an_attempt(tmp_path):
        with host() as other, Cluster(tmp_path, ip=other.near) as cluster:
            cluster.add_worker(at=other)
            study = Study(tmp_path, cluster=cluster.address)
            with study.started() as run:
                run.until_lines(8)
                other.cable("down")
                run.wait_at_most(40)
                assert run.process.poll() is None
                other.cable("up")
                cluster.add_worker()
                ended = run.wait()
        assert ended.code == 0, ended.err
        assert study.came() == twin()


def test_a_nanny_that_is_killed_takes_its_worker_along(tmp_path):
    with Cluster(tmp_path) as cluster:
        nanny = cluster.add_worker()
        study = Study(tmp_path, cluster=cluster.address)
        with study.started() as run:
            run.until_lines(8)
            nanny.kill()
            cluster.add_worker()
            ended = run.wait()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


def test_a_machine_that_is_lost_is_replaced_by_one_that_joins_late(tmp_path):
    with Cluster(tmp_path) as cluster:
        lost = cluster.add_worker()
        study = Study(tmp_path, cluster=cluster.address)
        with study.started() as run:
            run.until_lines(8)
            kill(lost)
            run.wait_at_most(3)
            assert run.process.poll() is None
            cluster.add_worker()
            ended = run.wait()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


def test_a_scheduler_that_is_stopped_for_a_while_costs_nothing(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.add_worker()
        study = Study(tmp_path, cluster=cluster.address)
        with study.started() as run:
            run.until_lines(8)
            kill(cluster.scheduler, signal.SIGSTOP)
            run.wait_at_most(8)
            assert run.process.poll() is None
            kill(cluster.scheduler, signal.SIGCONT)
            ended = run.wait()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


def test_a_scheduler_that_is_killed_ends_the_study_in_a_sentence(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.add_worker()
        study = Study(tmp_path, cluster=cluster.address)
        with study.started() as run:
            run.until_lines(8)
            kill(cluster.scheduler)
            check_that_it_broke(run.wait())
    with Cluster(tmp_path) as cluster:
        cluster.add_worker()
        ended = replace(study, cluster=cluster.address).resume()
    assert ended.code == 0, ended.err
    assert study.came() == twin()
