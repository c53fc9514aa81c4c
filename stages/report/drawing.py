"""What every picture is drawn with: inline SVG, text stays text, the page's colours, equal data give equal bytes."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.sax.saxutils import escape

from stages.report.blocks import Picture

# Drawn in these colours, which then become variables of the page: light and dark then need no second drawing.
INK, MUTED, LINE, ACCENT, PLAIN, STRIP = '#010101', '#020202', '#030303', '#040404', '#050505', '#060606'
_VARIABLES = {INK: 'ink', MUTED: 'muted', LINE: 'line', ACCENT: 'accent', PLAIN: 'plain', STRIP: 'strip'}
WIDTH = 6.2
POINT = 9.5
LONGEST = 36
"""Characters of a name in a picture."""


def short(name: str, longest: int = LONGEST) -> str:
    """Return ``name``, cut where it would not fit; its end tells variants of one matrix apart, so the middle goes."""
    if len(name) <= longest:
        return name
    half = (longest - 1) // 2
    return f'{name[: longest - 1 - half]}…{name[-half:]}'


def new_figure(height: float) -> tuple[Any, Any]:
    """Return a figure of ``height`` inches and its axes, with vertical grid lines and nothing else."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout='constrained')
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    for side in ('top', 'right', 'left'):
        axes.spines[side].set_visible(False)
    axes.spines['bottom'].set_color(LINE)
    axes.tick_params(colors=MUTED, labelsize=POINT, length=0)
    axes.set_axisbelow(True)
    axes.grid(axis='x', color=LINE, linewidth=0.8)
    return figure, axes


def picture(title: str, figure: Any, caption: str, described: str) -> Picture:
    """Return the drawing with its title, its caption, and in words what it shows."""
    return Picture(title, _inline(figure, title, described), caption)


def _inline(figure: Any, title: str, described: str) -> str:
    """SVG that belongs into a page: no prolog, no metadata, no address, ids of its own, the page's font and colours."""
    import matplotlib

    out = io.StringIO()
    salt = re.sub(r'\W+', '-', title.lower())
    with matplotlib.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': salt, 'font.family': 'DejaVu Sans'}):
        figure.savefig(out, format='svg', metadata={'Date': None, 'Creator': None, 'Format': None, 'Type': None})
    svg = out.getvalue()
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->', '', svg, flags=re.S)
    svg = re.sub(r'<defs>\s*</defs>|(<g) id="[^"]*"', lambda match: match.group(1) or '', svg)
    svg = svg.replace('xlink:href', 'href')
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", 'var(--font)', svg)
    for colour, name in _VARIABLES.items():
        svg = svg.replace(colour, f'var(--{name})')
    box = re.search(r'viewBox="([^"]*)"', svg)
    head = (f'<svg viewBox="{box.group(1) if box else ""}" role="img" aria-labelledby="{salt}-title {salt}-desc">\n'
            f'<title id="{salt}-title">{escape(title)}</title>\n'
            f'<desc id="{salt}-desc">{escape(described)}</desc>')  # fmt: skip
    return head + svg[svg.index('>') + 1 :].rstrip()
