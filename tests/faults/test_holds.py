"""What has always held: kills and signals to each process of a study cost it nothing."""

import signal

from tests.faults.study import Study, twin


def test_a_killed_coordinator_costs_nothing(tmp_path):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(8)
        run.kill(signal.SIGKILL)
        assert run.wait().code == -signal.SIGKILL
    assert study.resume().code == 0
    assert study.came() == twin()
