"""Which variants a model in a format can become: what is worth a first look, and the rest, each with its reason.

Made from the table of kinds alone, so a kind that comes from elsewhere is proposed like ours: the shortest chain to
every format that an engine runs, and behind it each kind that takes and gives that format.
"""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, cast

from stages.begin import pays
from stages.contract.kind import Kind
from stages.engines import engine_for
from stages.environments import locked
from stages.execute import tools
from stages.kinds import KINDS, kind_for
from stages.recipe.params import Field, fields_of

LONGEST = 3
"""Conversions in a row that are looked for."""


@dataclass(frozen=True)
class Stage:
    """A kind, and the parameters that are not its defaults."""

    word: str
    kind: Kind
    given: Mapping[str, Any]

    @property
    def params(self) -> Any:
        return self.kind.Params(**self.given)

    @property
    def written(self) -> str:
        """As a recipe writes it."""
        given = ', '.join(f'{name}: {value}' for name, value in self.given.items())
        return f'{self.word}: {{{given}}}' if given else self.word


@dataclass(frozen=True)
class Proposal:
    """One variant."""

    name: str
    stages: tuple[Stage, ...]
    engine: str
    against: str = ''
    """Why a first recipe leaves it out; empty: it is built."""

    tools: tuple[str, ...] = ()
    """Packages that it needs."""

    @property
    def written(self) -> str:
        return f'[{", ".join(stage.written for stage in self.stages)}]'


@dataclass(frozen=True)
class Ground:
    """What decides about proposals beside the model's format."""

    roles: tuple[str, ...]
    """Of the data that the recipe will have."""

    flags: Set[str]
    """Instructions of this CPU."""

    installed: Mapping[str, str]
    programs: Set[str]
    """Of those that kinds call, the ones that are on the PATH."""

    precision: str = 'f32'
    """Of the model as it comes."""

    environments: Set[str] = frozenset()
    """Locked environments that the model needs in any case: its source, or what runs it, lives there."""


def proposals(format: str, ground: Ground) -> list[Proposal]:
    """Return every variant, the source itself first, those with a reason against them among the others."""
    found = [_proposal(format, (), format, ground)]
    for last, chain in _conversions(format):
        if chain and engine_for(last):
            found += [_proposal(chain[-1].word, chain, last, ground), *_with_data(chain, last, ground)]
        for word in KINDS:
            kind = kind_for(word, last)
            if kind and last == kind.GIVES and engine_for(last):
                stage = _stage(word, kind, ground)
                found += [_proposal(word, (*chain, stage), last, ground), *_with_data((*chain, stage), last, ground)]
    return [one for n, one in enumerate(found) if one.name not in {other.name for other in found[:n]}]


def _conversions(format: str) -> Iterator[tuple[str, tuple[Stage, ...]]]:
    """Give every format that can be reached, with the shortest chain to it, the nearest first."""
    reached: dict[str, tuple[Stage, ...]] = {format: ()}
    for _ in range(LONGEST):
        for last, chain in [*reached.items()]:
            for word in KINDS:
                kind = kind_for(word, last)
                if kind and kind.GIVES not in reached and not required(kind):
                    reached[kind.GIVES] = (*chain, Stage(word, kind, {}))
    yield from reached.items()


def _fields(kind: Kind) -> dict[str, Field]:
    return fields_of(cast('Callable[..., Any]', kind.Params))


def required(kind: Kind) -> list[str]:
    """Return the parameters that a recipe must give."""
    return [name for name, field in _fields(kind).items() if field.required]


def _stage(word: str, kind: Kind, ground: Ground) -> Stage:
    """Return a stage whose parameters ask for no data that there is not, where it has such."""
    stage = Stage(word, kind, {})
    if required(kind) or not _lacks(stage, ground):
        return stage
    return next((s for s in _choices(stage) if not kind.needs(s.params)), stage)


def _with_data(chain: tuple[Stage, ...], last: str, ground: Ground) -> Iterator[Proposal]:
    """Give the last stage's other way, where it has one that calibrates and there is data to do it with."""
    *before, stage = chain
    if required(stage.kind) or stage.kind.needs(stage.params) or 'calibrate' not in ground.roles:
        return
    for other in _choices(stage):
        if 'calibrate' in other.kind.needs(other.params):
            [value] = other.given.values()
            yield _proposal(f'{stage.word}-{value}', (*before, other), last, ground)


def _choices(stage: Stage) -> Iterator[Stage]:
    """Give the stage with each single parameter that is a choice of words set otherwise."""
    for name, field in _fields(stage.kind).items():
        if typing.get_origin(field.hint) is Literal:
            for value in typing.get_args(field.hint):
                if value != field.default:
                    with contextlib.suppress(ValueError):  # it goes with another parameter only
                        stage.kind.Params(**{name: value})
                        yield replace(stage, given={name: value})


def _lacks(stage: Stage, ground: Ground) -> list[str]:
    return [role for role in stage.kind.needs(stage.params) if role not in ground.roles]


def _proposal(name: str, stages: tuple[Stage, ...], last: str, ground: Ground) -> Proposal:
    engine = engine_for(last)
    assert engine is not None, 'only what an engine runs is proposed'
    own = [tool for stage in stages if not stage.kind.ENVIRONMENT for tool in stage.kind.TOOLS]
    needed = tuple(dict.fromkeys([*own, *(() if engine.ENVIRONMENT else engine.TOOLS)]))
    reason = next(filter(None, (check() for check in _checks(stages, engine, needed, ground))), '')
    return Proposal(name, stages, engine.ENGINE, reason, needed)


def _checks(stages: tuple[Stage, ...], engine: Any, needed: tuple[str, ...], ground: Ground) -> Iterator[Any]:
    """Give what may speak against a variant, the strongest first."""
    if stages:
        yield partial(uninstalled, needed, ground)
        yield from (partial(_against, stage, ground) for stage in stages)
        yield partial(_precision, stages, ground)


def uninstalled(needed: tuple[str, ...], ground: Ground) -> str:
    """Return what is missing of ``needed`` and how to get it, in words; empty: nothing."""
    missing = [tool for tool, v in tools.versions(needed, ground.installed).items() if v == tools.MISSING]
    return f'not installed: {", ".join(missing)}; {tools.remedy(missing)}' if missing else ''


def _against(stage: Stage, ground: Ground) -> str:
    kind = stage.kind
    if missing := [name for name in kind.PROGRAMS if name not in ground.programs]:
        return f'it calls {", ".join(missing)}, which this system lacks; {tools.remedy(missing)}'
    if must := required(kind):
        return f'it needs {", ".join(f"`{name}`" for name in must)}; modelkiln kinds {stage.word}'
    if aside := str(getattr(kind, 'ASIDE', '')):
        return aside
    if lacks := _lacks(stage, ground):
        return f'it needs data to {" and ".join(lacks)}; see `data`'
    if kind.ENVIRONMENT and kind.ENVIRONMENT not in ground.environments:
        count = len(locked(kind.ENVIRONMENT))
        return f'it runs in the locked environment {kind.ENVIRONMENT}: {count} packages, downloaded once'
    return ''


def _precision(stages: tuple[Stage, ...], ground: Ground) -> str:
    precision = ground.precision
    for stage in stages:
        precision = stage.kind.precision(stage.params, precision)
    return pays.against(precision, ground.flags) if precision != ground.precision else ''
