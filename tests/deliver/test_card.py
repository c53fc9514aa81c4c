"""The card of a release is read by people and by hubs: names out of a model are words in it, and nothing else."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from stages.deliver.card import card
from stages.document.manifest import read_manifest
from stages.recipe.model import Benchmark, Check, Choose, Recipe, Source
from tests.deliver.releases import PORT, made

RECIPE = Recipe(
    'recipes/net.yaml', 'net', Source('onnx', None, ()), (), (), '', {}, (), Check(None), Benchmark(), Choose()
)
EVIL = 'x`|\n```\n# Owned\n![](https://evil.example/pixel)$(touch owned)'


def test_a_name_of_a_model_ends_no_cell_no_block_of_code_and_is_no_word_of_a_shell(tmp_path: Path) -> None:
    release = made(tmp_path / 'net', inputs=[{**PORT, 'name': EVIL}], notes=[f'fed as {EVIL}'])
    lines = card(RECIPE, read_manifest(release.folder), (), ()).splitlines()

    assert '# Owned' not in lines
    assert lines.count('```sh') == 1 and [line for line in lines if line.startswith('```')] == ['```sh', '```']
    [row] = [line for line in lines if line.startswith('| input ')]
    assert row.replace(r'\|', '').count('|') == 6
    [note] = [line for line in lines if line.startswith('Note: ')]
    assert r'!\[\](https' in note and '`' not in note
    [command] = [line for line in lines if line.startswith('modelkiln run ')]
    assert len(shlex.split(command)) == 5  # modelkiln run DIR --input NAME=NAME.npy


def test_a_plain_name_stays_as_it_is(tmp_path: Path) -> None:
    text = card(RECIPE, read_manifest(made(tmp_path / 'net').folder), (), ())

    assert '| input | `row` | float32 | \\[batch, 4\\] |' in text and '--input row=row.npy' in text
    assert json.dumps('onnxruntime') in text
