"""What is wrong with a recipe: collected, so that a user sees all of it at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn, Protocol

from stages.errors import RecipeError

EXTENDED = '\n  extended by '
"""What stands between a mistake of a file that recipes share and the recipe that it was found through."""


class Place(Protocol):
    """Anything that stands at a line and a column, both counted from 1, of the file that is read or of ``file``."""

    @property
    def line(self) -> int:
        """The line."""

    @property
    def column(self) -> int:
        """The column."""

    @property
    def file(self) -> str:
        """The file, where it is one that the recipe extends."""


class Mark(NamedTuple):
    """A place and nothing else."""

    line: int
    column: int
    file: str = ''


class Mistakes:
    """The mistakes of one file, in the order of their places; the same one twice counts once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: set[tuple[str, int, int, str]] = set()

    def __len__(self) -> int:
        return len(self._found)

    def add(self, at: Place, text: str) -> None:
        """Remember that ``text`` is wrong at ``at``."""
        self._found.add((at.file, at.line, at.column, text))

    def take(self, other: Mistakes) -> None:
        """Remember what ``other`` found on trial."""
        self._found |= other._found

    def stop(self, at: Place, text: str) -> NoReturn:
        """Remember it, and read no further: what follows would be guesswork."""
        self.add(at, text)
        raise self.error()

    def error(self) -> RecipeError:
        """Return the mistakes as one error, a line each."""
        return RecipeError(*(self._told(*found) for found in sorted(self._found)))

    def _told(self, file: str, line: int, column: int, text: str) -> str:
        where = f'{file or self.file}:{line}:{column}: {text}'
        return f'{where}{EXTENDED}{self.file}' if file and file != self.file else where

    def raise_any(self) -> None:
        """Raise the mistakes, when there are any."""
        if self._found:
            raise self.error()


def shown(value: Any) -> str:
    """Return ``value`` as a message shows it: short, and without control characters."""
    if isinstance(value, dict):
        return 'a mapping'
    if isinstance(value, list):
        return 'a list'
    if value is None:
        return 'empty'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**40:
        return 'a number of more than 40 digits'
    text = repr(value)
    return text if len(text) <= 80 else f'{text[:76]}…{text[-1]}'


def listed(words: Iterable[Any]) -> str:
    """Return the words in backticks, with commas."""
    return ', '.join(f'`{word}`' for word in words)


def nearest(word: object, known: Iterable[str]) -> str | None:
    """Return the known word that is probably meant, or None."""
    import difflib  # only a mistake pays for it

    near = difflib.get_close_matches(str(word)[:64], [*known], n=1, cutoff=0.6)
    return near[0] if near else None


def suggest(word: object, known: Iterable[str]) -> str:
    """Return ``; did you mean `x`?`` for the nearest known word, or nothing."""
    near = nearest(word, known)
    return f'; did you mean `{near}`?' if near else ''
