"""What does not fit the contract is one sentence that says which input, what it is, and what was expected."""

from __future__ import annotations

import numpy as np
import pytest

from stages.errors import FeedError
from tests.deliver.samples import manifest, opened

MODEL = opened(manifest())
RIGHT = {'image': np.ones((2, 3, 4), 'float32'), 'mask': np.ones((2, 4), bool)}


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'image': None}, r'image: is missing; the model takes image float32 \[batch, 3, side\], mask bool'),
        ({'imgae': RIGHT['image']}, r'imgae: is no input; .* did you mean image\?'),
        ({'image': np.ones((2, 3, 4), 'uint8')}, r'image: is uint8 \(whole\); expected float32'),
        ({'mask': np.ones((2, 4), 'float32')}, r'mask: is float32 \(floating-point\); expected bool'),
        ({'image': np.ones((3, 4), 'float32')}, r'image: has \[3, 4\], 2 axes; expected float32 \[batch, 3, side\]'),
        ({'image': np.ones((2, 1, 4), 'float32')}, r'image: has \[2, 1, 4\], 1 along axis 1; expected float32'),
        ({'mask': np.ones((2, 5), bool)}, r'mask: has \[2, 5\], 5 along side; another input has 4 there'),
        ({'mask': np.ones((3, 4), bool)}, r'mask: has \[3, 4\], 3 along batch; another input has 2 there'),
        ({'image': np.ones((0, 3, 4), 'float32')}, r'image: has \[0, 3, 4\]; it holds no sample'),
        ({'image': [[1.0], [2.0, 3.0]]}, r'image: is no array'),
        ({'image': np.array([object()])}, r'image: is object \(other\); expected float32'),
    ],
)
def test_what_does_not_fit_is_one_sentence(change, words):
    feed = {name: array for name, array in {**RIGHT, **change}.items() if array is not None}

    with pytest.raises(FeedError, match=words) as told:
        MODEL.run(feed)

    assert '\n' not in str(told.value)


def test_another_width_is_converted_and_another_number_is_not():
    from stages.contract.port import Port

    model = opened(manifest((Port('ids', ('batch',), 'int32'),), ()), lambda feed: dict(feed))

    assert model.run(ids=np.array([1, 2], 'int64'))['ids'].dtype == 'int32'
    assert model.run(ids=[1, 2])['ids'].tolist() == [1, 2]
    with pytest.raises(FeedError, match='ids: is int64 and holds numbers that int32 has not'):
        model.run(ids=np.array([2**40]))


def test_an_array_that_lies_otherwise_in_memory_is_laid_out_and_values_stay():
    turned = np.arange(24, dtype='float32').reshape(4, 3, 2).T  # of 2, 3 and 4, columns first

    MODEL.run(image=turned, mask=RIGHT['mask'])

    fed = MODEL.session.fed[-1]['image']
    assert fed.flags.c_contiguous
    assert (fed == turned).all()


def test_what_is_fixed_of_a_named_size_is_told_by_its_name():
    from stages.contract.port import Port

    model = opened(manifest((Port('sound', (1, 80, 100), 'float32', batch=0, dims=('batch', '', 'frames')),)))

    with pytest.raises(FeedError, match=r'99 along axis 2; expected .*, which this artifact is made for \(frames\)'):
        model.run(sound=np.ones((1, 80, 99), 'float32'))
