"""A page for a terminal: aligned columns, nothing escaped, no line longer than it must be."""

from __future__ import annotations

import textwrap

from stages.report.blocks import Block, Code, Items, Page, Paragraph, Picture, Table
from stages.report.markdown import width

WIDTH = 100
"""Columns that sentences are wrapped at; tables take what they need."""


def plain(page: Page) -> str:
    """Return the page as plain text."""
    lines = [f'{page.title}  ({page.subtitle})' if page.subtitle else page.title]
    lines += [page.headline] if page.headline else []
    wide = max((width(fact.title) for fact in page.facts), default=0)
    for fact in page.facts:
        note = f'  ({fact.note})' if fact.note else ''
        lines += _wrapped(f'  {fact.title + " " * (wide - width(fact.title))}  {fact.value}{note}', ' ' * (wide + 4))
    if page.measured:
        lines += _wrapped('  ' + ' · '.join(f'{fact.title} {fact.value}' for fact in page.measured), '    ')
    for text in (*page.verdicts, *(f'⚠ {flag}' for flag in page.flags)):
        lines += _wrapped(f'  {text}', '    ')
    for section in page.sections:
        lines += ['', section.title] if section.title else ['']
        for block in section.blocks:
            lines += _block(block)
    return '\n'.join(line.rstrip() for line in lines) + '\n'


def _block(block: Block) -> list[str]:
    match block:
        case Paragraph():
            return _wrapped(f'  {block.text}', '  ')
        case Items():
            return [line for text in block.texts for line in _wrapped(f'  {"⚠ " * block.warning}{text}', '    ')]
        case Code():
            return [f'    {line}' for line in block.lines]
        case Table():
            return _table(block)
        case Picture():
            return []


def _table(table: Table) -> list[str]:
    rows = [tuple(column.title for column in table.columns), *(line.cells for line in table.lines)]
    wide = [max(width(row[at]) for row in rows) for at in range(len(table.columns))]
    lines = []
    for row in rows:
        cells = [
            ' ' * (space - width(cell)) + cell if column.right else cell + ' ' * (space - width(cell))
            for cell, space, column in zip(row, wide, table.columns, strict=True)
        ]
        lines.append('  ' + '  '.join(cells))
    return [*lines, *(_wrapped(f'  {table.note}', '  ') if table.note else [])]


def _wrapped(text: str, then: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=then, break_long_words=False, break_on_hyphens=False) or ['']
