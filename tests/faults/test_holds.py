"""Signals, kills and interruptions of a study's own processes, and what else has always held."""

import json
import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from tests.faults.study import ROOT, Study, twin

SHIFTED = """
import time
_now, _now_ns = time.time, time.time_ns
time.time = lambda: _now() + {hours} * 3600
time.time_ns = lambda: _now_ns() + {hours} * 3600 * 10**9
"""


def worker_of(run) -> psutil.Process:
    """A process that trains: the first that the server has started."""
    return min(server_of(run).children(), key=psutil.Process.create_time)


def server_of(run) -> psutil.Process:
    """The process that workers are forked from: the command's own child, unlike them."""
    started = run.tree()[0].children()
    return next(one for one in started if "_processes_server" in " ".join(one.cmdline()))


def test_a_killed_coordinator_and_ten_interrupts_cost_nothing(tmp_path):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(6)
        started = run.tree()[1:]
        run.kill(signal.SIGKILL)
        assert run.wait().code == -signal.SIGKILL
        _, alive = psutil.wait_procs(started, timeout=10)
        assert alive == [], "a killed coordinator leaves no process behind"
    with study.resumed() as run:
        run.until_lines(12)
        for _ in range(10):
            if run.process.poll() is None:
                run.kill(signal.SIGINT)
        ended = run.wait()
    assert ended.code == 130
    assert "Traceback" not in ended.err
    assert json.loads(study.journal.read_text().splitlines()[-1])["reason"] == "interrupted"
    assert study.resume().code == 0
    assert study.came() == twin()


@pytest.mark.faults_all
@pytest.mark.parametrize("which", [worker_of, server_of])
@pytest.mark.parametrize("lines", [4, 9])
def test_a_killed_worker_or_server_costs_an_attempt(tmp_path, which, lines):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(lines)
        which(run).kill()
        assert run.wait().code == 0
    assert study.came() == twin()


@pytest.mark.faults_all
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_ends_a_study_that_can_be_resumed(tmp_path, number, workers):
    study = Study(tmp_path, workers)
    with study.started() as run:
        run.until_lines(8)
        run.kill(number)
        assert run.wait().code in (130, -number)
    assert study.resume().code == 0
    came = study.came()
    assert came.curves == twin().curves
    assert came.weights == twin().weights


@pytest.mark.faults_all
def test_interrupts_at_any_moment_leave_130_or_a_whole_study(tmp_path):
    for number, pause in enumerate((0.3, 1.0, 2.0, 3.0, 4.0, 5.0)):
        study = Study(tmp_path, name=f"study-{number}")
        with study.started() as run:
            run.until(psutil.Process(run.process.pid).is_running)
            try:
                run.process.wait(pause)
            except subprocess.TimeoutExpired:
                for _ in range(10):
                    if run.process.poll() is None:
                        run.kill(signal.SIGINT)
            assert run.wait().code in (0, 130), pause


@pytest.mark.faults_all
def test_a_stopped_study_continues(tmp_path):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(8)
        for process in run.tree():
            process.send_signal(signal.SIGSTOP)
        for process in run.tree():
            process.send_signal(signal.SIGCONT)
        assert run.wait().code == 0
    assert study.came() == twin()


@pytest.mark.faults_all
@pytest.mark.parametrize("hours", [-1, -24 * 365, 24 * 365])
def test_a_clock_that_jumps_between_run_and_resume_changes_nothing(tmp_path, hours):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(8)
        run.kill(signal.SIGKILL)
        run.wait()
    folder = tmp_path / "clock"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SHIFTED.format(hours=hours))
    shifted = Study(tmp_path, env={"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"})
    ended = shifted.resume()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


@pytest.mark.faults_all
def test_eight_studies_share_a_store(tmp_path):
    names = [f"study-{number}" for number in range(8)]
    studies = [Study(tmp_path, name=name) for name in names]
    runs = [study.started() for study in studies]
    under_way = [run.__enter__() for run in runs]
    try:
        assert [run.wait(300).code for run in under_way] == [0] * 8
    finally:
        for run in runs:
            run.__exit__(None, None, None)
    for study in studies:
        assert study.came() == twin()


@pytest.mark.faults_all
def test_of_two_runs_of_one_name_one_runs(tmp_path):
    first, second = Study(tmp_path), Study(tmp_path)
    with first.started() as one, second.started() as other:
        codes = sorted([one.wait().code, other.wait().code])
    assert codes == [0, 2]
    assert first.came() == twin()


@pytest.mark.faults_all
def test_of_three_resumes_one_continues(tmp_path):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(8)
        run.kill(signal.SIGKILL)
        run.wait()
    with study.resumed() as one, study.resumed() as two, study.resumed() as three:
        codes = sorted(run.wait().code for run in (one, two, three))
    assert codes[0] == 0
    assert set(codes) <= {0, 1}
    assert study.came() == twin()


@pytest.mark.faults_all
@pytest.mark.parametrize("damage", ["torn", "crlf_tail", "nul_tail", "foreign_tail", "empty"])
def test_a_journal_with_a_torn_end_continues_or_is_refused(tmp_path, damage):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(10)
        run.kill(signal.SIGKILL)
        run.wait()
    content = study.journal.read_bytes()
    damaged = {
        "torn": content[:-7],
        "crlf_tail": content + b'{"event":"ask"\r',
        "nul_tail": content + b"\0" * 512,
        "foreign_tail": content + b"what is this\n",
        "empty": b"",
    }[damage]
    study.journal.write_bytes(damaged)
    ended = study.resume()
    assert "Traceback" not in ended.err
    assert "unexpected" not in ended.err
    if ended.code == 0:
        assert study.came() == twin()
    else:
        assert damage in ("crlf_tail", "foreign_tail", "empty")
        assert "journal" in ended.err


@pytest.mark.faults_all
@pytest.mark.parametrize("keep", [0, 10, 2000])
def test_a_checkpoint_that_is_cut_counts_as_missing(tmp_path, keep):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(10)
        run.kill(signal.SIGKILL)
        run.wait()
    for file in (study.store / "checkpoints" / study.name).glob("*.npz"):
        file.write_bytes(file.read_bytes()[:keep])
    assert study.resume().code == 0
    assert study.came() == twin()


@pytest.mark.faults_all
@pytest.mark.parametrize("change", ["# a remark\n", "1/0\n", None])
def test_a_problem_that_changed_is_refused_in_a_sentence(tmp_path, change):
    file = tmp_path / "mine.py"
    shutil.copy(Study(tmp_path).problem, file)
    study = Study(tmp_path, problem=file)
    with study.started() as run:
        run.until_lines(8)
        run.kill(signal.SIGKILL)
        run.wait()
    original = file.read_text()
    if change is None:
        file.unlink()
    else:
        file.write_text(original + change)
    ended = study.resume()
    assert ended.code in (1, 2)
    assert "Traceback" not in ended.err
    assert "unexpected" not in ended.err
    file.write_text(original)
    assert study.resume().code == 0
    assert study.came().curves == twin().curves


@pytest.mark.faults_all
def test_commands_on_a_running_study_do_not_disturb_it(tmp_path):
    study = Study(tmp_path)
    words = [["clean", study.name], ["doctor", "--rebuild", study.name], ["list"]]
    words += [["export", study.name, "--to", str(tmp_path / "export")], ["show", study.name]]
    with study.started() as run:
        run.until_lines(8)
        for word in words:
            with study.command(*word) as command:
                assert "Traceback" not in command.wait().err
        assert run.wait().code == 0
    assert study.came() == twin()


@pytest.mark.faults_all
def test_output_of_50_mb_and_bytes_that_are_no_text_change_nothing(tmp_path):
    file = tmp_path / "loud.py"
    loud = "import os, sys\nfrom dataclasses import replace\nfrom tests.faults import problem\n"
    loud += "def build(params):\n    for _ in range(50):\n"
    loud += "        os.write(1, bytes(range(256)) * 640)\n        sys.stdout.write('x' * 10**5)\n"
    loud += "    return problem.build(params)\n"
    file.write_text(loud + "PROBLEM = replace(problem.PROBLEM, build=build)\n")
    study = Study(tmp_path, problem=file, run_options=(*Study(tmp_path).run_options, "--json"))
    ended = study.run()
    assert ended.code == 0
    assert json.loads(ended.out)["state"] == "finished", "only the document is on standard output"
    assert study.came().curves == twin().curves


@pytest.mark.faults_all
def test_a_store_that_cannot_be_written_is_refused_in_a_sentence(tmp_path):
    study = Study(tmp_path)
    study.store.write_text("a file where a folder should be")
    ended = study.run()
    assert ended.code == 1
    assert "make room or access" in ended.err


def test_the_harness_ends_what_does_not_end(tmp_path):
    sleeping = [sys.executable, "-c", "import time; time.sleep(1000)"]
    process = subprocess.Popen(sleeping, text=True)
    from tests.faults.study import Running

    run = Running(process, tmp_path, tmp_path / "none")
    (tmp_path / "err").write_text("")
    with pytest.raises(AssertionError, match="no end within"):
        run.wait(0.1)
    run.end()
    assert process.poll() is not None
