"""Markup and scripts in the names, options and errors of a study: they are shown, and never run."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dashboards.live.app import make
from dashboards.live.follower import Watcher
from search.engine.plan import recorded_plan
from search.study.store import Store
from tests.faults.study import Study, twin
from tests.trackers.watching import HandClock

pytestmark = pytest.mark.faults_all

FILE = Path(__file__).parent / "evil_names.py"
EVIL = "</script><script>alert('1')</script><!-- <img src=x onerror=alert(2)>"
EVIL += """ " onmouseover="alert(3)" ' onload='alert(4)'"""


class Page(HTMLParser):
    """The elements of a page with the names of their attributes, its links, its data."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.kinds: set[tuple[str, str]] = set()
        self.links: list[str] = []
        self.scripts = 0
        self.comments: list[str] = []
        self.texts: list[str] = []
        self.data: list[Any] = []
        self._in_data = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.kinds |= {(tag, name) for name, _ in attrs} | {(tag, "")}
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        kind = dict(attrs).get("type")
        self._in_data = tag == "script" and kind == "application/json"
        self.scripts += tag == "script" and kind is None

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data.append(json.loads(data))
        else:
            self.texts.append(data)
        self._in_data = False

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def study(folder: Path, evil: str) -> Study:
    """A study that has this word wherever a user's may be, at its end."""
    made = Study(folder, problem=FILE, env={"EVIL": evil})
    ended = made.run()
    assert ended.code == 0, ended.err
    return made


def report(study: Study) -> Page:
    """The report of it."""
    to = study.folder / "report.html"
    with study.command("report", study.name, "--to", str(to)) as command:
        assert command.wait().code == 0
    return Page(to.read_text())


def parts(component: Any) -> Iterator[dict[str, Any]]:
    """A component of Dash's, as the browser is told of it, and all that are inside."""
    if isinstance(component, dict):
        if {"type", "namespace", "props"} <= component.keys():
            yield component
        for inner in component.values():
            yield from parts(inner)
    elif isinstance(component, list):
        for inner in component:
            yield from parts(inner)


def live(study: Study) -> tuple[str, list[dict[str, Any]]]:
    """The page that the server sends, and the components that it is told of after that."""
    watcher = Watcher(Store(study.store), recorded_plan, HandClock())
    client = make(watcher, HandClock(), study.name).server.test_client()
    layout = client.get("/_dash-layout")
    assert layout.mimetype == "application/json"
    return client.get("/").text, list(parts(layout.get_json()))


def test_scripts_in_names_are_text_in_report_and_live_page(tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "evil").mkdir()
    plain, evil = study(tmp_path / "plain", "plain"), study(tmp_path / "evil", EVIL)
    assert evil.came().weights == plain.came().weights
    assert evil.came().curves.keys() == twin().curves.keys()
    assert evil.failures().keys() == plain.failures().keys()
    assert len(evil.failures()) == 1

    expected, found = report(plain), report(evil)
    assert any(EVIL in text for text in found.texts)
    assert EVIL in str(found.data) or "alert" in str(found.data)
    assert found.kinds <= expected.kinds
    assert found.scripts == expected.scripts
    assert found.comments == expected.comments
    assert len(found.data) == len(expected.data)
    assert not any("alert" in link for link in found.links)

    (usual, known), (page, told) = live(plain), live(evil)
    assert Page(page).kinds <= Page(usual).kinds
    assert "alert" not in page
    assert any("<script>alert(" in str(part["props"]) for part in told)
    names = [
        {(one["namespace"], one["type"], prop) for one in some for prop in one["props"]}
        for some in (known, told)
    ]
    assert names[1] <= names[0]
    assert not any("angerously" in prop or prop == "srcDoc" for _, _, prop in names[1])
    links = [str(part["props"].get(name)) for part in told for name in ("href", "src")]
    assert not any("alert" in link for link in links)
