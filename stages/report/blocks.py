"""What a page is made of. Markdown and HTML are both written from these, so they cannot say different things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Items:
    """A list; ``warning`` when each item is something to look at."""

    texts: tuple[str, ...]
    warning: bool = False


@dataclass(frozen=True)
class Code:
    """Commands or a tool's words, one per line."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    title: str
    right: bool = False
    """Numbers stand right-aligned, text left."""


@dataclass(frozen=True)
class Line:
    """A table row; ``state``, said in a cell too, is ``chosen``, ``greyed``, ``refused``, ``doubted`` or empty."""

    cells: tuple[str, ...]
    state: str = ''
    folded: bool = False
    """Another line is better in everything: a long table may hide it until it is asked for, where a script runs."""


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    note: str = ''
    links: tuple[tuple[str, str], ...] = ()
    """Where a cell of the first column leads, in HTML: the cell and a relative address."""


@dataclass(frozen=True)
class Picture:
    """A chart and the two sentences that say how to read it; ``svg`` is our own drawing."""

    title: str
    svg: str
    caption: str


Block = Paragraph | Items | Code | Table | Picture


@dataclass(frozen=True)
class Section:
    anchor: str
    title: str
    blocks: tuple[Block, ...]

    @property
    def is_drawn(self) -> bool:
        """Whether it holds pictures alone, which may then stand beside each other."""
        return all(isinstance(block, Picture) for block in self.blocks)


@dataclass(frozen=True)
class Fact:
    """One answer of the first screen: what is asked, the answer, and what else is to be known of it."""

    title: str
    value: str
    note: str = ''


@dataclass(frozen=True)
class Page:
    """A whole report, ready to be written in any form."""

    title: str
    subtitle: str
    verdicts: tuple[str, ...]
    """The first is the choice; the others say why, and what else was seen."""

    flags: tuple[str, ...]
    sections: tuple[Section, ...]
    headline: str = ''
    """The verdict in a few words."""

    grade: str = ''
    """``ship``, ``stay``, ``repeat`` or ``nothing``, as the headline says in words. Empty: no choice is made."""

    facts: tuple[Fact, ...] = ()
    """The first screen must be enough."""

    measured: tuple[Fact, ...] = ()
    """On what, when and of what it was measured, in a line."""
