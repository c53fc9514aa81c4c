"""Every section of Darknet that is read computes in ONNX what OpenCV's own importer makes of it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from stages.engines import opencv as engine
from stages.errors import IntegrityError
from stages.frameworks.darknet import read, weights
from stages.frameworks.darknet.layers import LAYERS
from tests.sources.legacy_files import seeded

pytestmark = [pytest.mark.onnx, pytest.mark.opencv]

NET = '[net]\nchannels=4\nheight=16\nwidth=24\n'


def section(kind: str, **options: object) -> str:
    return f'[{kind}]\n' + ''.join(f'{key.strip("_")}={value}\n' for key, value in options.items())


def conv(**options: object) -> str:
    return section('convolutional', **{'size': 1, 'filters': 4, 'activation': 'linear', **options})


CASES = {
    'convolutional': (conv(batch_normalize=1, size=3, stride=2, pad=1, activation='leaky'), '8 4*v 4*4*9'),
    'convolutional groups': (conv(size=3, pad=1, groups=4, filters=8, activation='swish'), '8 8*9'),
    'convolutional padding': (conv(size=5, padding=1, activation='mish'), '4 4*4*25'),
    'convolutional logistic': (section('convolutional', filters=3, size=1, activation='logistic'), '3 12'),
    'convolutional relu': (conv(activation='relu'), '4 16'),
    'convolutional tanh': (conv(activation='tanh'), '4 16'),
    'connected': (section('connected', output=5, activation='linear'), '5 5*1536'),
    'maxpool': (section('maxpool', size=2, stride=2), ''),
    'maxpool same': (section('maxpool', size=2, stride=1), ''),
    'maxpool wide': (section('maxpool', size=5, stride=1), ''),
    'maxpool three': (section('maxpool', size=3, stride=2), ''),
    'avgpool': (section('avgpool'), ''),
    'shortcut': (conv() + conv(activation='leaky') + section('shortcut', from_=-2, activation='leaky'), '40'),
    'route': (conv(filters=6) + section('route', layers='-1', groups=2, group_id=1)
              + section('route', layers='-1,0'), '30'),
    'upsample': (section('upsample', stride=2), ''),
    'reorg': (section('reorg', stride=2), ''),
    'softmax': (section('avgpool') + section('softmax'), ''),
    'scale_channels': (conv() + section('avgpool') + conv(activation='logistic')
                       + section('scale_channels', from_=-3), '40'),
    'sam': (conv() + conv(activation='logistic') + section('sam', from_=-2), '40'),
    'dropout': (conv() + section('dropout', probability=0.5), '20'),
    'cost': (conv() + section('cost'), '20'),
    'yolo': (conv(filters=14) + section('yolo', mask='0,1', anchors='1,2,3,4', classes=2, num=2), '70'),
    'region': (conv(filters=14)
               + section('region', anchors='1,2,3,4', classes=2, num=2, coords=4, softmax=1), '70'),
}  # fmt: skip
"""A net and how many numbers it has, ``v`` of them variances, by the section it shows."""


def numbers(said: str) -> np.ndarray:
    """Return seeded numbers; where some are variances, they are small and above zero."""
    if 'v' in said:
        bias_scale_mean, variance, kernels = seeded(12), abs(seeded(4, seed=1)) * 1e-4 + 1e-6, seeded(144, seed=2)
        return np.concatenate([bias_scale_mean, variance, kernels])
    count = sum(int(np.prod([int(n) for n in part.split('*')])) for part in said.split())
    return seeded(count) * np.float32(0.5)


def written(folder: Path, cfg: str, values: np.ndarray) -> tuple[Path, Path]:
    (folder / 'model.cfg').write_text(NET + cfg)
    (folder / 'model.weights').write_bytes(struct.pack('<3iq', 0, 2, 5, 7) + values.tobytes())
    return folder / 'model.cfg', folder / 'model.weights'


def answers(folder: Path, epsilon: float = read.EPSILON) -> tuple[np.ndarray, ...]:
    import onnx
    import onnxruntime

    found = read.read(folder / 'model.cfg', folder / 'model.weights', epsilon)
    model = read.model_of(found, found.contract)
    onnx.checker.check_model(model, full_check=True)
    given: tuple[np.ndarray, ...] = tuple(
        onnxruntime.InferenceSession(model.SerializeToString()).run(None, {'data': seeded(2, 4, 16, 24, seed=9)})
    )
    return given


def of_opencv(folder: Path, fuse: bool = False) -> list[np.ndarray]:
    contract = read.read(folder / 'model.cfg', folder / 'model.weights').contract
    session = engine.load(folder, contract, engine.Options(fuse=fuse), 1)
    rows = seeded(2, 4, 16, 24, seed=9)
    alone = [[*session.run({'data': row[None]}).values()] for row in rows]  # it scales channels of one sample only
    return [np.concatenate(each) for each in zip(*alone, strict=True)]


def test_every_section_of_the_table_is_shown() -> None:
    assert {case.partition(' ')[0] for case in CASES} == set(LAYERS)


@pytest.mark.parametrize('case', CASES)
def test_a_section_in_onnx_gives_what_opencv_gives(case: str, tmp_path: Path) -> None:
    cfg, count = CASES[case]
    written(tmp_path, cfg, numbers(count))

    for one, two in zip(answers(tmp_path), of_opencv(tmp_path), strict=True):
        np.testing.assert_allclose(one, two.reshape(one.shape), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('values', [25, 23])
def test_numbers_that_are_left_over_or_lacking_are_of_another_net(values: int, tmp_path: Path) -> None:
    files = written(tmp_path, conv(filters=4, size=1) + section('route', layers='-1'), seeded(values - 4))

    with pytest.raises(IntegrityError, match=r'is it of this \.cfg'):
        read.read(*files)


def test_another_epsilon_is_put_into_the_variances_for_a_runtime_that_has_one_of_its_own(tmp_path: Path) -> None:
    cfg, count = CASES['convolutional']
    _, file = written(tmp_path, cfg, numbers(count))
    [wanted], [other] = answers(tmp_path, 1e-3), answers(tmp_path)
    found = read.read(tmp_path / 'model.cfg', file)

    file.write_bytes(weights.with_epsilon(found.header, found.numbers, 1e-3 - read.EPSILON))

    np.testing.assert_allclose(of_opencv(tmp_path)[0], wanted, rtol=1e-3, atol=1e-4)
    assert abs(other - wanted).max() > 0.1  # or nothing was shown


def test_layers_of_unlike_channels_are_added_where_both_have_some(tmp_path: Path) -> None:
    written(tmp_path, conv(filters=6) + conv(filters=2) + section('shortcut', from_=-2), seeded(30 + 14) * 0.5)
    [given] = answers(tmp_path)
    (tmp_path / 'model.cfg').write_text(NET + conv(filters=6) + conv(filters=2) + section('route', layers='-1,-2'))
    [both] = answers(tmp_path)

    np.testing.assert_allclose(given, both[:, :2] + both[:, 2:4], rtol=1e-5, atol=1e-6)


def test_a_convolution_that_names_no_activation_has_the_logistic_one(tmp_path: Path) -> None:
    written(tmp_path, section('convolutional', filters=3, size=1), seeded(15))
    [given] = answers(tmp_path)
    (tmp_path / 'model.cfg').write_text(NET + section('convolutional', filters=3, size=1, activation='linear'))
    [plain] = answers(tmp_path)

    np.testing.assert_allclose(given, 1 / (1 + np.exp(-plain)), rtol=1e-5, atol=1e-6)
