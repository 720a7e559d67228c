"""Small HTML components of the live page."""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dash.development.base_component import Component

_WIDE, _HIGH, _EDGE = 96, 24, 2
_BLUE = "#3D8FC6"  # a contrast above 3 to 1 on the light and on the dark background


def pill(state: str) -> "Component":
    """Return a state as text with a coloured dot."""
    from dash import html

    return html.Span(
        [html.Span(className="dot", **{"aria-hidden": "true"}), state], className=f"pill {state}"
    )


def spark(values: Sequence[float], label: str) -> "Component":
    """Return a curve as a small image without axes; empty without epochs."""
    from dash import html

    if not values:
        return html.Span(className="spark")
    low, high = min(values), max(values)
    span, last = (high - low) or 1.0, max(len(values) - 1, 1)
    points = [
        (
            _EDGE + index / last * (_WIDE - 2 * _EDGE),
            _HIGH / 2
            if low == high
            else _HIGH - _EDGE - (value - low) / span * (_HIGH - 2 * _EDGE),
        )
        for index, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}">'
        f'<polyline points="{line}" fill="none" stroke="{_BLUE}" stroke-width="1.5" '
        f'stroke-linejoin="round" stroke-linecap="round"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{_BLUE}"/></svg>'
    )
    coded = base64.b64encode(picture.encode()).decode()
    return html.Img(
        src=f"data:image/svg+xml;base64,{coded}",
        className="spark",
        alt=label,
        width=_WIDE,
        height=_HIGH,
    )
