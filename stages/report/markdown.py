"""The page as Markdown that reads well in a terminal: tables are aligned, nothing needs rendering."""

from __future__ import annotations

import unicodedata

from stages.report.blocks import Block, Code, Column, Fact, Items, Page, Paragraph, Picture, Table
from stages.report.text import in_markdown


def markdown(page: Page) -> str:
    lines = [f'# {in_markdown(page.title)}', '', in_markdown(page.subtitle), '']
    first, *others = [text for text in (page.headline, *page.verdicts) if text] or ['']
    if others and others[0].startswith(first):  # the first verdict says the headline too
        first, *others = others
    lines += [f'**{in_markdown(first)}**', ''] if first else []
    lines += [f'{in_markdown(text)}\n' for text in others]
    lines += [_fact(fact) for fact in page.facts] + [''] * bool(page.facts)
    lines += [' · '.join(in_markdown(f'{fact.title} {fact.value}') for fact in page.measured), ''] * bool(page.measured)
    lines += [f'- ⚠ {in_markdown(text)}' for text in page.flags] + [''] * bool(page.flags)
    for section in page.sections:
        shown = [text for block in section.blocks if (text := _block(block))]
        if shown:
            lines += [f'## {in_markdown(section.title)}', '', '\n\n'.join(shown), '']
    return '\n'.join(lines).rstrip() + '\n'


def _fact(fact: Fact) -> str:
    note = f' ({in_markdown(fact.note)})' if fact.note else ''
    return f'- {in_markdown(fact.title)}: **{in_markdown(fact.value)}**{note}'


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return in_markdown(block.text)
        case Items():
            return '\n'.join(f'- {"⚠ " * block.warning}{in_markdown(text)}' for text in block.texts)
        case Code():
            return '\n'.join(f'    {line}' for line in block.lines)
        case Table():
            return _table(block)
        case Picture():
            # The pictures are in report.html; their numbers are in the tables here.
            return ''


def _table(table: Table) -> str:
    cells = [[in_markdown(cell) for cell in line.cells] for line in table.lines]
    heads = [in_markdown(column.title) for column in table.columns]
    widths = [max(3, *(width(row[at]) for row in [heads, *cells])) for at in range(len(heads))]
    rule = [('-' * (wide + 1) + ':') if column.right else '-' * (wide + 2)
            for wide, column in zip(widths, table.columns, strict=True)]  # fmt: skip
    lines = [_line(heads, widths, table.columns), '|' + '|'.join(rule) + '|']
    lines += [_line(row, widths, table.columns) for row in cells]
    return '\n'.join(lines) + (f'\n\n{in_markdown(table.note)}' if table.note else '')


def _line(cells: list[str], widths: list[int], columns: tuple[Column, ...]) -> str:
    padded = []
    for cell, wide, column in zip(cells, widths, columns, strict=True):
        space = ' ' * (wide - width(cell))
        padded.append(space + cell if column.right else cell + space)
    return '| ' + ' | '.join(padded) + ' |'


def width(text: str) -> int:
    """Columns of a terminal: East Asian wide characters take two, combining ones none."""
    return sum(
        2 if unicodedata.east_asian_width(char) in 'WF' else 0 if unicodedata.combining(char) else 1 for char in text
    )
