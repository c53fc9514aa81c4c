"""The Paddle engine, in a process beside this one, which never imports Paddle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.with_paddle import asked, lacking, request

pytestmark = pytest.mark.paddle
if said := lacking():
    pytest.skip(said, allow_module_level=True)
np = pytest.importorskip('numpy')

from stages.contract.match import matched  # noqa: E402
from stages.contract.port import ANY, Contract, Port, contract_json  # noqa: E402
from stages.frameworks.paddle import ports  # noqa: E402

# neither the names of the outputs nor the order of the inputs is the file's
DECLARED = Contract(
    (Port('scale', ('batch', 1), 'float32'), Port('image', ('batch', 3, 16, 16), 'float32')),
    (Port('scores', ANY, ''), Port('features', ANY, '')),
)


@pytest.fixture(scope='module', params=[('json', '1'), ('pdmodel', '0')], ids=['json', 'pdmodel'])
def models(request: pytest.FixtureRequest, tmp_path_factory) -> Path:
    """The helper's models in the form of Paddle 3, and in that before it."""
    form, flag = request.param
    folder = tmp_path_factory.mktemp(form)
    asked('models', folder, fresh=True, FLAGS_enable_pir_api=flag)
    assert (folder / f'net/model.{form}').exists()
    return folder


@pytest.fixture
def answer(models, tmp_path):
    """Load a model and run feeds; return what the child says, and the outputs of each feed by name."""

    def run(name: str, feeds: list[dict[str, Any]], declared=DECLARED, **options: Any):
        graph = ports.graph_file(models / name)
        contract = matched(name, ports.read(graph), declared) if graph else declared
        arrays = {f'{n}.{key}': array for n, feed in enumerate(feeds) for key, array in feed.items()}
        np.savez(tmp_path / 'feeds.npz', **arrays)
        wanted = request(
            tmp_path / 'request.json', folder=models / name, contract=contract_json(contract), options=options,
            threads=1, count=len(feeds), feeds=tmp_path / 'feeds.npz', results=tmp_path / 'results.npz',
        )  # fmt: skip
        found = asked('engine', wanted)
        if 'error' in found:
            return found, []
        with np.load(tmp_path / 'results.npz') as stored:
            names = [port.name for port in contract.outputs]
            return found, [{name: stored[f'{n}.{name}'] for name in names} for n in range(len(feeds))]

    return run


def feed(rows: int, scale: float) -> dict[str, Any]:
    image = np.random.default_rng(7).standard_normal((rows, 3, 16, 16)).astype('float32')
    return {'scale': np.full((rows, 1), scale, 'float32'), 'image': image}


def test_outputs_come_by_name_for_any_batch_and_are_not_overwritten(answer):
    found, (one, three, more) = answer('net', [feed(2, 1), feed(2, 3), feed(5, 1)])

    assert found['outputs'] == [['scores', 'features']] * 3
    assert (one['scores'].shape, one['features'].shape, more['scores'].shape) == ((2, 5), (2, 8), (5, 5))
    assert np.allclose(three['scores'], 3 * one['scores'], rtol=1e-5)
    assert np.array_equal(one['features'], three['features']) and np.abs(one['scores']).max() > 0


def test_outputs_may_be_asked_for_in_another_order(models, answer):
    first, second = [p.name for p in ports.read(ports.graph_file(models / 'net')).outputs]
    turned = Contract(DECLARED.inputs, (Port(second, ANY, ''), Port(first, ANY, '')))

    found, (one,) = answer('net', [feed(2, 1)], turned)

    assert found['outputs'] == [[second, first]]
    assert one[first].shape == (2, 5) and one[second].shape == (2, 8)


def test_onednn_changes_digits_only_and_bf16_more(models, answer):
    (_, (with_it,)), (_, (without,)) = (answer('net', [feed(4, 1)], onednn=chosen) for chosen in (True, False))

    for name, two in without.items():
        assert np.linalg.norm(with_it[name] - two) / np.linalg.norm(two) < 1e-5
    if (models / 'net/model.json').exists():  # a .pdmodel with a broadcast Add fails in bf16 (Paddle 3.3)
        _, (short,) = answer('net', [feed(4, 1)], precision='bf16')
        for name, two in without.items():
            assert np.linalg.norm(short[name] - two) / np.linalg.norm(two) < 3e-2


def test_a_recipe_may_use_names_of_its_own(answer):
    row = Contract((Port('row', ('batch', 4), 'float32'),), (Port('y', ANY, ''),))

    found, (one,) = answer('one', [{'row': np.zeros((3, 4), 'float32')}], row)

    assert 'error' not in found and one['y'].shape == (3, 2)


def test_a_folder_without_a_graph_is_named(models, answer):
    (models / 'empty').mkdir(exist_ok=True)

    found, _ = answer('empty', [])

    assert found == {'error': 'StepError', 'message': 'empty: holds neither model.json nor model.pdmodel'}
