"""A folder of transformers is data: what is damaged, or asks for code, is refused before transformers sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages.errors import IntegrityError
from stages.sources import transformers as source
from tests.sources.sources_helpers import job

BERT: dict[str, Any] = {'model_type': 'bert', 'architectures': ['BertModel']}
SHARDS = 'model.safetensors.index.json'


def text(**more: Any) -> bytes:
    return json.dumps(BERT | more).encode()


def index(**places: Any) -> bytes:
    return json.dumps({'weight_map': places}).encode()


GOOD = {'config.json': text(), 'model.safetensors': b'x'}
HOSTILE: dict[str, tuple[dict[str, bytes], str]] = {
    'no configuration': ({'model.safetensors': b'x'}, 'no config.json among the files'),
    'nothing in it': (GOOD | {'config.json': b''}, 'config.json: is no JSON'),
    'cut short': (GOOD | {'config.json': text()[:-9]}, 'config.json: is no JSON'),
    'a list': (GOOD | {'config.json': b'[1, 2]'}, 'holds a list; expected a map'),
    'brackets in brackets': (GOOD | {'config.json': b'[' * 100_000}, 'config.json: is no JSON'),
    'five megabytes': (GOOD | {'config.json': text(note='x' * 5_000_000)}, 'no configuration is larger'),
    'no word': (GOOD | {'config.json': b'{"architectures": []}'}, 'does not say `model_type`'),
    'a word that is none': (GOOD | {'config.json': text(model_type=['bert'])}, 'does not say `model_type`'),
    'code of its own': (GOOD | {'config.json': text(auto_map={'AutoModel': 'm.Evil'})}, 'auto_map asks for Python'),
    'code in a part': (GOOD | {'config.json': text(encoder={'auto_map': {'A': 'm.B'}})}, 'encoder.auto_map asks'),
    'kernels from a hub': (GOOD | {'config.json': text(_attn_implementation='evil/kernel')}, 'expected eager or sdpa'),
    'quantized': (GOOD | {'config.json': text(quantization_config={'bits': 4})}, 'its weights are quantized'),
    'a pickle': ({'config.json': text(), 'pytorch_model.bin': b'x'}, 'pytorch_model.bin is not read, as it may'),
    'shards of nothing': (GOOD | {'other.safetensors': b'x'}, f'and no {SHARDS}'),
    'an index of nothing': (GOOD | {SHARDS: b'{}'}, 'has no `weight_map`'),
    'an index that leads out': (GOOD | {SHARDS: index(a='../../etc/passwd')}, 'names ../../etc/passwd, which is not'),
    'an index of more': (GOOD | {SHARDS: index(a='model.safetensors', b='gone.safetensors')}, 'names gone.safetensors'),
}  # fmt: skip


def laid(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize('case', HOSTILE)
def test_a_damaged_or_hostile_folder_gets_one_message_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    files, words = HOSTILE[case]
    done = job(tmp_path / 'out', file=laid(tmp_path / 'in', files))

    with pytest.raises(IntegrityError) as refused:
        source.run(source.Params(), done)

    assert words in str(refused.value)
    assert len(str(refused.value)) < 500
    assert [*done.output.iterdir()] == []


def test_a_folder_is_told_by_its_configuration_and_its_weights(tmp_path: Path) -> None:
    shards = {SHARDS: index(a='1.safetensors', b='2.safetensors'), '1.safetensors': b'x', '2.safetensors': b'y'}
    one, more = (
        laid(tmp_path / 'one', GOOD),
        laid(tmp_path / 'more', {'config.json': text(), 'vocab.txt': b'a'} | shards),
    )

    assert source.recognise(one) == {name: name for name in GOOD}
    assert source.recognise(more) == {name: name for name in ('config.json', *shards)}
    assert source.recognise(laid(tmp_path / 'none', {'config.json': text()})) == {}
    assert source.recognise(one / 'config.json') == {}
