"""Which kinds can take a model: by format, by what is installed, and by what each knows beforehand that it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stages.begin import refuses
from stages.begin.confined import Scratch
from stages.begin.model import Model
from stages.begin.variants import required
from stages.contract.kind import Kind
from stages.contract.port import write_contract
from stages.errors import ModelkilnError, UnsupportedError
from stages.execute import tools
from stages.kinds import KINDS, formats_of, kind_for

UNKNOWN = 'takes this format; what it refuses is seen by building'


@dataclass(frozen=True)
class Taker:
    """One kind and this model."""

    kind: str
    gives: str
    lacking: str = ''
    """What is not installed, and the command that mends it."""

    refused: str = ''
    """Why it cannot take this model."""

    note: str = ''

    @property
    def words(self) -> str:
        return self.refused or self.lacking or self.note or 'can take it'


def takers(model: Model, scratch: Scratch) -> list[Taker]:
    """Return what every kind says to ``model``: first those that take its format, then those behind one of them."""
    there = {word: kind for word in KINDS if (kind := kind_for(word, model.format))}
    return [*(_taker(word, kind, model, scratch) for word, kind in there.items()), *_behind(there)]


def _taker(word: str, kind: Kind, model: Model, scratch: Scratch) -> Taker:
    installed = tools.installed()
    missing = [] if kind.ENVIRONMENT else [
        tool for tool, v in tools.versions(kind.TOOLS, installed).items() if v == tools.MISSING
    ]  # fmt: skip
    if missing:
        return Taker(word, kind.GIVES, lacking=f'not installed: {", ".join(missing)}; {tools.remedy(missing)}')
    if absent := [name for name in kind.PROGRAMS if not shutil.which(name)]:
        return Taker(word, kind.GIVES, lacking=f'this system has no {", ".join(absent)}; {tools.remedy(absent)}')
    place = f'in the locked environment {kind.ENVIRONMENT}, made on first need' if kind.ENVIRONMENT else ''
    if not hasattr(kind, 'refuses') or required(kind) or model.folder is None or model.contract is None:
        return Taker(word, kind.GIVES, note=place or UNKNOWN)
    try:
        return Taker(word, kind.GIVES, refused=refused(kind, {}, model, scratch))
    except ModelkilnError as error:
        return Taker(word, kind.GIVES, note=f'{UNKNOWN} (a look at it failed: {str(error)[:200]})')


def refused(kind: Kind, given: Mapping[str, Any], model: Model, scratch: Scratch) -> str:
    """Return why ``kind``, with these parameters, is known to refuse ``model``; empty: nothing is known.

    Raises ModelkilnError where the look at it failed otherwise.
    """
    if not hasattr(kind, 'refuses') or model.folder is None or model.contract is None:
        return ''
    write_contract(model.contract, model.folder)
    module: str = kind.__name__  # type: ignore[attr-defined]
    asked = {'module': module, 'given': dict(given), 'sizes': dict(model.sizes)}
    try:
        scratch.ask(refuses.__name__, asked, tools=kind.TOOLS, inputs={'model': model.folder})
    except UnsupportedError as error:
        return str(error)
    return ''


def _behind(there: dict[str, Kind]) -> Iterator[Taker]:
    """Give the kinds that take what one of ``there`` gives; of the model as it will be then, nothing is known yet."""
    for word in KINDS:
        if word not in there:
            before = next((first for first, kind in there.items() if kind.GIVES in formats_of(word)), None)
            if before:
                kind = kind_for(word, there[before].GIVES)
                assert kind is not None, 'it takes that format'
                yield Taker(word, kind.GIVES, note=f'after `{before}`')
