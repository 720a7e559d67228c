"""Figures as files for papers: SVG or PNG, on white, made by plotly's exporter in a browser."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from search.errors import SearchError, unknown_name

if TYPE_CHECKING:
    import plotly.graph_objects as go

Format = Literal["svg", "png"]
_INK = "#222222"
_PALE = "#DDDDDD"
_WIDTH_PIXELS = 800
_SCALE = 2.5  # of PNG: 240 dots per inch at the width that is shown


def save(
    figures: "Mapping[str, go.Figure]", folder: Path | str, format: Format = "svg"
) -> list[Path]:
    """Write each figure as `<folder>/<name>.<format>`, in print colours; their paths.

    Raises: SearchError where there is no browser to draw with, or it does not start (nothing is
    written then); UsageError for an unknown format.
    """
    import kaleido
    from kaleido.errors import BrowserClosedError, BrowserFailedError, ChromeNotFoundError

    if format not in get_args(Format):
        raise unknown_name("format", format, get_args(Format))
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    scale = _SCALE if format == "png" else 1.0
    made = []
    jobs: list[dict[str, Any]] = []
    for name, figure in figures.items():
        printed = for_print(figure)
        made.append(target / f"{name}.{format}")
        size = {"width": _WIDTH_PIXELS, "height": printed.layout.height or 450}
        jobs.append(
            {"fig": printed, "path": made[-1], "opts": {"format": format, "scale": scale} | size}
        )
    # mathjax would be fetched from the network, and the figures have no formulas
    options: dict[str, Any] = {"mathjax": False}
    try:
        kaleido.write_fig_from_object_sync(jobs, cancel_on_error=True, kopts=options)
    except (ChromeNotFoundError, BrowserFailedError, BrowserClosedError) as error:
        raise SearchError(
            "pictures are drawn by a browser, got none that starts; install Chromium or Chrome "
            "(`apt-get install chromium`, or `plotly_get_chrome`), or name one by BROWSER_PATH"
        ) from error
    return made


def for_print(figure: "go.Figure") -> "go.Figure":
    """A copy for paper: a white background, dark text."""
    import plotly.graph_objects as go

    copy = go.Figure(figure)
    copy.update_layout(paper_bgcolor="#FFFFFF", plot_bgcolor="#FFFFFF", font_color=_INK)
    copy.update_layout(title_subtitle_font_color=_INK)
    copy.update_xaxes(gridcolor=_PALE, linecolor=_PALE, zerolinecolor=_PALE)
    copy.update_yaxes(gridcolor=_PALE, linecolor=_PALE, zerolinecolor=_PALE)
    dark = {"color": _INK}
    return copy.update_traces(labelfont=dark, tickfont=dark, selector={"type": "parcoords"})
