"""Rows that others add to our tables: packages by entry points, a project by its folder ``kinds/``.

    [project.entry-points."modelkiln.kinds"]      # and .engines, .sources, .readers, .metrics
    halve = "their_package.halve"

A row is a module, as one of ours is. It is looked for when a word is asked for that we lack, or when all words are:
what only uses ours pays nothing. One that cannot be used is told when it is asked for, and stops nobody else.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Generic, TypeVar

from stages.errors import ToolError
from stages.launch import house

HOUSE: Final = Path(__file__).resolve().parent.name
FOLDER: Final = house.KINDS
"""In a project: kinds of its own. Also the package by which they import each other."""

GROUPS: Final = ('kinds', 'engines', 'sources', 'readers', 'metrics')
"""The tables, by the ends of their groups' names."""

_WORD: Final = re.compile(r'(.+?)-from-.+')
_open: dict[str, Path] = {}
"""Under FOLDER: the folder of the project that this process works on."""

T = TypeVar('T')


@dataclass(frozen=True)
class Offer:
    """What somebody else offers for a table: not imported yet."""

    word: str
    module: str
    origin: str
    """Where it comes from, as people look it up: ``their-package 1.2``, ``kinds/halve.py``."""


def open_folder(root: Path) -> None:
    """Let the kinds in ``root/kinds`` be those of the project that this process works on; none where there is none."""
    folder = root / FOLDER
    if _open.get(FOLDER) == folder:
        return
    for name in [name for name in sys.modules if name.partition('.')[0] == FOLDER and _open]:
        del sys.modules[name]
    _open.clear()
    if folder.is_dir():
        _open[FOLDER] = folder
        house.kinds_at_hand(folder)


def offers(group: str) -> tuple[Offer, ...]:
    """Return what there is for the table ``group`` (``kinds``, ``engines`` …), of packages and of the open project."""
    own = _of_folder(_open[FOLDER]) if group == FOLDER and FOLDER in _open else ()
    return (*_of_packages(group, tuple(sys.path)), *own)


def _of_folder(folder: Path) -> tuple[Offer, ...]:
    files = sorted(path for path in folder.glob('*.py') if not path.name.startswith('_'))
    return tuple(Offer(_word(path.stem), f'{FOLDER}.{path.stem}', f'{FOLDER}/{path.name}') for path in files)


def _word(name: str) -> str:
    """Return the word that recipes write, of a name that may say from which format: ``halve_from_onnx``."""
    dashed = name.replace('_', '-')
    found = _WORD.fullmatch(dashed)
    return found[1] if found else dashed


@cache
def _of_packages(group: str, paths: tuple[str, ...]) -> tuple[Offer, ...]:
    """Return the entry points of installed packages; only those that name us are read by the importing machinery."""
    found = []
    for folder in _declaring(paths):
        from importlib import metadata  # slow to import, and most have nothing to read

        package = metadata.Distribution.at(folder)
        for point in package.entry_points.select(group=f'modelkiln.{group}'):
            origin = f'{package.metadata["Name"]} {package.version}'
            found.append(Offer(_word(point.name), point.value, origin))
    return tuple(found)


@cache
def _declaring(paths: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the metadata folders of packages whose entry points name us."""
    found = []
    for folder in dict.fromkeys(paths):
        try:
            names = os.listdir(folder or '.')
        except OSError:
            continue
        for name in names:
            if name.endswith(('.dist-info', '.egg-info')):
                try:
                    text = Path(folder, name, 'entry_points.txt').read_bytes()
                except OSError:
                    continue
                if b'modelkiln.' in text:
                    found.append(Path(folder, name))
    return tuple(found)


def load(offer: Offer, needs: tuple[str, ...], name: str) -> ModuleType:
    """Return the module of ``offer``, which must have ``needs``, and call itself ``offer.word`` in its ``name``.

    Raises ToolError with where it comes from otherwise.
    """
    what = f'{offer.word} of {offer.origin}'
    try:
        module = importlib.import_module(offer.module)
    except Exception as error:  # whatever their code raises as it is loaded
        raise ToolError(f'{what} cannot be imported: {type(error).__name__}: {error}') from error
    if missing := [word for word in needs if not hasattr(module, word)]:
        raise ToolError(f'{what} lacks {", ".join(missing)}; what it must have says stages/contract')
    if getattr(module, name) != offer.word:
        raise ToolError(f'{what} calls itself {getattr(module, name)!r}; file or entry point, and {name}, must agree')
    return module


class Table(Mapping[str, T], Generic[T]):
    """Rows of ours by their words, in our order, and behind them those of others."""

    def __init__(self, group: str, ours: Mapping[str, T], loaded: Callable[[Offer], T]) -> None:
        self.group, self.ours, self._loaded = group, ours, loaded

    def __getitem__(self, word: str) -> T:
        if word in self.ours:
            return self.ours[word]
        for offer in offers(self.group):
            if offer.word == word:
                return self._loaded(offer)
        raise KeyError(word)

    def __iter__(self) -> Iterator[str]:
        yield from self.ours
        yield from dict.fromkeys(offer.word for offer in self.usable() if offer.word not in self.ours)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def usable(self) -> Iterator[Offer]:
        """Give the offers that can be loaded."""
        for offer in offers(self.group):
            if not self.problem(offer):
                yield offer

    def problem(self, offer: Offer) -> str:
        """Return why ``offer`` cannot be used; empty where it can."""
        try:
            self._loaded(offer)
        except ToolError as error:
            return str(error)
        return ''


def file_of(module: str) -> Path | None:
    """Return the file of a module that an offer leads to or that lies beside it; None for one of nobody's here."""
    top = module.partition('.')[0]
    if top == FOLDER and FOLDER in _open:
        place = _open[FOLDER].joinpath(*module.split('.')[1:])
        return next((f for f in (place.with_suffix('.py'), place / '__init__.py') if f.is_file()), None)
    if top == HOUSE or top not in _package_tops(tuple(sys.path)):
        return None
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
    return Path(found.origin) if found and found.origin and found.origin.endswith('.py') else None


@cache
def _package_tops(paths: tuple[str, ...]) -> frozenset[str]:
    return frozenset(offer.module.partition('.')[0] for group in GROUPS for offer in _of_packages(group, paths))


def names_of(protocol: type[Any]) -> tuple[str, ...]:
    """Return what a contract asks a module to have."""
    return tuple(name for name in vars(protocol) if not name.startswith('_'))


def origin_of(module: Any, group: str) -> str:
    """Return where a row comes from; empty: from us."""
    name = module.__name__
    return next((offer.origin for offer in offers(group) if offer.module == name), '')


def place_of(module: str) -> Path | None:
    """Return the folder of another package that ``module`` lies in, or its one file; None for others."""
    top = module.partition('.')[0]
    if top == FOLDER or (file := file_of(top) or file_of(module)) is None:
        return None
    return file.parent if file.name == '__init__.py' else file
