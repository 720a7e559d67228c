"""Draw the most confused examples as an SVG, with their true and predicted classes."""

import base64
import io
from typing import TYPE_CHECKING, Any

from dashboards.diagrams._canvas import safe
from search.export.evaluation import Classified
from search.study.progress_text import clipped

if TYPE_CHECKING:
    import numpy as np

_COLUMNS, _WIDTH, _PICTURE, _LINE = 4, 112, 84, 13
_HEIGHT = _PICTURE + 3 * _LINE + 14
_LONGEST = 16  # characters of a class's name


def examples(evidence: Classified) -> str:
    """Draw the most confused examples as an SVG, the worst first; "" when inputs are not images.

    Below each image: the true class, the predicted class with its probability, and the probability
    of the true class. Texts have the text colour of the page.
    """
    if evidence.images.ndim < 3 or not len(evidence.images):
        return ""
    count = len(evidence.images)
    columns, rows = min(count, _COLUMNS), -(-count // _COLUMNS)
    width, height = columns * _WIDTH, rows * _HEIGHT
    cells = "".join(_cell(evidence, place) for place in range(count))
    title = f"The {count} most confused examples of the {evidence.part} data"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'style="width:100%;max-width:{width * 1.5:g}px;height:auto" fill="currentColor" '
        'font-family="system-ui, sans-serif" font-size="11">'
        f"<title>{safe(title)}</title>{cells}</svg>"
    )


def _cell(evidence: Classified, place: int) -> str:
    names = evidence.class_names
    left = place % _COLUMNS * _WIDTH
    top = place // _COLUMNS * _HEIGHT
    true, taken = names[evidence.true[place]], names[evidence.predicted[place]]
    share, own = evidence.probability[place], evidence.true_probability[place]
    lines = [
        f'<tspan font-weight="bold">{safe(clipped(true, _LONGEST))}</tspan>',
        f"→ {safe(clipped(taken, 11))} {share:.2f}",
        f"true {own:.2f}",
    ]
    texts = "".join(
        f'<text x="{left + _WIDTH // 2}" y="{top + _PICTURE + 4 + _LINE * number}" '
        f'text-anchor="middle">{line}</text>'
        for number, line in enumerate(lines, start=1)
    )
    hint = f"example {evidence.rows[place]}: {true}, predicted as {taken} ({share:.3f})"
    return (
        f"<g><title>{safe(hint)}</title>"
        f'<image x="{left + (_WIDTH - _PICTURE) // 2}" y="{top + 2}" width="{_PICTURE}" '
        f'height="{_PICTURE}" style="image-rendering:pixelated" '
        f'href="{png_address(evidence.images[place])}"/>{texts}</g>'
    )


def png_address(image: "np.ndarray[Any, Any]") -> str:
    """Encode an image, `(h, w)` grey or `(h, w, 3)` RGB uint8, as a data URL."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
