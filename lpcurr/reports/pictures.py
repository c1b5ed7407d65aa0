"""From panels to files: inline SVG for a page, one PNG for a run folder."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from lpcurr.memory.files import write_atomically
from lpcurr.reports.panels import Panel

_INK = "#010203"  # replaced in SVG by the colour of the page's text, which changes with light and dark
_STYLE: Any = {
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # labels are anybody's text, and half a formula in one would end the report
}
_THEMED: Any = dict.fromkeys(
    ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), _INK
)


def draw_png(title: str, panels: Sequence[Panel], path: Path) -> None:
    """Draw one picture of several panels, two in a row, or of none."""
    # A figure of its own, without pyplot: no global state, no window, whatever backend is set.
    content = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        rows = max(-(-len(panels) // 2), 1)
        figure = Figure(figsize=(12.4, 3.1 * rows + 0.4), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(textwrap.fill(title, 120), fontsize=11)
        axes = figure.subplots(rows, 2, squeeze=False).ravel()
        for axis, panel in zip(axes, panels, strict=False):
            panel.draw(axis)
            axis.set_title(panel.title, fontsize=10)
        for axis in axes[max(len(panels), 1) :]:
            axis.set_axis_off()
        if not panels:
            axes[0].text(0.5, 0.5, "no data", ha="center", va="center", color="#666666")
        figure.savefig(content, dpi=110)
    write_atomically(path, content.getvalue())


def inline_svg(panel: Panel, prefix: str) -> str:
    """Return a panel as an SVG element: colours of the page's text, ids with a prefix, no outside address."""
    for_page = {"grid.alpha": 0.12, "svg.fonttype": "none", "svg.hashsalt": prefix, "font.family": "sans-serif"}
    settings = _STYLE | _THEMED | for_page
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(6.2, 3.2))
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0.0)
        # Margins by hand: working them out would draw everything twice.
        axis = figure.subplots(gridspec_kw={"left": panel.left, "right": 0.98, "bottom": 0.14, "top": 0.97})
        axis.patch.set_alpha(0.0)
        panel.draw(axis)
        stream = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing, dpi=150)
    return _embed(stream.getvalue(), prefix)


def _embed(svg: str, prefix: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)  # an HTML parser knows what <svg> is
    svg = svg.replace("xlink:href=", "href=")
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-")
    for attribute in ("width", "height"):
        svg = re.sub(rf'(<svg[^>]*?) {attribute}="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace(_INK, "currentColor")
    return svg.replace("<svg", '<svg aria-hidden="true"', 1)
