"""Models of transformers, exported in the locked environment, answer as their own forward does, without it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.contract.port import Contract, Port, contract_json, contract_of
from tests.locked_cases import answer, gone_through
from tests.sources.test_source_hub import COMMIT, REPOSITORIES, fetched, serving

ROOT = Path(__file__).parents[2]
SEEDED = ROOT / 'recipes/today/recipes/seeded'
PIXELS = Contract((Port('pixel_values', (2, 3, 32, 32), 'float32'),))

pytestmark = [pytest.mark.environments, pytest.mark.network, pytest.mark.slow, pytest.mark.torch]

RIGHT: dict[str, dict[str, Any]] = {
    'bert': {'task': 'text-classification'},
    'vit': {'task': 'image-classification'},
    'whisper': {'task': 'speech-encoder'},
    'bert without a task': {'of': 'bert'},
    'bert without its head': {'of': 'bert', 'task': 'feature-extraction'},
    'bert of the hub, in shards': {'of': 'bert', 'hub': True},
    'vit of two pictures': {'of': 'vit', 'declared': contract_json(PIXELS)},
}
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    'bert for pictures': ({'of': 'bert', 'task': 'image-classification'}, 'UnsupportedError', 'it is for feature-e'),
    'bert for blanks': ({'of': 'bert', 'task': 'fill-mask'}, 'StepError', '6 missing: cls.predictions'),
    'nothing known': ({'config': {'model_type': 'bret'}}, 'UnsupportedError', 'did you mean bert?'),
    'no architecture': ({'config': {'architectures': []}}, 'StepError', 'write it beside `transformers`: task: '),
    'wider than its weights': ({'config': {'hidden_size': 64}}, 'StepError', 'transformers cannot load'),
    'heads that do not divide': ({'config': {'num_attention_heads': 5}}, 'StepError', 'transformers cannot load'),
    'a number that is a word': ({'config': {'num_hidden_layers': 'many'}}, 'StepError', 'transformers cannot load'),
    'cut weights': ({'cut': 4000}, 'StepError', 'transformers cannot load'),
}  # fmt: skip


def in_shards(folder: Path) -> dict[str, bytes]:
    """Return the files of a model as the hub has larger ones: weights in two, an index, and what nobody needs here."""
    from safetensors.numpy import load_file, save

    held = load_file(folder / 'model.safetensors')
    names = [*held]
    parts = {f'model-0000{n}-of-00002.safetensors': names[n - 1 :: 2] for n in (1, 2)}
    places = {name: part for part, inside in parts.items() for name in inside}
    files = {part: save({name: held[name] for name in inside}) for part, inside in parts.items()}
    beside = {'generation_config.json': b'{}', 'tokenizer.json': b'{}', 'pytorch_model.bin': b'a pickle'}
    index = json.dumps({'metadata': {}, 'weight_map': places}).encode()
    config = (folder / 'config.json').read_bytes()
    return files | beside | {'model.safetensors.index.json': index, 'config.json': config}


def of_the_hub(files: dict[str, bytes], folder: Path) -> Path:
    """Return the folder of what is fetched of a repository, from a server that serves it here."""
    REPOSITORIES['small/bert'] = files
    with serving() as endpoint:
        name = f'small/bert@{COMMIT}'
        done = fetched('', folder / 'fetched', folder / 'cache', name, 'transformers', HF_ENDPOINT=endpoint)
    assert done.returncode == 0, done.stderr
    needless = {'generation_config.json', 'tokenizer.json', 'pytorch_model.bin'}
    assert {path.name for path in (folder / 'fetched').iterdir()} == files.keys() - needless
    return folder / 'fetched'


@pytest.fixture(scope='module')
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what became of every case: one process, as most of its time goes to imports."""
    folder = tmp_path_factory.mktemp('transformers')
    cases = {}
    for name, case in (RIGHT | {name: wrong[0] for name, wrong in WRONG.items()}).items():
        place = folder / f'{name} of it'
        shutil.copytree(SEEDED / case.get('of', name if (SEEDED / name).is_dir() else 'bert'), place)
        told = json.loads((place / 'config.json').read_text()) | case.get('config', {})
        (place / 'config.json').write_text(json.dumps(told))
        if 'cut' in case:
            whole = (place / 'model.safetensors').read_bytes()
            (place / 'model.safetensors').write_bytes(whole[: -case['cut']])
        if case.get('hub'):
            place = of_the_hub(in_shards(place), folder)
        said = {key: case[key] for key in ('declared',) if key in case}
        source = {'task': case.get('task', 'auto')}
        cases[name] = {'inputs': {'file': str(place)}, 'source': source, 'sizes': {'sequence': 5}, **said}
    return gone_through(folder, 'transformers', cases, 'exported_from_transformers')


@pytest.mark.parametrize('name', RIGHT)
def test_what_is_exported_answers_as_transformers_does_and_needs_no_transformers(name: str, done: Path) -> None:
    import numpy as np

    from stages.engines import torch as engine

    assert 'error' not in answer(done, name), answer(done, name)
    made = contract_of(answer(done, name)['made'])
    session = engine.load(done / name / 'made', made, engine.Options(), 1)
    given = session.run(dict(np.load(done / name / 'feed.npz')))
    wanted = dict(np.load(done / name / 'answers.npz'))

    assert {key: array.shape for key, array in given.items()} == {key: array.shape for key, array in wanted.items()}
    assert max(float(np.abs(given[key] - wanted[key]).max()) for key in wanted) < 1e-5


def test_inputs_and_their_free_dimensions_are_those_of_the_configuration(done: Path) -> None:
    def ports(name: str) -> list[tuple[str, tuple[int | str, ...]]]:
        contract = contract_of(answer(done, name)['contract'])
        return [(port.name, port.shape) for port in (*contract.inputs, *contract.outputs)]

    words = ('batch', 'sequence')
    inputs = [('input_ids', words), ('attention_mask', words), ('token_type_ids', words)]
    assert ports('bert') == [*inputs, ('logits', ('batch', 3))]
    assert ports('bert without its head') == [*inputs, ('last_hidden_state', (*words, 32))]
    assert ports('vit') == [('pixel_values', ('batch', 3, 32, 32)), ('logits', ('batch', 5))]
    assert ports('vit of two pictures') == [('pixel_values', (2, 3, 32, 32)), ('logits', (2, 5))]
    assert ports('whisper') == [('input_features', ('batch', 16, 100)), ('last_hidden_state', ('batch', 50, 32))]


@pytest.mark.parametrize('name', WRONG)
def test_what_is_no_whole_model_of_the_task_is_one_message(name: str, done: Path) -> None:
    found = answer(done, name)

    assert found['error'] == WRONG[name][1], found
    assert WRONG[name][2] in found['message']
    assert len(found['message']) < 800
