"""A Keras file whose names the recipe writes in another order, through the real doit to TensorFlow and LiteRT."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.digest import file_digest
from tests.small import Small, small_project

pytestmark = [pytest.mark.tensorflow, pytest.mark.litert, pytest.mark.slow]
np = pytest.importorskip('numpy')

RECIPE = """
recipe: 1
model: tiny
source: {keras: {path: files/net.keras, sha256: SHA256}}
inputs:
  gain: {shape: [batch, 1], dtype: float32}
  steps: {shape: [batch, 5, 3], dtype: float32}
variants:
  keras: []
  tflite: [tflite]
benchmark: {cycles: 1, repetitions: 2, warmup_runs: 1, warmup_seconds: 0}
"""


@pytest.fixture(scope='module')
def built(tmp_path_factory: pytest.TempPathFactory) -> Small:
    for name in ('tensorflow', 'ai_edge_litert'):
        pytest.importorskip(name, reason='needs modelkiln[tensorflow,litert]: pip install "modelkiln[all]"')
    from stages.frameworks.tensorflow.model import framework

    framework()
    import keras

    root = tmp_path_factory.mktemp('keras') / 'project'
    (root / 'recipes/files').mkdir(parents=True)
    keras.utils.set_random_seed(4)
    steps, gain = keras.Input((5, 3), name='steps'), keras.Input((1,), name='gain')
    sums = keras.layers.GlobalAveragePooling1D()(keras.layers.Dense(4, 'tanh')(steps))
    keras.Model([steps, gain], keras.layers.Multiply(name='loud')([sums, gain])).save(root / 'recipes/files/net.keras')
    project = small_project(root, RECIPE.replace('SHA256', file_digest(root / 'recipes/files/net.keras')))
    ran = project.doit()
    assert ran.code == 0, ran.text
    return project


@pytest.mark.parametrize('variant', ['keras', 'tflite'])
def test_an_artifact_is_run_by_its_manifest_alone_and_answers_as_keras_does(built: Small, variant: str) -> None:
    import keras

    import stages

    rng = np.random.default_rng(1)
    feed = {'steps': rng.standard_normal((1, 5, 3)).astype('float32'), 'gain': np.full((1, 1), 3, 'float32')}
    source = keras.saving.load_model(Path(built.root, 'recipes/files/net.keras'))
    wanted = np.asarray(source([feed['steps'], feed['gain']]))

    with stages.load(built.artifact(variant)) as model:
        assert [port.name for port in model.inputs] == ['gain', 'steps']
        [got] = model.run(feed).values()
    assert np.allclose(got, wanted, atol=1e-5)
