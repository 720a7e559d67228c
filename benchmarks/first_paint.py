"""The live page over a large study: from the click to numbers, table and figures in a browser.

The study is simulated, its journal and the page are the real ones. Each round is a browser without
a cache, in a context of its own; the server has been started before.
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import ROOT
from benchmarks.results import FOLDER, QUICK_FOLDER, Results
from benchmarks.simulator import simulate
from search.study.store import Store

AIM_SECONDS = 3.0
FIGURES = 3
DRAWN = f"""() => [...document.querySelectorAll('.js-plotly-plot')]
  .filter(figure => figure._fullData && figure._fullData.length
    && figure.querySelector('.main-svg')).length >= {FIGURES}"""


@contextlib.contextmanager
def served(store: Store) -> Iterator[str]:
    """The address of the live page over a store."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "search", "dash", "--port", str(port), "--store"]
    with subprocess.Popen(
        [*words, str(store.root)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)


def main() -> None:
    """Measure anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_paint", description=__doc__)
    parser.add_argument("--trials", type=int, default=2_000, help="of the study (default 2,000)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that all of it runs")
    parser.add_argument("--folder", type=Path, help="where results go")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        sys.exit("a page is measured in Chromium, got none on the path; `apt-get install chromium`")
    results = Results("first_paint", options.folder or (QUICK_FOLDER if options.quick else FOLDER))
    results.clear()
    trials, repeats = (100, 1) if options.quick else (options.trials, options.repeats)
    words = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, sync_playwright() as drive:
        store = Store(Path(folder))
        simulate("hyperband", 8, trials, store.journal("simulated"))
        browser = drive.chromium.launch(executable_path=program, args=words)
        with served(store) as address:
            for number in range(1, repeats + 1):
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                page = context.new_page()
                load, began = round(os.getloadavg()[0], 2), time.perf_counter()
                page.goto(address, wait_until="commit")
                page.locator("table.trials tbody tr").first.wait_for()
                numbers = time.perf_counter() - began
                page.wait_for_function(DRAWN)
                seconds = time.perf_counter() - began
                context.close()
                results.append(
                    {
                        "round": number,
                        "trials": trials,
                        "numbers_seconds": round(numbers, 3),
                        "seconds": round(seconds, 3),
                        "load": load,
                    }
                )
                print(
                    f"{trials} trials: numbers and table {numbers:.1f} s, figures {seconds:.1f} s "
                    f"(aim {AIM_SECONDS:g} s)"
                )
        browser.close()


if __name__ == "__main__":
    main()
