"""Write figures as SVG or PNG files for print, with plotly's exporter in a browser."""

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
_SCALE = 2.5  # of PNG: 240 dots per inch at the displayed width


def save(
    figures: "Mapping[str, go.Figure]", folder: Path | str, format: Format = "svg"
) -> list[Path]:
    """Write each figure as `<folder>/<name>.<format>`, in print colours.

    Args:
        figures: Plotly figures by name.
        folder: Folder to write to. It is created if missing.
        format: "svg" or "png".

    Returns:
        The paths of the files, in the order of the figures.

    Raises:
        SearchError: No browser is installed, or it does not start; no file is written.
        UsageError: The format is unknown.
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
    # the figures have no formulas, and mathjax would be downloaded
    options: dict[str, Any] = {"mathjax": False}
    try:
        kaleido.write_fig_from_object_sync(jobs, cancel_on_error=True, kopts=options)
    except (ChromeNotFoundError, BrowserFailedError, BrowserClosedError) as error:
        raise SearchError(
            "Cannot write figures: plotly needs Chromium or Chrome, and no browser starts. Install "
            "one (`apt-get install chromium`, or `plotly_get_chrome`), or set BROWSER_PATH."
        ) from error
    return made


def for_print(figure: "go.Figure") -> "go.Figure":
    """Return a copy of the figure for print, with a white background and dark text."""
    import plotly.graph_objects as go

    copy = go.Figure(figure)
    copy.update_layout(paper_bgcolor="#FFFFFF", plot_bgcolor="#FFFFFF", font_color=_INK)
    copy.update_layout(title_subtitle_font_color=_INK)
    copy.update_xaxes(gridcolor=_PALE, linecolor=_PALE, zerolinecolor=_PALE)
    copy.update_yaxes(gridcolor=_PALE, linecolor=_PALE, zerolinecolor=_PALE)
    dark = {"color": _INK}
    return copy.update_traces(labelfont=dark, tickfont=dark, selector={"type": "parcoords"})
