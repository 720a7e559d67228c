"""Folders that appear whole: a kill leaves the earlier one, and what is left behind is deleted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search.runtime.folders import sweep, whole_folder

WRITER = """
import os, sys
from pathlib import Path
from search import whole_folder as folders
target, moment = Path(sys.argv[1]), sys.argv[2]

def wait():
    print("here", flush=True)
    sys.stdin.read()

replace, calls = os.replace, []
def replaced(old, new):
    if moment == "between" and calls:
        wait()
    calls.append(old)
    replace(old, new)
os.replace = replaced
with folders.whole_folder(target) as folder:
    (folder / "file").write_text("new")
    if moment == "writing":
        wait()
"""


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def write(target: Path, text: str) -> None:
    with whole_folder(target) as folder:
        (folder / "file").write_text(text)


def killed(target: Path, moment: str) -> None:
    with running(target, moment) as process:
        process.send_signal(signal.SIGKILL)


def running(target: Path, moment: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target), moment], stdin=-1, stdout=-1, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    return process


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "deep" / "export"
    write(target, "one")
    (target / "more").write_text("x")
    write(target, "two")
    assert content(target) == {"file": "two"}
    assert os.listdir(target.parent) == ["export"]
    assert target.stat().st_mode & 0o777 == 0o755


def test_an_error_leaves_the_earlier_folder(tmp_path):
    target = tmp_path / "export"
    write(target, "one")
    with pytest.raises(TypeError), whole_folder(target) as folder:
        (folder / "file").write_text(2)
    assert content(target) == {"file": "one"}
    assert os.listdir(tmp_path) == ["export"]


@pytest.mark.parametrize("moment", ["writing", "between"])
def test_a_kill_leaves_the_earlier_folder_and_a_sweep_all_else(tmp_path, moment):
    target = tmp_path / "export"
    write(target, "one")
    killed(target, moment)
    assert len(os.listdir(tmp_path)) > (moment == "writing")
    sweep(tmp_path)
    assert content(target) == {"file": "one"}
    assert os.listdir(tmp_path) == ["export"]


def test_the_next_export_of_the_name_sweeps_and_no_other_name(tmp_path):
    killed(tmp_path / "export", "writing")
    left = os.listdir(tmp_path)
    write(tmp_path / "export-2", "two")
    assert sorted(os.listdir(tmp_path)) == sorted([*left, "export-2"])
    write(tmp_path / "export", "one")
    assert sorted(os.listdir(tmp_path)) == ["export", "export-2"]


def test_the_folder_of_a_running_process_stays(tmp_path):
    target = tmp_path / "export"
    with running(target, "writing") as process:
        before = os.listdir(tmp_path)
        sweep(tmp_path)
        sweep(tmp_path, "export", earlier=True)
        assert os.listdir(tmp_path) == before
        process.communicate("")
    assert content(target) == {"file": "new"}


def test_folders_of_others_stay_and_those_of_earlier_versions_go_with_their_name(tmp_path):
    names = [".export-settings", ".export-ab12cd_9", ".export-2-ab12cd_9", ".other-ab12cd_9"]
    names += [".export.search-new-x", "export.search-new-ab12cd_9", ".git"]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / ".export.search-new-ab12cd_8").write_text("a file")
    (tmp_path / ".export.search-old-ab12cd_8").symlink_to(tmp_path / ".git")
    everything = sorted(os.listdir(tmp_path))
    sweep(tmp_path)
    sweep(tmp_path, "export")
    assert sorted(os.listdir(tmp_path)) == everything
    sweep(tmp_path, "export", earlier=True)
    gone = {".export-settings", ".export-ab12cd_9"}
    assert set(everything) - set(os.listdir(tmp_path)) == gone
