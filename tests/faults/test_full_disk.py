"""A disk that is full while a study trains, and has room again: the weights are the best epoch's.

Where the tests may mount file systems the disk is really full. Everywhere, the study's processes
are refused files above a size, which a checkpoint exceeds and a line of the journal does not.
"""

import contextlib
import resource
import signal
from dataclasses import replace

import psutil
import pytest

from tests.faults.disk import can_mount, disk
from tests.faults.study import Ended, Running, Study, twin

pytestmark = pytest.mark.faults_all

HYPERBAND = ("--backend", "hyperband", "--max-epochs", "4", "--trials", "8")


def check_that_it_says_so(ended: Ended) -> None:
    """It has ended as if nothing was, or with one sentence."""
    assert "Traceback" not in ended.err
    assert "unexpected" not in ended.err
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == (0 if ended.code == 0 else 1), ended.err


def check_that_it_finishes(study: Study) -> None:
    ended = study.resume()
    assert ended.code == 0, ended.err
    assert study.came() == twin(run_options=study.run_options)


def limit_files(run: Running, size: int) -> None:
    """Refuse files above a size to the processes of a study, and to those that they start."""
    for process in run.tree():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.parametrize("lines", [4, 9, 12])
@pytest.mark.parametrize("options", [Study.run_options, HYPERBAND], ids=["grid", "hyperband"])
def test_checkpoints_that_cannot_be_written_change_no_weights(tmp_path, lines, options):
    study = Study(tmp_path, run_options=options)
    with study.started() as run:
        run.until_lines(lines)
        limit_files(run, 8 * 1024)
        check_that_it_says_so(run.wait())
    check_that_it_finishes(study)


if can_mount():

    @pytest.mark.parametrize("lines", [1, 4, 9, 12, 15])
    def test_a_disk_that_is_full_for_a_while_changes_no_weights(tmp_path, lines):
        with disk(tmp_path / "mlruns") as full:
            study = Study(tmp_path)
            with study.started() as run:
                run.until_lines(lines)
                full.fill()
                check_that_it_says_so(run.wait())
            full.make_room()
            check_that_it_finishes(study)

    @pytest.mark.parametrize("room", [40_000, 150_000, 900_000])
    @pytest.mark.parametrize("options", [Study.run_options, HYPERBAND], ids=["grid", "hyperband"])
    def test_a_study_that_fills_the_disk_is_resumed_to_the_same_weights(tmp_path, room, options):
        with disk(tmp_path / "mlruns") as full:
            full.fill(leave=room)
            study = Study(tmp_path, run_options=options)
            check_that_it_says_so(study.run())
            full.make_room()
            check_that_it_finishes(study)

    def test_a_store_that_can_be_read_only_is_shown_and_nothing_else(tmp_path):
        with disk(tmp_path / "mlruns") as store:
            study = Study(tmp_path)
            with study.started() as run:
                run.until_lines(8)
                run.kill(signal.SIGKILL)
                run.wait()
            store.read_only()
            to = str(tmp_path / "report.html")
            for words in (["list"], ["show", study.name], ["report", study.name, "--to", to]):
                with study.command(*words) as command:
                    assert command.wait().code == 0
            for words in (["doctor", "--rebuild", study.name], ["doctor"], ["clean", study.name]):
                with study.command(*words) as command:
                    check_that_it_says_so(command.wait())
            for ended in (study.resume(), replace(study, name="another").run()):
                assert ended.code != 0
                check_that_it_says_so(ended)
