"""SIGKILL at random moments, then resume: the study ends as one that was never killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from search.backends import base as backends

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("backend", backends.names())
def test_killed_five_times_a_study_ends_as_if_it_never_was(backend, tmp_path):
    words = [sys.executable, "-m", "tests.kill", str(tmp_path / "mlruns"), backend, "11"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    came = json.loads(done.stdout.splitlines()[-1])
    assert came["hits"] >= 3, "too few kills came before the end to show anything"
    assert came["killed"] == came["whole"]
    assert came["whole"]["state"] == "finished"
