"""docs/charts.md is followed; pictures are drawn where there is a browser, and refused in words."""

import re
from pathlib import Path

import pytest

from dashboards.figures.save import for_print, save
from dashboards.figures.timeline import timeline
from dashboards.tables.frames import budgets_frame
from search.errors import SearchError, UsageError
from tests.dashboards.studies import simulated
from tests.records import whole_life

PAGE = (Path(__file__).parents[2] / "docs" / "charts.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_is_a_script_that_runs(tmp_path, monkeypatch, capsys):
    section = re.findall(r"^## In a notebook\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)[0]
    blocks = re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    journals = tmp_path / "mlruns" / "journals"
    simulated(journals / "digits-1.jsonl", "halving", trials=14, epochs=3)
    simulated(journals / "digits-2.jsonl", "randomized", trials=4, epochs=3)
    monkeypatch.chdir(tmp_path)

    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)

    assert "seconds_to_common" in capsys.readouterr().out
    picture = (tmp_path / "pictures" / "curves.svg").read_text()
    assert picture.startswith("<svg")
    assert "Learning curves" in picture


def test_a_picture_is_dark_on_white():
    printed = for_print(timeline(budgets_frame(whole_life())))

    assert printed.layout.paper_bgcolor == "#FFFFFF"
    assert printed.layout.font.color == "#222222"


def test_without_a_browser_one_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    figures = {"timeline": timeline(budgets_frame(whole_life()))}

    with pytest.raises(SearchError, match="needs Chromium or Chrome") as raised:
        save(figures, tmp_path / "pictures")
    assert "\n" not in str(raised.value)
    assert list((tmp_path / "pictures").iterdir()) == []
    with pytest.raises(UsageError, match="did you mean 'png'"):
        save(figures, tmp_path, format="pngg")  # type: ignore[arg-type]
