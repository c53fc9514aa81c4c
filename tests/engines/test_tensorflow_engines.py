"""TensorFlow and LiteRT give complete arrays that stay as they are, whatever the order and the size of a feed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip('numpy')

from stages.contract.kind import Job  # noqa: E402
from stages.contract.port import Tensor  # noqa: E402
from stages.engines import ENGINES  # noqa: E402
from stages.errors import StepError  # noqa: E402

pytestmark = [pytest.mark.tensorflow, pytest.mark.litert]
for name, extra in {'tensorflow': 'tensorflow', 'ai_edge_litert': 'litert'}.items():
    pytest.importorskip(name, reason=f'needs modelkiln[{extra}]: pip install "modelkiln[{extra}]"')

SIGNATURE = (Tensor('b', ('batch', 4), 'float32'), Tensor('a', ('batch', 4), 'float32'))
ONE = np.ones((2, 4), 'float32')


@pytest.fixture(scope='module')
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Sum and difference of two inputs in each format."""
    from stages.frameworks.tensorflow import model as tensorflow_model
    from stages.kinds import tflite

    tensorflow_model.framework()
    import keras

    a, b = keras.Input((4,), name='a'), keras.Input((4,), name='b')
    net = keras.Model([a, b], [keras.layers.Add()([a, b]), keras.layers.Subtract()([a, b])])
    root = tmp_path_factory.mktemp('engines')
    for name in ('keras', 'tflite'):
        (root / name).mkdir()
    net.save(root / 'keras/model.keras')
    net.export(root / 'savedmodel', verbose=False)
    job = Job({'model': root / 'keras'}, root / 'tflite', SIGNATURE, ('sum', 'difference'), lambda f, w: None)
    tflite.run(tflite.Params(), job)
    return {name: root / name for name in ('keras', 'savedmodel', 'tflite')}


def session(folders: dict[str, Path], format: str, signature: Any = SIGNATURE, **options: Any) -> Any:
    engine = ENGINES['litert' if format == 'tflite' else 'tensorflow']
    engine.prepare()
    return engine.load(folders[format], signature, engine.Options(**options), 1)


CASES = [('keras', {}), ('savedmodel', {}), ('tflite', {}), ('keras', {'xla': True}), ('tflite', {'xnnpack': False})]


@pytest.mark.parametrize(('format', 'options'), CASES, ids=str)
def test_outputs_come_in_order_and_are_not_overwritten(folders, format, options):
    loaded = session(folders, format, **options)
    two = np.full((2, 4), 2, 'float32')
    two.setflags(write=False)

    first = loaded.run({'b': ONE, 'a': two})
    second = loaded.run({'a': two, 'b': ONE * 7})

    assert [f.tolist()[0][0] for f in first] == [3, 1]
    assert [s.tolist()[0][0] for s in second] == [9, -5]
    assert loaded.inputs == SIGNATURE


@pytest.mark.parametrize('format', ['keras', 'savedmodel', 'tflite'])
def test_a_feed_may_have_any_number_of_samples(folders, format):
    loaded = session(folders, format)

    shapes = [[r.shape for r in loaded.run({'a': ONE[:1].repeat(n, 0), 'b': ONE[:1].repeat(n, 0)})] for n in (1, 5, 2)]

    assert shapes == [[(n, 4), (n, 4)] for n in (1, 5, 2)]


@pytest.mark.parametrize('format', ['keras', 'savedmodel', 'tflite'])
def test_inputs_go_by_place_where_the_recipe_has_names_of_its_own(folders, format):
    loaded = session(folders, format, (Tensor('left', (2, 4), 'float32'), Tensor('right', (2, 4), 'float32')))

    total, difference = loaded.run({'left': ONE * 5, 'right': ONE})

    # the TFLite file was made by a recipe that has b before a
    assert (total[0, 0], difference[0, 0]) == (6, -4 if format == 'tflite' else 4)


@pytest.mark.parametrize('format', ['keras', 'savedmodel', 'tflite'])
def test_a_recipe_of_another_model_is_refused(folders, format):
    with pytest.raises(StepError, match=r'the model takes .*4\]; the recipe declares .*5\]'):
        session(folders, format, (Tensor('a', ('batch', 5), 'float32'), SIGNATURE[0]))
