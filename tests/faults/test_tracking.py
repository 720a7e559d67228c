"""MLflow's records of a study that is killed, moved or tracked by a server that does not answer."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.faults.study import Study, twin
from tests.trackers.test_mlflow_database import damaged_inside, half_made, overwritten, truncated
from tests.trackers.test_tracking_servers import address

__all__ = ["address"]  # a fixture

pytestmark = pytest.mark.faults_all

PASSWORD = "s3cretword"
ODD_NAMES = ("%41 of 100%", 'it\'s "mine"', "-dash", "$HOME;\\ #?&", "two\nlines", "ünï ☃")


def test_a_study_killed_while_its_database_is_made_leaves_records_of_all_trials(tmp_path):
    study = Study(tmp_path)
    database = study.store / "mlflow.db"
    kills = 0
    for moment in range(8):
        with study.started() if not study.journal.exists() else study.resumed() as run:
            run.until(lambda: any(study.store.glob("*mlflow.db*")) or study.journal.exists())
            run.wait_at_most(0.25 * moment)
            if run.process.poll() is None:
                run.kill(signal.SIGKILL)
                kills += 1
            run.wait()
    assert kills >= 3, "too few kills came before the end to show anything"
    assert study.resume().code == 0
    assert study.came() == twin()
    assert [each.name for each in study.store.glob("*mlflow.db*")] == [database.name]


@pytest.mark.parametrize("harm", [truncated, overwritten, half_made, damaged_inside])
def test_a_database_damaged_between_run_and_resume_is_written_again(tmp_path, harm):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(9)
        run.kill(signal.SIGKILL)
        run.wait()
    database = study.store / "mlflow.db"
    if not database.exists():
        database.touch()
    if database.stat().st_size or harm is overwritten:
        harm(database)
    ended = study.resume()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


def test_a_study_whose_server_does_not_answer_ends_with_its_results(tmp_path, address):
    study = Study(tmp_path, env={"MLFLOW_TRACKING_URI": address})
    with study.started() as run:
        ended = run.wait(200)
    assert ended.code == 0, ended.err
    assert "unexpected" not in ended.err
    assert "Traceback" not in ended.err
    assert study.came(mlflow=False) == replace(twin(), mlflow={})


def test_a_password_is_in_nothing_that_a_study_prints_or_writes(tmp_path):
    secret = {"MLFLOW_TRACKING_URI": f"http://me:{PASSWORD}@127.0.0.1:9"}
    study = Study(tmp_path, env=secret)
    said = study.run().err
    commands = [["show", study.name, "--json"], ["doctor", "--rebuild", study.name], ["list"]]
    commands += [["report", study.name, "--to", str(tmp_path / "report.html")]]
    for words in commands:
        with study.command(*words) as command:
            ended = command.wait(200)
            said += ended.out + ended.err
    assert PASSWORD not in said
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in written if PASSWORD.encode() in path.read_bytes()] == []
    assert study.came(mlflow=False) == replace(twin(), mlflow={})


def test_a_moved_store_has_all_of_a_study_that_is_resumed_there(tmp_path):
    study = Study(tmp_path / "old")
    study.folder.mkdir()
    with study.started() as run:
        run.until_lines(10)
        run.kill(signal.SIGKILL)
        run.wait()
    shutil.move(study.folder, tmp_path / "new")
    study.folder.mkdir()
    moved = replace(study, folder=tmp_path / "new")
    ended = moved.resume()
    assert ended.code == 0, ended.err
    assert moved.came() == twin()
    assert list(study.folder.iterdir()) == []


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_store_of_any_name_holds_a_study_and_the_printed_commands_work(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    study = Study(folder)
    ended = study.run()
    assert ended.code == 0, ended.err
    assert study.came() == twin()
    with study.command("show", study.name, "--json") as command:
        shown = json.loads(command.wait().out)
    assert shown["state"] == "finished"
    with study.command("show", study.name) as command:
        printed = command.wait().out
    commands = [line.strip() for line in printed.splitlines() if "python -m search" in line]
    for line in commands:
        words = line[line.index("python -m search") :].replace("python", sys.executable, 1)
        if " report " in words:
            done = subprocess.run(words, shell=True, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, (words, done.stderr)
