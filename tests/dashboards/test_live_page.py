"""The live page in a real browser, served by the command, over a study that another process runs.

The other process is this one: it holds the journal open and appends to it.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from search.cli.main import main
from search.study.events import Entry
from search.study.journal import Journal
from search.study.store import Store
from tests.browser import focus_is_visible, overflowing, traces, wait_for_figures
from tests.dashboards.studies import simulated

ROOT = Path(__file__).parent.parent.parent
STUDY = "a-study"


@dataclass
class Served:
    """A served store: its address, and the study that goes on in it."""

    address: str
    journal: Journal
    left: list[Entry]

    def grow(self, count: int) -> None:
        """So many more events."""
        for entry in self.left[:count]:
            self.journal.append(entry)
        del self.left[:count]
        self.journal.commit()


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("live")
    life = simulated(folder / "made.jsonl", "halving", trials=30, slots=3)
    half = len(life) // 2
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Journal.create(Store(folder / "store").journal(STUDY), life[:half]) as journal:
        command = [sys.executable, "-m", "search", "dash", "--store", str(folder / "store")]
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Served(process.stdout.readline().strip(), journal, life[half:])
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
            assert (process.returncode, said.splitlines()[-1]) == (0, "stopped")
        finally:
            process.kill()
            process.communicate()


def number(page, name: str) -> str:
    return page.locator(f"#headline .number:has(dt:text-is('{name}')) .value").inner_text()


def test_the_page_shows_numbers_figures_and_trials_and_goes_on_with_the_study(served, open_page):
    seen = open_page(served.address)
    page = seen.page
    wait_for_figures(page, 3)
    assert page.locator("#about .pill").inner_text() == "running"
    rows, epochs = page.locator("table.trials tbody tr").count(), number(page, "Epochs")
    in_flight = page.locator("#flights li").count()
    assert rows > 5
    assert in_flight == 3
    before = traces(page, "#best")[0]
    assert sum(trace.points for trace in before) > rows / 2
    # a choice and a filter of the reader's stay over updates
    page.get_by_label("epochs").check()
    page.locator("#filter").fill("layers=2")
    page.locator(".pager .shown", has_text="(of").wait_for()
    served.grow(len(served.left) // 2)
    shown = "#headline .number:has(dt:text-is('Epochs')) .value"
    page.locator(f"{shown}:not(:text-is('{epochs}'))").wait_for()
    page.wait_for_function(
        "before => document.querySelector('#best .js-plotly-plot')._fullData"
        ".reduce((sum, trace) => sum + trace.x.length, 0) > before",
        arg=sum(trace.points for trace in before),
    )
    assert page.locator("#filter").input_value() == "layers=2"
    assert "by epochs" in page.locator("#best-title").inner_text()
    assert seen.faults() == []


def test_a_trial_is_sorted_to_the_top_and_opened(served, open_page):
    seen = open_page(served.address)
    page = seen.page
    wait_for_figures(page, 3)
    page.locator("thead button", has_text="score").click()
    page.locator("th[aria-sort=descending]").wait_for()
    scores = page.locator("tbody td:nth-child(3)").all_inner_texts()
    assert [s for s in scores if s] == sorted((s for s in scores if s), reverse=True)
    button = page.locator("tbody button.open").first
    trial = button.inner_text().split()[0]
    button.click()
    page.locator("#facts h3", has_text=f"Trial {trial}").wait_for()
    wait_for_figures(page, 1, "#own-curve")
    assert {"layers", "optimizer", "learning_rate"} <= set(
        page.locator("#facts dt").all_inner_texts()
    )
    assert traces(page, "#own-curve")[0]
    page.locator("#facts button").click()
    page.locator("#trial").wait_for(state="hidden")
    assert seen.faults() == []


def test_every_figure_is_drawn_when_it_is_chosen(served, open_page):
    seen = open_page(served.address)
    page = seen.page
    wait_for_figures(page, 3)
    for word in page.locator("#explored-word label").all_inner_texts():
        before = page.locator("#explored-title").inner_text()
        label = page.locator("#explored-word label", has_text=word)
        if label.locator("input").is_checked():
            continue
        label.click()
        page.wait_for_function(
            "before => document.querySelector('#explored-title').innerText !== before", arg=before
        )
    assert seen.faults() == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_overflows_texts_are_readable_and_the_focus_shows(served, open_page, width, scheme):
    seen = open_page(served.address, width=width, scheme=scheme)
    page = seen.page
    wait_for_figures(page, 3)
    assert overflowing(page) == []
    assert focus_is_visible(page, "thead button")
    assert focus_is_visible(page, "button.open")
    fold_data, text = page.evaluate(
        "() => { const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]; }"
    )
    dark = sum(map(int, fold_data[4:-1].split(","))) < 3 * 128
    assert dark == (scheme == "dark")
    assert dark != (sum(map(int, text[4:-1].split(","))) < 3 * 128)
    assert seen.faults() == []


def test_nothing_is_asked_of_another_machine(served, open_page):
    asked: list[str] = []
    seen = open_page("about:blank")
    seen.page.on("request", lambda request: asked.append(request.url))
    seen.page.goto(served.address)
    wait_for_figures(seen.page, 3)
    own = (served.address, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


def test_a_used_port_and_an_unknown_study_are_refused(served, capsys):
    store = str(Path(served.journal.path).parent.parent)
    port = served.address.rpartition(":")[2]
    assert main(["dash", "--store", store, "--port", port]) == 1
    assert f"Port {port} of 127.0.0.1 is not available for the live page" in capsys.readouterr().err
    assert main(["dash", "a-stduy", "--store", store]) == 2
    assert "did you mean 'a-study'" in capsys.readouterr().err
