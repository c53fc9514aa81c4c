"""The page as one self-contained HTML file: every value escaped, no script, nothing loaded from anywhere."""

from __future__ import annotations

from typing import Any

from stages.report.blocks import Block, Page, Picture, Table
from stages.report.template import BLOCKS, POLICY, STYLE, TEMPLATE

FEW = 3
"""Flags that stand open; more would push the table off the first screen, so the others unfold."""


def html(page: Page) -> str:
    """Escaping is the environment's default; only our own drawings and style sheet are marked as safe."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    templates = {name: environment.from_string(text) for name, text in BLOCKS.items()}
    # A table of a section's own name needs no second heading.
    titles = {section.title for section in page.sections} | {'Costs of a start'}

    def shown(block: Block) -> Any:
        svg = Markup(block.svg) if isinstance(block, Picture) else ''  # noqa: S704 our own drawing
        titled = isinstance(block, Table) and block.title not in titles
        return Markup(templates[type(block).__name__].render(block=block, svg=svg, titled=titled))  # noqa: S704 already escaped

    style = Markup(STYLE)  # noqa: S704 a constant
    return environment.from_string(TEMPLATE).render(page=page, policy=POLICY, style=style, shown=shown, few=FEW)
