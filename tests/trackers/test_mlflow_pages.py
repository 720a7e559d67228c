"""The MLflow UI in a browser: what `ui` links to, after real studies of a few trials.

MLflow 3.17 draws parallel coordinates on a canvas, without plotly: what it was given is read from
React's own record of the element. A line chart has two traces per run.
"""

import contextlib
import io
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.cli.main import main
from search.study.study_record import fold
from search.trackers.mlflow import MlflowTracker
from tests.browser import traces, wait_for_figures
from tests.records import header, whole_life

pytestmark = pytest.mark.slow

KNOWN = (
    # mlflow 3.17.2, without its optional accounts, asks who the user is and gets a 404
    "/mlflow/users/current: 404",
    "Failed to load resource: the server responded with a status of 404 (Not Found)",
    # mlflow 3.17.2: its charts follow their own size, which takes the browser two frames
    "ResizeObserver loop completed with undelivered notifications.",
    # mlflow 3.17.2, now and then: it draws its parallel axes before their panel has a width
    '<g> attribute transform: Expected number, "translate(NaN)".',
)
GIVEN = """(element) => {
  const key = Object.keys(element).find(name => name.startsWith('__reactFiber'));
  for (let fiber = element[key]; fiber; fiber = fiber.return)
    if (fiber.memoizedProps && Array.isArray(fiber.memoizedProps.data))
      return fiber.memoizedProps.data;
  return [];
}"""


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A real study of digits, and beside it one that was made up, for the comparison."""
    store = tmp_path_factory.mktemp("pages") / "mlruns"
    words = ["run", "digits", "--study", "halves", "--trials", "5", "--max-epochs", "2", "--quiet"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert main([*words, "--workers", "1", "--store", str(store)]) == 0
    other = fold(whole_life(header("draws", "digits")))
    tracker = MlflowTracker(f"sqlite:///{store / 'mlflow.db'}", store / "artifacts")
    tracker.start_study(other)
    tracker.end_study(other, None)
    return store


@pytest.fixture(scope="module")
def links(store) -> Iterator[dict[str, str]]:
    """What `ui` prints: the links to the study, to all studies, and without saved charts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "search", "ui", "halves", "--store", str(store)]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    found = {"study": process.stdout.readline().strip()}
    for line in process.stderr:
        word, _, link = line.partition(": ")
        found[word] = link.strip()
        if "Ctrl-C" in line:
            break
    yield found
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def shown(store) -> dict:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["show", "halves", "--json", "--store", str(store)]) == 0
    return json.loads(printed.getvalue())


def test_the_link_opens_on_curves_parallel_coordinates_and_a_chart_for_each_parameter(
    open_page, links, shown
):
    opened = open_page(links["study"], height=3000)
    page, trials = opened.page, shown["trials"]
    wait_for_figures(page, 4)
    curves, *scatters = traces(page)

    names = {"trial 0 baseline", *(f"trial {t['trial']}" for t in trials[1:])}
    assert {trace.name for trace in curves} == names
    epochs = {f"trial {t['trial']}": t["epochs"] for t in trials[1:]}
    assert all(t.points == epochs[t.name] for t in curves if t.name in epochs)

    scored = [trial for trial in trials if trial["score"] is not None]
    assert len(scatters) >= 3
    for (points,) in scatters:
        assert 0 < points.points <= len(scored)
    assert max(points.points for (points,) in scatters) == len(scored)

    page.wait_for_selector(".parcoords canvas")
    assert len(page.locator(".parcoords").first.evaluate(GIVEN)) == len(scored)
    assert page.locator(".parcoords .dimension").count() >= 4

    # Children stand in the list without a click.
    for name in names:
        assert page.get_by_role("link", name=name, exact=True).count() == 1
    assert opened.faults(KNOWN) == []


def test_studies_stand_side_by_side(open_page, links):
    opened = open_page(links["all studies of the problem"], height=2000)
    wait_for_figures(opened.page, 5)
    lines, by_time, *bars = traces(opened.page)

    assert (
        {trace.name for trace in lines} == {trace.name for trace in by_time} == {"halves", "draws"}
    )
    assert [[bar.points for bar in figure] for figure in bars] == [[2]] * 3
    assert opened.faults(KNOWN) == []


def test_the_plain_link_needs_no_view(open_page, links):
    """A future MLflow that knows nothing of these views still shows the study."""
    opened = open_page(links["without saved charts"])
    wait_for_figures(opened.page, 3)

    assert opened.page.get_by_role("link", name="trial 0 baseline", exact=True).count() == 1
    assert opened.faults(KNOWN) == []
