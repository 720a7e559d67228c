"""How a process ends while a thread of it is at work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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
from search.runtime.process_exit import ending_at_once
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


# registers a function with `atexit` that must not be called before its import is over, as it is not
HALF_IMPORTED = """
import atexit, os, signal, threading, __main__
atexit.register(os.kill, os.getpid(), signal.SIGSEGV)
__main__.half.set()
threading.Event().wait()
"""
BESIDE_AN_IMPORT = """
import importlib, sys, threading
from search.runtime.process_exit import close_at_end, ending_at_once
half = threading.Event()
def main():
    close_at_end(lambda: print(" closed", end=""))
    threading.Thread(target=importlib.import_module, args=("slow",), daemon=True).start()
    half.wait()
    print("said", end="")
    {end}
sys.exit(ending_at_once(main))
"""


@pytest.mark.parametrize(
    ("end", "code", "error"),
    [
        ("return 0", 0, ""),
        ("return 2", 2, ""),
        ("sys.exit('no')", 1, "no\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
def test_what_a_half_imported_library_does_at_exit_is_left_out(tmp_path, end, code, error):
    (tmp_path / "slow.py").write_text(HALF_IMPORTED)
    words = [sys.executable, "-c", BESIDE_AN_IMPORT.format(end=end)]
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    settings = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=settings)
    assert (done.returncode, done.stdout) == (code, "said closed")
    assert done.stderr.endswith(error)
