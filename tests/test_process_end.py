"""How a process ends while a thread of it is at work."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# a loader that fails while TensorFlow is imported in the background
NO_DATA = """
from dataclasses import replace
from search.errors import DataError
from spaces.digits import PROBLEM as DIGITS
def load(data_dir):
    raise DataError("no data today")
PROBLEM = replace(DIGITS, name="mine", load=load)
"""
# `print`s would be lost in an end that flushes nothing
BESIDE_A_THREAD = """
import sys, threading
from search.process_end import ending_at_once
def main():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    print("said", end="")
    {end}
sys.exit(ending_at_once(main))
"""


def test_a_study_refused_while_tensorflow_is_imported_ends_with_its_exit_code(tmp_path):
    (tmp_path / "mine.py").write_text(NO_DATA)
    words = [sys.executable, "-m", "search", "run", str(tmp_path / "mine.py"), "--workers", "2"]
    words += ["--backend", "randomized", "--quiet", "--store", str(tmp_path / "store")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "error: no data today\n")


@pytest.mark.parametrize(
    ("end", "code"),
    [("return 0", 0), ("return 2", 2), ("sys.exit(3)", 3), ("sys.exit('no')", 1), ("1 / 0", 1)],
)
def test_beside_a_thread_the_exit_code_and_what_was_printed_are_kept(end, code):
    words = [sys.executable, "-c", BESIDE_A_THREAD.format(end=end)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "said")


WHILE_A_THREAD_IMPORTS = """
import atexit, sys, threading
from search.process_end import ending_at_once
begun = threading.Event()
sys.begun = begun.set
def main():
    atexit.register(print, "at the end")
    threading.Thread(target=__import__, args=["slow"], daemon=True).start()
    begun.wait()
    print("said", end="")
    return 130
sys.exit(ending_at_once(main))
"""


def test_while_a_thread_imports_nothing_that_libraries_registered_is_called(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import sys, threading\nsys.begun()\nthreading.Event().wait()"
    )
    path = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    words = [sys.executable, "-c", WHILE_A_THREAD_IMPORTS]
    done = subprocess.run(words, env=path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "said")
