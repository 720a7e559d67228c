"""Figures as SVG or PNG files, by plotly's exporter, which needs a browser on this machine."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from search.errors import SearchError

if TYPE_CHECKING:
    from dashboards.charts import Chart

FORMATS = ("svg", "png")
_WIDTH = 800
_SCALE = {"svg": 1, "png": 2}


def save(charts: "Sequence[Chart]", folder: Path, kind: str) -> list[Path]:
    """Write each chart to `folder` as NAME.svg or NAME.png, 800 pixels wide; the paths.

    Raises: SearchError where no browser is found, or a file cannot be written.
    """
    import kaleido
    from kaleido.errors import ChromeNotFoundError

    paths = [folder / f"{chart.name}.{kind}" for chart in charts]
    specs = [
        {
            "fig": chart.figure.to_dict(),
            "path": path,
            "opts": {
                "format": kind,
                "width": _WIDTH,
                "height": chart.figure.layout.height or 400,
                "scale": _SCALE[kind],
            },
        }
        for chart, path in zip(charts, paths, strict=True)
    ]
    for name in ("kaleido", "choreographer"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # MathJax would come from a server elsewhere; no figure has formulas
        kaleido.write_fig_from_object_sync(specs, kopts={"mathjax": False})
    except ChromeNotFoundError as error:
        raise SearchError(
            "pictures need a browser, got no Chromium or Chrome on this machine; install one "
            "(Debian: apt install chromium), or name it in BROWSER_PATH"
        ) from error
    except OSError as error:
        raise SearchError(
            f"--figures must be a folder that can be written, got {folder}: "
            f"{error.strerror or error}; choose another"
        ) from error
    return paths
