"""Arrays in files: named as the model names them, split by what they hold, never unpickled."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Contract, Port
from stages.contract.reader import ALL, Part
from stages.errors import StepError
from stages.readers import npy, npz

CONTRACT = Contract((Port('image', ('batch', 4), 'float32'),))
ROWS = np.random.default_rng(0).random((50, 4)).astype(np.float32)


def test_arrays_of_other_names_are_renamed_and_the_rest_left_out(tmp_path: Path) -> None:
    np.savez(tmp_path / 'x.npz', x_test=ROWS, y_test=np.arange(50), more=np.ones(3))

    made = npz.read(npz.Params({'image': 'x_test', 'labels': 'y_test'}), {'x.npz': tmp_path / 'x.npz'}, CONTRACT, ALL)

    assert made.keys() == {'image', 'labels'} and (made['image'] == ROWS).all()
    with pytest.raises(StepError, match='has no array x_train; it holds more, x_test, y_test'):
        npz.read(npz.Params({'image': 'x_train'}), {'x.npz': tmp_path / 'x.npz'}, CONTRACT, ALL)


def test_rows_and_their_labels_stay_together_when_they_are_split(tmp_path: Path) -> None:
    np.savez(tmp_path / 'x.npz', image=ROWS, labels=np.arange(50))
    files = {'x.npz': tmp_path / 'x.npz'}
    one = npz.read(npz.Params(), files, CONTRACT, Part(0.0, 0.2))
    two = npz.read(npz.Params(), files, CONTRACT, Part(0.2, 1.0))

    assert sorted([*one['labels'], *two['labels']]) == [*range(50)]
    assert 2 <= len(one['labels']) <= 20
    assert (one['image'] == ROWS[one['labels']]).all()


def test_arrays_of_different_lengths_cannot_be_split(tmp_path: Path) -> None:
    np.savez(tmp_path / 'x.npz', image=ROWS, scale=np.ones(1))

    with pytest.raises(StepError, match='they hold image 50, scale 1'):
        npz.read(npz.Params(), {'x.npz': tmp_path / 'x.npz'}, CONTRACT, Part(0.0, 0.2))


def test_a_single_npy_is_the_only_input_and_several_are_called_as_their_files(tmp_path: Path) -> None:
    np.save(tmp_path / 'photos.npy', ROWS)
    np.save(tmp_path / 'labels.npy', np.arange(50))
    photos, labels = ({name: tmp_path / name} for name in ('photos.npy', 'labels.npy'))

    assert npy.read(npy.Params(), photos, CONTRACT, ALL).keys() == {'image'}
    assert npy.read(npy.Params(), photos | labels, CONTRACT, ALL).keys() == {'photos', 'labels'}
    made = npy.read(npy.Params({'image': 'photos.npy', 'labels': 'labels.npy'}), photos | labels, CONTRACT, ALL)
    assert made.keys() == {'image', 'labels'}


def lying(shape: tuple[int, ...]) -> bytes:
    """A header that promises more than the file has."""
    body = io.BytesIO()
    np.lib.format.write_array_header_1_0(body, {'descr': '<f4', 'fortran_order': False, 'shape': shape})
    return body.getvalue() + b'\0' * 16


@pytest.mark.parametrize('shape', [(5,), (1 << 40,)])
def test_an_array_larger_than_its_file_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    (tmp_path / 'x.npy').write_bytes(lying(shape))

    with pytest.raises(StepError, match=r'x\.npy cannot be read as a plain array'):
        npy.read(npy.Params(), {'x.npy': tmp_path / 'x.npy'}, CONTRACT, ALL)


def test_a_pickled_npy_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / 'x.npy', np.array([{'a': 1}], object), allow_pickle=True)

    with pytest.raises(StepError, match='cannot be read as a plain array'):
        npy.read(npy.Params(), {'x.npy': tmp_path / 'x.npy'}, CONTRACT, ALL)
