"""The reference of the Python names is made from their docstrings, and nothing in it is missing."""

from pathlib import Path

from tests import scripts


def test_every_public_name_has_its_place_in_the_reference(tmp_path: Path) -> None:
    scripts.run("-W", "error", "docs/reference.py", "--to", str(tmp_path))
    page = (tmp_path / "search.html").read_text(encoding="utf-8")
    for name in ("Choice", "Problem", "SearchCV", "Study.best_model", "tune", "resume"):
        assert f'id="{name}"' in page
    protocol = (tmp_path / "search" / "backends" / "base.html").read_text(encoding="utf-8")
    assert 'href="../study/trial.html#Proposal"' in protocol
