"""What calibrates and what judges: ``data``.

    data:
      samples:   {path: photos/, sha256: …, images: {}}      # for both roles, split by a hash of each sample
      calibrate: {share: 0.2, limit: 200}
      evaluate:  {metric: top1}

or each role with files of its own, read by a reader (``images``, ``npz`` …), by Python (``prepare``), or an ``.npz`` as
it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from stages.contract.reader import Part
from stages.readers import READERS
from stages.recipe import entries
from stages.recipe.fetch import KEYS, Reader, read_fetch, read_python
from stages.recipe.metric import largest_drop, read_metric
from stages.recipe.mistakes import Mistakes, listed
from stages.recipe.model import Data, Fetch
from stages.recipe.params import read_params
from stages.recipe.source import placed, read_files
from stages.recipe.strict_yaml import Key, Node

ROLES: Final = ('calibrate', 'evaluate')
SET: Final = (*KEYS, 'fetch', 'prepare', *READERS)
"""What says where samples come from and how they are read."""

SHARE: Final = 0.2
"""Of `samples` that both roles take from, what calibrates."""


def read_data(
    node: Node, outputs: tuple[str, ...], reader: Reader
) -> tuple[dict[str, Data], tuple[str, ...], float | None]:
    """Return the data by role, the roles that are named (right or wrong), and the most a metric can fall by.

    A role without files of its own takes its part of `samples`. None: no metric is named.
    """
    given = {
        str(role): below
        for role, below in (entries.mapping(node, '`data`', reader.mistakes, ('samples', *ROLES)) or {}).items()
    }
    named: tuple[str, ...] = tuple(role for role in ROLES if role in given)
    common: Data | None = None
    parts: dict[str, tuple[float, float]] = {}
    if 'samples' in given:
        common = _read_set(given['samples'], '`samples` of `data`', (), reader)
        if not named:
            reader.mistakes.add(given['samples'], '`samples` are for nothing; expected `calibrate`, `evaluate` or both')
        parts = _parts({role: given[role] for role in named}, reader.mistakes)
    data: dict[str, Data] = {}
    for role in named:
        if (entry := _read_role(role, given[role], outputs, reader, common, parts.get(role))) is not None:
            data[role] = entry
    if len(data) == 2 and not parts and _same(data['calibrate'], data['evaluate']):
        said = '`evaluate` is the same data as `calibrate`; a model must not be judged by what tuned it'
        reader.mistakes.add(given['evaluate'], said)
    measured = 'evaluate' in given and 'metric' in _entries(given['evaluate'])
    metric = data['evaluate'].metric if 'evaluate' in data else None
    return data, named, largest_drop(metric) if measured else None


def _entries(node: Node) -> dict[str, Node]:
    """Return what stands below ``node``; nothing where it is no mapping, which is said elsewhere."""
    return {str(key): below for key, below in node.value.items()} if isinstance(node.value, dict) else {}


def _same(one: Data, two: Data) -> bool:
    """Whether two roles get the same samples: the same bytes, however they are called, read alike."""
    bytes_of = [[(file.file if file.where == 'pip' else '', file.sha256) for file in data.files] for data in (one, two)]
    return bytes_of[0] == bytes_of[1] and (one.prepare, one.reader) == (two.prepare, two.reader)


def _parts(roles: dict[str, Node], mistakes: Mistakes) -> dict[str, tuple[float, float]]:
    """Return, of the roles without files of their own, which of `samples` they take: from where to where."""
    drawing = [role for role, node in roles.items() if not _entries(node).keys() & {*SET}]
    if len(drawing) < 2:
        return dict.fromkeys(drawing, (0.0, 1.0))
    below = _entries(roles['calibrate']).get('share')
    share = SHARE if below is None else entries.share(below, '`share` of `calibrate` of `data`', mistakes)
    if below is not None and share in (0.0, 1.0):
        mistakes.add(below, f'`share` of `calibrate` of `data` is {share:g}; expected more than 0 and less than 1')
    return {'calibrate': (0.0, share or SHARE), 'evaluate': (share or SHARE, 1.0)}


def _read_role(
    role: str,
    node: Node,
    outputs: tuple[str, ...],
    reader: Reader,
    common: Data | None,
    part: tuple[float, float] | None,
) -> Data | None:
    """Return a role's data: its own, or its ``part`` of those in ``common``."""
    mistakes, what = reader.mistakes, f'`{role}` of `data`'
    before = len(mistakes)
    judging = ('metric', 'output') if role == 'evaluate' else ()
    if part is None:
        own = _read_set(node, what, judging, reader)
    else:
        share = ('share',) if role == 'calibrate' else ()
        node = node._replace(value={}) if node.value is None else node
        entries.mapping(node, what, mistakes, (*share, 'limit', *judging))
        own = None if common is None else replace(common, part=_part(node, what, part, common.part.limit, mistakes))
    asked = {word: below for word, below in _entries(node).items() if word in judging}
    metric = read_metric(asked['metric'], f'`metric` of {what}', reader) if 'metric' in asked else None
    output = _read_output(asked['output'], outputs, what, mistakes) if 'output' in asked else None
    if len(mistakes) > before or own is None:
        return None
    return replace(own, role=role, metric=metric, output=output)


def _part(node: Node, what: str, ends: tuple[float, float], most: int | None, mistakes: Mistakes) -> Part:
    below = _entries(node).get('limit')
    limit = most if below is None else entries.positive(below, f'`limit` of {what}', mistakes)
    return Part(*ends, limit)


def _read_set(node: Node, what: str, also: tuple[str, ...], reader: Reader) -> Data | None:
    """Return files with what reads them: a reader, Python, or nothing where the file is an ``.npz``."""
    mistakes = reader.mistakes
    before = len(mistakes)
    keyed = entries.mapping(node, what, mistakes, (*SET, 'limit', *also))
    if keyed is None:
        return None
    given = {str(key): below for key, below in keyed.items()}
    fields = {key: below for key, below in keyed.items() if key in KEYS}
    prepare = read_python(given['prepare'], f'`prepare` of {what}', reader) if 'prepare' in given else None
    word, options = _read_reader(keyed, what, mistakes)
    files: tuple[Fetch, ...] | None = ()
    if 'fetch' in given:
        files = read_files(given['fetch'], f'`fetch` of {what}', reader)
        for key in fields:
            mistakes.add(key, f'{what} has `{key}` beside `fetch`; write it into the list')
    elif fields or 'prepare' not in given:
        fetch = read_fetch(fields, node, what, reader)
        files = None if fetch is None else (fetch,)
    part = _part(node, what, (0.0, 1.0), None, mistakes)
    if len(mistakes) > before or files is None:
        return None
    return Data('', placed(files) if word else files, prepare, None, None, word, options, part)


def _read_reader(keyed: dict[Key, Node], what: str, mistakes: Mistakes) -> tuple[str, Any]:
    """Return the word of what reads the files, and its parameters; nothing where nothing does."""
    words = [key for key in keyed if key in READERS or key == 'prepare']
    if len(words) > 1:
        mistakes.add(words[1], f'{what} has {listed(words)}; expected one: what reads the files')
        return '', None
    found = next((key for key in keyed if key in READERS), None)
    if found is None:
        return '', None
    below = keyed[found]
    params = entries.mapping(below, f'`{found}`', mistakes) if below.value is not None else {}
    if params is None:
        return '', None
    return str(found), read_params(READERS[found].Params, params, below, f'`{found}`', mistakes)


def _read_output(node: Node, outputs: tuple[str, ...], what: str, mistakes: Mistakes) -> str | None:
    if not outputs:  # the file's own, and unknown until it is read
        return entries.text(node, f'`output` of {what}', mistakes)
    return entries.word(node, outputs, f'`output` of {what}', mistakes)
