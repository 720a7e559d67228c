"""The report's page: what it holds is what the journal tells, and nothing in it is run."""

import base64
import html
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from dashboards.analysis.failures import causes
from dashboards.report.embed import Drawing
from dashboards.report.figure_list import Chart
from dashboards.report.report import GENERATOR, Report
from dashboards.report.sections import Study
from dashboards.tables.tables import tables
from search.study.events import Entry, Stopped, Told
from search.study.trial import Failed
from tests.dashboards.studies import simulated, simulated_tables
from tests.records import asked, completed, entries, header, reported, whole_life

FIGURES = (
    *("best-by-time", "best-by-epochs", "learning-curves", "parallel-coordinates", "importance"),
    *("slices", "contour", "brackets", "timeline", "spending"),
)
SECTIONS = ("answer", "progress", "parameters", "time", "failures", "advice", "trials", "facts")


class Ids(HTMLParser):
    """The ids of a page, the scripts without a type, and whatever is fetched from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.scripts = 0
        self.fetched: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        if "id" in found:
            self.ids.append(str(found["id"]))
        self.scripts += tag == "script" and "type" not in found
        if tag != "a" and not str(found.get("href", "data:")).startswith("data:"):
            self.fetched.append(str(found["href"]))
        if "src" in found:
            self.fetched.append(str(found["src"]))


def data(page: str) -> dict[str, dict]:
    """The figures of a page as plotly JSON, by what they are called in it."""
    found = re.findall(
        r'<script type="application/json" id="data-([^"]+)">(.*?)</script>', page, re.DOTALL
    )
    return {name: json.loads(text) for name, text in found}


def numbers(values) -> list[float]:
    """An array of plotly's JSON, which may be coded."""
    if isinstance(values, dict):
        raw = base64.b64decode(values["bdata"])
        return [float(value) for value in np.frombuffer(raw, dtype=values["dtype"])]
    return [math.nan if value is None else float(value) for value in values]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "a-study.jsonl"
    return simulated_tables(path, "halving", trials=40)


@pytest.fixture(scope="module")
def page(study) -> str:
    return Report([Study(study, [("go on", "python -m search resume a-study")])]).html()


def test_every_section_and_every_figure_is_there_and_nothing_is_fetched(page):
    found = Ids(page)

    assert [name for name in SECTIONS if f"study-1-{name}" not in found.ids] == []
    assert [name for name in FIGURES if f"study-1-{name}" not in found.ids] == []
    assert sorted(data(page)) == sorted(f"study-1-{name}" for name in FIGURES)
    assert len(set(found.ids)) == len(found.ids)
    assert (found.fetched, found.scripts) == ([], 2)
    assert GENERATOR in page[:2000]
    assert 4.5e6 < len(page) < 6e6
    assert "python -m search resume a-study" in page


def test_the_figures_hold_what_the_journal_tells(study, page):
    figures, record = data(page), study.record
    best = record.best()
    assert best is not None

    by_time = {trace["name"]: trace for trace in figures["study-1-best-by-time"]["data"]}
    ended = record.ahead()
    assert ended is not None
    assert numbers(by_time["best so far"]["y"])[-1] == ended.score
    curves = [
        value
        for trace in figures["study-1-learning-curves"]["data"]
        if trace["mode"] == "lines"  # others mark where curves end
        for value in numbers(trace["y"])
        if not math.isnan(value)
    ]
    told = [value for t in record.trials.values() for value in t.values("val_accuracy")]
    assert sorted(curves) == pytest.approx(sorted(told))
    (axes,) = figures["study-1-parallel-coordinates"]["data"]
    scores = [trial.score for trial in record.trials.values() if trial.score is not None]
    assert sorted(numbers(axes["dimensions"][-1]["values"])) == pytest.approx(sorted(scores))
    bars = figures["study-1-timeline"]["data"]
    assert sum(len(numbers(trace["x"])) for trace in bars) == len(study.budgets)


def test_the_answer_comes_first_and_agrees_with_the_record(study, page):
    best = study.record.best()
    text = re.sub(r"<[^>]+>", " ", page[page.index("<main") : page.index("Progress</h2>")])

    assert best is not None
    assert f"{best.score:.4f} ±" in text
    assert f"Best settings: trial {best.trial}" in text
    for name in best.params:
        assert name in text


def test_every_trial_is_a_row_that_opens_to_all_its_parameters(study, page):
    rows = re.findall(r"<tr.*?</tr>", page[page.index("study-1-table") :], re.DOTALL)

    assert len(rows) == 1 + len(study.trials)
    best = study.record.best()
    assert all(f"<dt>{name}</dt><dd>{value}</dd>" in rows[1] for name, value in best.params.items())


def test_failures_are_grouped_by_cause_with_what_to_do():
    rows = [
        ("1", "nan", "loss not finite in epoch 2"),
        ("2", "ValueError", "no such optimizer"),
        ("3", "nan", "loss not finite in epoch 11"),
    ]
    found = causes(pd.DataFrame(rows, columns=["trial", "kind", "message"]))

    assert [(cause.kind, cause.trials) for cause in found] == [
        ("nan", ["1", "3"]),
        ("ValueError", ["2"]),
    ]
    assert "learning rates" in found[0].remedy
    page = Report([Study(tables(whole_life()))]).html()
    assert "no such optimizer" in page
    assert html.escape(found[1].remedy) in page


def test_equal_journals_give_equal_pages(study, page):
    assert Report([Study(study, [("go on", "python -m search resume a-study")])]).html() == page


def test_no_text_of_a_user_becomes_part_of_the_page():
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    params = {"optimizer": evil, "layers": 2}
    first = header(problem=evil)
    space = [{"kind": "Choice", "name": "optimizer", "options": ["sgd", evil]}]
    first = Entry(0.0, replace(first.event, space=space))
    life = [asked("0", 0, 1, params=params), reported("0", 1, 0.5), completed("0", 0.5, 1, 1)]
    life += [asked("1", 0, 1, params=params), Told("1", Failed(evil, evil, "", 0))]
    page = Report([Study(tables(entries(life, first)), [(evil, evil)])]).html()
    found = Ids(page)

    assert evil not in page
    assert (found.scripts, found.fetched) == (2, [])
    assert "img" not in found.tags


@pytest.mark.parametrize(
    ("events", "said"), [(0, "No trial has been proposed yet"), (2, "No trial has a score yet")]
)
def test_a_study_that_has_just_begun_says_so(events, said):
    page = Report([Study(tables(whole_life()[: 1 + events]))]).html()

    assert said in page
    assert "Reproducibility" in page


def test_a_study_whose_trials_all_failed_names_the_cause():
    life = [asked("0", 0, 3), Told("0", Failed("MemoryError", "no room", "", 0)), Stopped("failed")]
    page = Report([Study(tables(entries(life)))]).html()

    assert "Every trial failed" in page
    assert "Out of memory" in page


def test_several_studies_are_compared_first_and_then_told_one_by_one(study, tmp_path):
    other = tables(simulated(tmp_path / "a-study.jsonl", "randomized", trials=12, dies_after=60))
    other = replace(other, study="other")
    page = Report([Study(study), Study(other)]).html()
    found = Ids(page)

    assert page.index('id="comparison"') < page.index('id="study-1"') < page.index('id="study-2"')
    assert {"study-1-answer", "study-2-answer"} <= set(found.ids)
    assert len(set(found.ids)) == len(found.ids)
    names = [trace["name"] for trace in data(page)["comparison-figure"]["data"]]
    assert [name.partition(" ")[0] for name in names] == ["a-study", "other"]


def test_pictures_of_the_model_have_a_place_of_their_own(study):
    from dashboards.figures import theme

    figure = theme.blank("Confusion").add_bar(x=[1], y=[2])
    drawing = Drawing("network", "Network", "three layers", "<svg id='drawn'></svg>")
    report = Report([Study(study, pictures=[drawing, Chart("confusion", figure)])])
    page = report.html()

    assert {"study-1-model", "drawn", "study-1-confusion"} <= set(Ids(page).ids)
    assert "study-1-confusion" in data(page)
    assert "confusion" in [chart.name for chart in report.charts()]
