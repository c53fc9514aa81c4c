"""The page as one self-contained HTML file: every value escaped, nothing loaded from anywhere, one script of ours.

The content policy takes exactly our style sheet and our script, by their digests: whatever else a page might come to
hold does nothing.
"""

from __future__ import annotations

import re
from typing import Any

from stages.report.blocks import Block, Page, Picture, Table
from stages.report.script import SCRIPT, allowed
from stages.report.template import BLOCKS, STYLE, TEMPLATE

FEW = 3
"""Sentences and flags that stand open; more would push the table off the first screen, so the others unfold."""

MOST = 10
"""Items of a list that stand open."""

_TOGETHER = re.compile(r' (?=[±%]|(?:ms|µs|s|MiB|MB|kB|points?)\b)|(?<=±) ')
"""Spaces at which a number must not be torn apart."""

_INTERVAL = re.compile(r'\([^()\s]+–[^()\s]+\)')
_MOMENT = re.compile(r'(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC')
_TAG = re.compile(r'<[^>]*>')
_STYLED = re.compile(r' style="([^"{}<>]*)"')


def html(page: Page) -> str:
    """Escaping is the environment's default; only our own drawings, style sheet and script are marked as safe."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    templates = {name: environment.from_string(text) for name, text in BLOCKS.items()}
    # A table of a section's own name needs no second heading.
    titles = {section.title for section in page.sections} | {'Costs of a start'}
    classes: dict[str, str] = {}

    def shown(block: Block) -> Any:
        svg = Markup(classed(block.svg, classes)) if isinstance(block, Picture) else ''  # noqa: S704 our own drawing
        titled = isinstance(block, Table) and block.title not in titles
        given = {'block': block, 'svg': svg, 'titled': titled, 'kept': kept, 'linked': linked, 'most': MOST}
        return Markup(templates[type(block).__name__].render(given))  # noqa: S704 already escaped

    def linked(cell: str, table: Table) -> Any:
        link = dict(table.links).get(cell)
        return Markup('<a href="{}">{}</a>').format(link, cell) if link else kept(cell)

    # The first verdict begins with the headline, which stands above it.
    first, *others = [text.removeprefix(f'{page.headline}: ') for text in page.verdicts] or ['']
    named = first.partition(' ')[0].endswith(':')  # a variant is called as it is called
    said = [text for text in (first if named else first[:1].upper() + first[1:], *others) if text]
    # Drawn first: what the drawings look like becomes part of the style sheet.
    drawn = {id(block): shown(block) for section in page.sections for block in section.blocks}
    style = STYLE + ''.join(f'.{name} {{ {look} }}\n' for look, name in classes.items())
    policy = f"default-src 'none'; style-src {allowed(style)}; script-src {allowed(SCRIPT)}; base-uri 'none'; "
    return environment.from_string(TEMPLATE).render(
        page=page,
        policy=policy + "form-action 'none'",
        style=Markup(style),  # noqa: S704 constants, and looks of our own drawings
        script=Markup(SCRIPT),  # noqa: S704 a constant
        shown=lambda block: drawn[id(block)],
        kept=kept,
        said=said,
        few=FEW,
    )


def kept(text: str) -> Any:
    """Return ``text``, escaped, so that no number and no interval is torn apart at the end of a line."""
    from markupsafe import Markup, escape

    if moment := _MOMENT.fullmatch(text):  # the script adds how long ago that was, which a page cannot know
        return Markup('<time datetime="{}T{}Z">{}</time>').format(moment[1], moment[2], text)
    safe = _TOGETHER.sub('\u00a0', str(escape(text)))
    return Markup(_INTERVAL.sub(r'<span class="whole">\g<0></span>', safe))  # noqa: S704 escaped before


def classed(svg: str, classes: dict[str, str]) -> str:
    """Return ``svg`` with classes in place of looks that stand inline, which no strict policy takes; they are added.

    Only tags are looked at: what a drawing's words say is never taken for one.
    """

    def name(found: re.Match[str]) -> str:
        return f' class="{classes.setdefault(found[1], f"d{len(classes)}")}"'

    return _TAG.sub(lambda tag: _STYLED.sub(name, tag[0]), svg)
