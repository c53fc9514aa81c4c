"""A folder of transformers as data: its ``config.json``, and weights as safetensors. Nothing of transformers runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from stages.errors import IntegrityError

CONFIG: Final = 'config.json'
WEIGHTS: Final = 'model.safetensors'
INDEX: Final = 'model.safetensors.index.json'
LARGEST: Final = 4 << 20
"""Bytes of a configuration; its longest parts are the names of classes."""

SHARD: Final = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.safetensors')
"""What an index may call a file of weights that is to be fetched: a plain name beside it."""

OWN_CODE: Final = ('auto_map', 'custom_pipelines')
ATTENTION: Final = ('_attn_implementation', 'attn_implementation')
PLAIN: Final = ('eager', 'sdpa', None)


def config(path: Path) -> dict[str, Any]:
    """Return the configuration in ``path``. Raises IntegrityError for what is none, or asks for foreign code."""
    read = _json(path)
    if not isinstance(read.get('model_type'), str):
        raise IntegrityError(f'{path.name}: does not say `model_type`, the word by which transformers knows a model')
    for where, part in _parts(read):
        for key in OWN_CODE:
            if part.get(key):
                raise IntegrityError(
                    f'{path.name}: {where}{key} asks for Python of the model’s own repository, which is never run\n'
                    'what to try: the same model as transformers itself has it, or its Python as a source `torch`'
                )
        if part.get('quantization_config'):
            raise IntegrityError(
                f'{path.name}: {where}quantization_config: its weights are quantized; bring plain ones'
            )
        for key in ATTENTION:
            if part.get(key) not in PLAIN:
                raise IntegrityError(f'{path.name}: {where}{key} is {str(part[key])[:60]!r}; expected eager or sdpa')
    return read


def weights(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files of weights by the names that transformers looks for. Raises IntegrityError where they are none.

    One file of safetensors may have any name; several need the index that says which of them has what.
    """
    held = {name: path for name, path in files.items() if name.endswith('.safetensors')}
    index = files.get(INDEX)
    if not held:
        others = [name for name in files if name.endswith(('.bin', '.pt', '.pth', '.h5', '.msgpack', '.ckpt'))]
        said = f'; {others[0]} is not read, as it may hold code' if others else ''
        raise IntegrityError(f'no .safetensors among the files of the model{said}')
    if index is None and len(held) == 1:
        return {WEIGHTS: next(iter(held.values()))}
    if index is None:
        raise IntegrityError(f'{len(held)} files of safetensors, and no {INDEX} that says which has what')
    shards = _shards(index)
    if absent := [name for name in shards if name not in held]:
        raise IntegrityError(f'{INDEX}: names {absent[0][:80]}, which is not among the files of the model')
    return {INDEX: index} | {name: held[name] for name in shards}


def needed(get: Callable[[str], Path | None]) -> dict[str, Path]:
    """Return those files of a repository that a model is loaded from, by name: the configuration, and its weights.

    ``get`` brings one of them, None where there is none of that name. What the configuration says is read before any
    weights are brought. Raises IntegrityError where a file is missing, or is none that ``config`` and ``weights`` take.
    """
    told = get(CONFIG)
    if told is None:
        raise IntegrityError(f'has no {CONFIG}, and is no model of transformers')
    config(told)
    whole = get(WEIGHTS)
    if whole is not None:  # what transformers takes first, whatever lies beside it
        return {CONFIG: told, WEIGHTS: whole}
    index = get(INDEX)
    if index is None:
        raise IntegrityError(
            f'has neither {WEIGHTS} nor {INDEX}; weights of other forms are not read, as they may hold code\n'
            'what to try: a later commit that has safetensors, or the name of the file, with `file`'
        )
    found = {CONFIG: told, INDEX: index}
    for name in _shards(index):
        if not SHARD.fullmatch(name):
            raise IntegrityError(f'{INDEX}: names {name[:80]!r}; expected files of safetensors beside it')
        shard = get(name)
        if shard is None:
            raise IntegrityError(f'{INDEX}: names {name}, which is not there')
        found[name] = shard
    return found


def _shards(index: Path) -> list[str]:
    places = _json(index).get('weight_map')
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise IntegrityError(f'{INDEX}: has no `weight_map` of names')
    return sorted(set(places.values()))


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST:
        raise IntegrityError(f'{path.name}: {path.stat().st_size:,} bytes; no configuration is larger than {LARGEST:,}')
    try:
        read = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f'{path.name}: is no JSON: {str(error)[:200]}') from error
    if not isinstance(read, dict):
        raise IntegrityError(f'{path.name}: holds a {type(read).__name__}; expected a map')
    return read


def _parts(read: Mapping[str, Any], at: str = '') -> list[tuple[str, Mapping[str, Any]]]:
    """Return a configuration and those inside it, of the parts of a model."""
    inner = [(f'{at}{key}.', value) for key, value in read.items() if isinstance(value, Mapping)]
    return [(at, read), *(part for where, value in inner for part in _parts(value, where))]
