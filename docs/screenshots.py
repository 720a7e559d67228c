"""Makes the pictures of pages in `docs/images/`: `make screenshots`.

Runs a small study into a temporary store, opens each page of `PAGES` in a headless Chromium and
writes it as a PNG with a palette. Another page is one more line there.
"""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

IMAGES = Path(__file__).parent / "images"
STUDY = "digits-hyperband-1"
RUN = (
    "run",
    "digits",
    "--study",
    STUDY,
    "--trials",
    "30",
    "--max-epochs",
    "9",
    "--workers",
    "1",
    "--quiet",
)
LARGEST_BYTES = 150_000
WAIT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Page:
    """A page: what `python -m search` is asked for, and how it is looked at.

    `url`: a file that the command writes into its working folder; None: the command serves, and
    the first line it prints is the address. `{port}` in the command is a free port. `ready`: what
    is there once the page is drawn. `close`: what is clicked first, where it is there.
    """

    name: str
    command: str
    url: str | None = None
    width: int = 1280
    height: int = 900
    scheme: Literal["light", "dark"] = "light"
    ready: str = ".js-plotly-plot .main-svg"
    close: tuple[str, ...] = ()


PAGES = (
    # MLflow opens with a panel for its assistant, and a line on what a shared view is.
    Page(
        "mlflow",
        f"ui {STUDY} --port {{port}}",
        width=1500,
        height=1300,
        close=('[aria-label="Close"]',),
    ),
    Page("report", f"report {STUDY}", url="report.html", height=1500),
    Page("live", f"dash {STUDY} --port {{port}}", height=1300),
)


def main(names: list[str]) -> int:
    """Make the pictures of these pages, or of all."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        sys.stderr.write("pictures need a Chromium; install it with `apt-get install chromium`\n")
        return 1
    chosen = [page for page in PAGES if not names or page.name in names]
    words = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        subprocess.run([*search(), *RUN], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        browser = playwright.chromium.launch(executable_path=program, args=words)
        for page in chosen:
            with address(page, Path(folder)) as url:
                tab = browser.new_page(
                    viewport={"width": page.width, "height": page.height}, color_scheme=page.scheme
                )
                tab.set_default_timeout(WAIT_MS)
                tab.goto(url)
                tab.wait_for_selector(page.ready)
                for selector in page.close:
                    for element in tab.locator(selector).all():
                        element.click()
                tab.wait_for_timeout(3000)  # transitions, and charts that follow their size
                written = IMAGES / f"{page.name}.png"
                written.write_bytes(compressed(tab.screenshot()))
                tab.close()
            sys.stdout.write(f"{written}: {written.stat().st_size // 1000} kB\n")
        browser.close()
    return 0


def search() -> list[str]:
    """The command line of this checkout, from any folder."""
    return [sys.executable, "-m", "search"]


@contextmanager
def address(page: Page, folder: Path) -> Iterator[str]:
    """Where the page is; its server, where it has one, ends afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*search(), *page.command.format(port=port).split()]
    if page.url is not None:
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        yield (folder / page.url).as_uri()
        return
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.send_signal(signal.SIGINT)


def compressed(png: bytes) -> bytes:
    """The picture with as many colours as the limit of bytes allows."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colors in (256, 128, 64, 32, 16):
        small = io.BytesIO()
        picture.quantize(colors, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        if small.tell() <= LARGEST_BYTES:
            break
    return small.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
