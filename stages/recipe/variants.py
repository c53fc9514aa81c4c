"""Variants: their stages checked one by one and end to end, and how each is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from stages.contract.engine import Engine
from stages.contract.kind import Kind
from stages.engines import ENGINES, engine_for
from stages.errors import ToolError
from stages.kinds import KINDS, formats_of, kind_for
from stages.recipe import entries, matrix, names
from stages.recipe.mistakes import Mistakes, Place, listed, shown, suggest
from stages.recipe.model import Stage, Variant
from stages.recipe.params import read_params
from stages.recipe.run import read_run
from stages.recipe.strict_yaml import Key, Node

KEYS: Final = ('stages', 'run', 'matrix', 'expect', 'optional')
EXPECT: Final = ('unsupported',)
MAX_STAGES: Final = 32


@dataclass(frozen=True)
class Ground:
    """What the rest of the recipe gives to its variants."""

    format: str | None
    """Of the source; None: it is wrong itself."""

    roles: tuple[str, ...]
    """Of the data that the recipe names."""

    batched: bool
    """Whether an input has the dimension ``batch``."""

    dimensions: set[str] | None
    """The others that the inputs name; None where any may exist."""


def read_variants(node: Node, ground: Ground, mistakes: Mistakes) -> tuple[Variant, ...]:
    """Return every variant, tables expanded; the first without stages is the baseline."""
    given = entries.mapping(node, '`variants`', mistakes)
    if given is None:
        return ()
    before = len(mistakes)
    seen: dict[str, int] = {}
    variants: list[Variant] = []
    for key, below in given.items():
        for name, body in _expand(key, below, mistakes):
            _check_name(name, key, seen, mistakes)
            if len(seen) > matrix.MAX_VARIANTS:
                mistakes.add(key, f'more than {matrix.MAX_VARIANTS} variants')
                return ()
            variant = _read_variant(name, key, body, ground, mistakes)
            if variant is not None:
                variants.append(variant)
    if ground.format and len(mistakes) == before and all(variant.stages for variant in variants):
        mistakes.add(node, 'no variant is the baseline; expected one without stages: `torch: []`')
    return tuple(variants)


def _expand(key: Key, node: Node, mistakes: Mistakes) -> list[tuple[str, Node]]:
    """Return the variants that one entry stands for."""
    if not isinstance(node.value, dict) or 'matrix' not in node.value:
        if matrix.PLACE.search(key):
            mistakes.add(key, f'the variant {shown(str(key))} has a place in its name but no `matrix`')
            return []
        return [(str(key), node)]
    before = len(mistakes)
    if isinstance(node.value['matrix'].value, dict):
        matrix.check_places(key, node.value['matrix'].value, key, mistakes)
    rows = matrix.read_rows(node.value['matrix'], f'`matrix` of {shown(str(key))}', mistakes)
    if not rows:
        return []
    absent = [name for name in rows[0] if f'{{{name}}}' not in key]
    if absent and len(rows) > 1:
        mistakes.add(key, f'the name {shown(str(key))} lacks {listed("{" + n + "}" for n in absent)} of its matrix')
        rows = rows[:1]
    rest = node._replace(value={k: below for k, below in node.value.items() if k != 'matrix'})
    table = [(matrix.fill_text(key, row), matrix.fill(rest, row, mistakes)) for row in rows]
    return table if len(mistakes) == before else []  # what an unfilled place would break is no mistake of its own


def _check_name(name: str, key: Key, seen: dict[str, int], mistakes: Mistakes) -> None:
    folded = name.casefold()  # two names that differ in case only are one folder on two of three systems
    if folded in seen:
        mistakes.add(key, f'the variant {shown(name)} is already on line {seen[folded]}; choose another name')
    elif '{' not in name and (wrong := names.wrong_variant(name)):
        mistakes.add(key, f'the variant is called {shown(name)}; {wrong}')
    seen.setdefault(folded, key.line)


def _read_variant(name: str, key: Key, node: Node, ground: Ground, mistakes: Mistakes) -> Variant | None:
    before, what = len(mistakes), f'the variant {shown(name)}'
    listing, run, unsupported, optional = node, None, False, False
    if isinstance(node.value, dict):
        given = entries.mapping(node, what, mistakes, KEYS, required=['stages'])
        if given is None or 'stages' not in given:
            return None
        listing, run = given['stages'], given.get('run')  # type: ignore[index, call-overload]
        if expect := given.get('expect'):  # type: ignore[call-overload]
            unsupported = entries.word(expect, EXPECT, f'`expect` of {what}', mistakes) is not None
        if may := given.get('optional'):  # type: ignore[call-overload]
            optional = bool(entries.typed(may, bool, f'`optional` of {what}', mistakes))
    if not isinstance(listing.value, list):
        mistakes.add(listing, f'the stages of {what} are {shown(listing.value)}; expected a list of kinds, or []')
        return None
    if len(listing.value) > MAX_STAGES:
        mistakes.add(listing, f'{what} has more than {MAX_STAGES} stages')
        return None
    stages, format = _read_stages(listing.value, ground, mistakes)
    engine = None if format is None else _engine(format, listing, what, mistakes)
    if engine is None:
        return None
    told = read_run(run, node, engine, ground.batched, ground.dimensions, mistakes)
    if len(mistakes) > before or told.options is None or format is None:
        return None
    return Variant(
        name, stages, format, engine.ENGINE, told.options, told.batch, key.line, unsupported,
        threads=told.threads, scenarios=told.scenarios, sizes=told.sizes, isa=told.isa,
        optional=optional,
    )  # fmt: skip


def _read_stages(nodes: list[Node], ground: Ground, mistakes: Mistakes) -> tuple[tuple[Stage, ...], str | None]:
    """Return the stages and what the last one gives; None when the chain is broken or cannot be known."""
    stages: list[Stage] = []
    format = ground.format
    before = 'the source'
    for node in nodes:
        word, at, given = _split(node, mistakes)
        if word is not None and not _is_kind(word, at, mistakes):
            word = None
        if word is None:
            format = None
            continue
        kind = None
        if format is not None:
            kind = kind_for(word, format)
            if kind is None:
                takes = ' or '.join(formats_of(word))
                mistakes.add(node, f'`{word}` takes {takes}, but {before} gives {format}{_bridge(word, format)}')
                format = None
        stage = _read_stage(word, (kind,) if kind else KINDS[word], at, given, ground, mistakes)
        if stage is not None:
            stages.append(stage)
        format, before = kind.GIVES if kind else None, f'`{word}`'
    return tuple(stages), format


def _is_kind(word: str, at: Place, mistakes: Mistakes) -> bool:
    """Say whether there is such a kind; one of others that cannot be used is a mistake of its own."""
    try:
        if word in KINDS:
            return True
        mistakes.add(at, f'no kind {shown(word)}; the kinds are {listed(KINDS)}{suggest(word, KINDS)}')
    except ToolError as error:
        mistakes.add(at, str(error))
    return False


def _read_stage(
    word: str, kinds: tuple[Kind, ...], at: Node | Key, given: Any, ground: Ground, mistakes: Mistakes
) -> Stage | None:
    """Return the stage; None when its parameters are wrong for each of ``kinds``, which the word may mean here."""
    if not isinstance(given, dict):
        mistakes.add(at, f'`{word}` is followed by {shown(given)}; expected a mapping of its parameters')
        return None
    best: Mistakes | None = None
    for kind in kinds:
        trial = Mistakes(mistakes.file)
        params = read_params(kind.Params, given, at, f'`{word}`', trial)
        if params is not None:
            for role in kind.needs(params):
                if role not in ground.roles:
                    mistakes.add(at, f'`{word}` needs data to {role} with, but the recipe has no `{role}` in `data`')
            return Stage(word, params, at.line)
        best = trial if best is None or len(trial) < len(best) else best
    if best is not None:
        mistakes.take(best)
    return None


def _split(node: Node, mistakes: Mistakes) -> tuple[str | None, Node | Key, Any]:
    """Return the kind, where it stands, and what follows it."""
    if isinstance(node.value, str):
        return node.value, node, {}
    if isinstance(node.value, dict) and len(node.value) == 1:
        [(key, below)] = node.value.items()
        return str(key), key, {} if below.value is None else below.value
    if isinstance(node.value, dict) and len(node.value) > 1:
        first, second = list(node.value)[:2]
        mistakes.add(second, f'one stage has {listed([first, second])}; write each kind as an entry of its own')
        return None, node, None
    mistakes.add(node, f'a stage is {shown(node.value)}; expected a kind, or `kind: {{parameters}}`')
    return None, node, None


def _bridge(word: str, format: str) -> str:
    """Return a hint when one kind makes the missing link."""
    links = [other for other in KINDS if (kind := kind_for(other, format)) and kind.GIVES in formats_of(word)]
    return f'; put `{links[0]}` before it' if links else ''


def _engine(format: str, at: Node, what: str, mistakes: Mistakes) -> Engine | None:
    engine = engine_for(format)
    if engine is None:
        mistakes.add(at, f'{what} gives {format}, which none of {listed(ENGINES)} runs')
    return engine
