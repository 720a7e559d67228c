"""The reference of the Python names is made from their docstrings, and nothing in it is missing."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_public_name_has_its_place_in_the_reference(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "docs/reference.py", "--to", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "search.html").read_text(encoding="utf-8")
    for name in ("Choice", "Problem", "SearchCV", "Study.best_model", "tune", "resume"):
        assert f'id="{name}"' in page
    protocol = (tmp_path / "search" / "backends" / "base.html").read_text(encoding="utf-8")
    assert 'href="../trial.html#Proposal"' in protocol
