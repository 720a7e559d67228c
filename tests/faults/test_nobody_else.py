"""Nobody else gets into a study: what another user of the machine finds of it, and Dask's TLS."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.faults.study import Study, twin

# What another user would try: every port that listens, and the files of the study's processes.
INTRUDER = """
import json, os, pathlib, socket, sys
ports, pids, user = json.loads(sys.argv[1])
if user is not None:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
entered = []
for port in ports:
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
        entered.append(port)
    except OSError:
        pass
for pid in pids:
    try:
        for handle in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            os.open(handle, os.O_RDWR | os.O_NONBLOCK)
            entered.append(str(handle))
    except OSError:
        pass
print(json.dumps(entered))
"""
NOBODY = 65534


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.faults_all), 2])
def test_no_process_of_a_study_listens_and_another_user_finds_no_way_in(tmp_path, workers):
    study = Study(tmp_path, workers)
    with study.started() as run:
        run.until_lines(8)
        tree = run.tree()
        assert len(tree) >= 2 + workers  # the command, the server, the workers
        run.kill(signal.SIGSTOP)  # so that all is there while it is looked at
        connections = [one for process in tree for one in process.net_connections(kind="all")]
        ports = [c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN]
        assert ports == []
        # as root, look as another user; else as far as this user's rights go: no port is there
        other = NOBODY if os.getuid() == 0 else None
        pids = [process.pid for process in tree] if other is not None else []
        told = json.dumps([ports, pids, other])
        intruder = [sys.executable, "-c", INTRUDER, told]
        found = subprocess.run(intruder, capture_output=True, text=True, timeout=30)
        assert json.loads(found.stdout) == [], found.stderr
        run.kill(signal.SIGCONT)
        assert run.wait().code == 0


def dask(*words: str, path: str, **streams: int) -> "subprocess.Popen[str]":
    """A process of Dask's, with its own folders to import from."""
    env = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        env=env,
        text=True,
        start_new_session=True,
        **streams,
    )


@pytest.mark.faults_all
def test_a_cluster_worker_with_another_version_of_the_problem_is_left_out(tmp_path):
    root = str(Path(__file__).parent.parent.parent)
    for name, remark in (("mine", ""), ("other", "# another version\n")):
        (tmp_path / name).mkdir()
        shutil.copy(Study(tmp_path).problem, tmp_path / name / "a_module_of_faults.py")
        with (tmp_path / name / "a_module_of_faults.py").open("a") as file:
            file.write(remark)
    paths = {name: os.pathsep.join([str(tmp_path / name), root]) for name in ("mine", "other")}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    here = ["--host", "127.0.0.1"]
    words = ["scheduler", "--port", "0", "--no-dashboard", *here]
    processes = [dask(*words, path=paths["mine"], stderr=subprocess.PIPE)]
    try:
        stream = processes[0].stderr
        assert stream is not None
        found = (re.search(r"Scheduler at:\s+(tcp://\S+)", line) for line in stream)
        address = next(match[1] for match in found if match is not None)
        for name in ("mine", "other"):
            words = ["worker", address, "--nthreads", "1", "--no-dashboard", *here]
            processes.append(dask(*words, path=paths[name], **silent))
        study = Study(
            tmp_path, problem="a_module_of_faults:PROBLEM", env={"PYTHONPATH": paths["mine"]}
        )
        words = ["run", "a_module_of_faults:PROBLEM", "--study", study.name, "--cluster", address]
        with study.command(*words, *study.run_options) as run:
            ended = run.wait(150)
        assert ended.code == 0, ended.err
        assert "differs from the study's" in ended.err
        assert "the others continue" in ended.err
        assert study.came() == twin()
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
