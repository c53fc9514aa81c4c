"""Where the model and the arrays come from: ``source`` and ``data``."""

from __future__ import annotations

from typing import Final

from stages.recipe import entries
from stages.recipe.fetch import KEYS, Reader, read_fetch, read_python
from stages.recipe.mistakes import Mistakes
from stages.recipe.model import Data, Source
from stages.recipe.strict_yaml import Node

METRICS: Final = ('top1', 'agreement')


def read_source(node: Node, reader: Reader) -> Source | None:
    keyed = entries.mapping(node, '`source`', reader.mistakes, ('torch', 'weights'), ('torch',))
    given = {str(key): below for key, below in (keyed or {}).items()}
    python = read_python(given['torch'], '`torch` of `source`', reader) if 'torch' in given else None
    weights = None
    if 'weights' in given:
        found = entries.mapping(given['weights'], '`weights`', reader.mistakes, KEYS)
        weights = None if found is None else read_fetch(found, given['weights'], '`weights`', reader)
    return None if python is None else Source('torch', python, weights)


def read_data(node: Node, outputs: tuple[str, ...], reader: Reader) -> tuple[dict[str, Data], tuple[str, ...], bool]:
    """Return the data by role, the roles that are named (right or wrong), and whether a metric is."""
    given = entries.mapping(node, '`data`', reader.mistakes, ('calibrate', 'evaluate')) or {}
    read = {str(role): _read_role(str(role), below, outputs, reader) for role, below in given.items()}
    data = {role: entry for role, entry in read.items() if entry is not None}
    if len(data) == 2:
        one, two = data['calibrate'], data['evaluate']
        if (one.fetch, one.prepare) == (two.fetch, two.prepare):
            at = next(below for role, below in given.items() if role == 'evaluate')
            reader.mistakes.add(
                at, '`evaluate` is the same data as `calibrate`; a model must not be judged by what tuned it'
            )
    measured = any(
        role == 'evaluate' and isinstance(below.value, dict) and 'metric' in below.value
        for role, below in given.items()
    )
    return data, tuple(read), measured


def _read_role(role: str, node: Node, outputs: tuple[str, ...], reader: Reader) -> Data | None:
    mistakes, what = reader.mistakes, f'`{role}` of `data`'
    before = len(mistakes)
    known = (*KEYS, 'prepare', *(('metric', 'output') if role == 'evaluate' else ()))
    keyed = entries.mapping(node, what, mistakes, known)
    if keyed is None:
        return None
    given = {str(key): below for key, below in keyed.items()}
    fields = {key: below for key, below in keyed.items() if key in KEYS}
    prepare = read_python(given['prepare'], f'`prepare` of {what}', reader) if 'prepare' in given else None
    fetch = read_fetch(fields, node, what, reader) if fields or 'prepare' not in given else None
    metric = entries.word(given['metric'], METRICS, f'`metric` of {what}', mistakes) if 'metric' in given else None
    output = _read_output(given['output'], outputs, what, mistakes) if 'output' in given else None
    return Data(role, fetch, prepare, metric, output) if len(mistakes) == before else None


def _read_output(node: Node, outputs: tuple[str, ...], what: str, mistakes: Mistakes) -> str | None:
    if not outputs:  # wrong themselves, and reported
        return None
    return entries.word(node, outputs, f'`output` of {what}', mistakes)
