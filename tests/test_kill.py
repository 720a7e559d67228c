"""SIGKILL at random moments, then resume: the study ends as one that was never killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from search.backends import base as backends

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def came(tmp_path_factory, with_database) -> dict[str, dict]:
    """What came of each backend's two studies: all of them are children of one process."""
    store = with_database(tmp_path_factory.mktemp("kill") / "mlruns")
    words = [sys.executable, "-m", "tests.kill", str(store), "11", *backends.names()]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = map(json.loads, done.stdout.splitlines())
    return {one["backend"]: one for one in found}


@pytest.mark.slow
@pytest.mark.parametrize("backend", backends.names())
def test_killed_five_times_a_study_ends_as_if_it_never_was(backend, came):
    one = came[backend]
    assert one["hits"] >= 3, "too few kills came before the end to show anything"
    assert one["killed"] == one["whole"]
    assert one["whole"]["state"] == "finished"
