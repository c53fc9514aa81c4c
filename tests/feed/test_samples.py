from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.contract.port import Contract, Port
from stages.errors import StepError
from stages.feed.calibration import calibration
from stages.feed.npz import read_npz, write_npz
from stages.feed.samples import Samples, feed, feeds, samples


def taking(*ports: Port, **sizes: int) -> Contract:
    return Contract(ports, sizes=sizes)


def of(contract: Contract, **arrays: np.ndarray) -> Samples:
    return samples(arrays, contract, contract.sizes)


IMAGES = np.arange(5 * 3 * 2, dtype=np.float32).reshape(5, 3, 2)


def test_rows_go_to_the_batch_axis_wherever_it_is() -> None:
    first = taking(Port('x', ('batch', 3, 2), 'float32'))
    second = taking(Port('x', (3, 'batch', 2), 'float32'))
    assert feed(of(first, x=IMAGES), first, [0, 4])['x'].shape == (2, 3, 2)
    turned = feed(of(second, x=IMAGES), second, [0, 4])['x']
    assert turned.shape == (3, 2, 2) and (turned[:, 1] == IMAGES[4]).all()


def test_an_input_without_a_batch_is_fed_one_whole_sample_at_a_time() -> None:
    sound = taking(Port('x', ('samples',), 'float32'))
    found = of(sound, x=np.ones((4, 400), np.float32))
    assert found.count == 4 and [f['x'].shape for f in feeds(found, sound, 16)] == [(400,)] * 4


def test_one_table_is_the_same_for_every_sample_beside_the_rows_of_others() -> None:
    both = taking(Port('image', (1, 3, 2), 'float32'), Port('anchors', (10, 4), 'float32'))
    found = of(both, image=IMAGES, anchors=np.zeros((10, 4), np.float32))
    fed = feed(found, both, [3])
    assert found.count == 5 and fed['image'].shape == (1, 3, 2) and fed['anchors'].shape == (10, 4)


def test_a_table_as_long_as_there_are_samples_is_still_one_table() -> None:
    both = taking(Port('image', ('batch', 3, 2), 'float32'), Port('anchors', (5, 4), 'float32'))
    found = of(both, image=IMAGES, anchors=np.arange(20, dtype=np.float32).reshape(5, 4))
    assert found.joins(both) and feed(found, both, [0, 1])['anchors'].shape == (5, 4)


def test_a_first_axis_of_which_nobody_says_what_it_counts_is_refused() -> None:
    silent = taking(Port('x', ('x_0', 3, 2), 'float32'))
    with pytest.raises(StepError, match=r'whether the first axis of x float32 .* counts samples'):
        of(silent, x=IMAGES)
    assert of(silent, x=IMAGES[:, None]).count == 5


def test_a_scalar_is_fed_without_dimensions() -> None:
    scale = taking(Port('x', ('batch', 3, 2), 'float32'), Port('scale', (), 'float32'))
    fed = feed(of(scale, x=IMAGES, scale=np.arange(5, dtype=np.float32)), scale, [2])
    assert fed['scale'].shape == () and fed['scale'] == 2


def test_made_up_numbers_are_valid_in_any_vocabulary_and_of_the_recipes_sizes() -> None:
    ids = taking(Port('ids', ('batch', 'seq'), 'int64'), Port('mask', ('batch', 'seq'), 'bool'), seq=7)
    found = of(ids)
    assert set(np.unique(found.arrays['ids'])) == {0, 1} and found.arrays['mask'].shape == (16, 7)


def test_named_sizes_are_cut_and_repeated_and_what_an_artifact_fixes_is_cut() -> None:
    free = taking(Port('x', ('batch', 'time', 2), 'float32'), time=4)
    assert of(free, x=IMAGES).arrays['x'].shape == (5, 4, 2)
    static = taking(Port('x', ('batch', 'time', 2), 'float32'), time=2).fixed()
    assert of(static, x=IMAGES).arrays['x'].shape == (5, 2, 2)
    with pytest.raises(StepError, match='the data has 3 where the model takes 5'):
        of(taking(Port('x', ('batch', 5, 2), 'float32')), x=IMAGES)


def test_a_type_is_changed_only_where_no_number_changes() -> None:
    ids = taking(Port('ids', ('batch', 2), 'int32'))
    assert of(ids, ids=np.ones((3, 2), np.int64)).arrays['ids'].dtype == np.int32
    with pytest.raises(StepError, match='the data is int64, the input is int32'):
        of(ids, ids=np.full((3, 2), 2**40))
    with pytest.raises(StepError, match='the data is float64'):
        of(ids, ids=np.ones((3, 2)))


def test_calibration_feeds_what_the_check_feeds(tmp_path: Path) -> None:
    turned = taking(Port('x', (3, 'batch', 2), 'float32'), Port('scale', (), 'float32'))
    write_npz(tmp_path / 'data.npz', {'x': IMAGES, 'scale': np.ones(5, np.float32), 'labels': np.arange(5)})
    given = calibration(tmp_path / 'data.npz', turned, 4)
    wanted = feeds(of(turned, x=IMAGES, scale=np.ones(5, np.float32)), turned)[:4]
    assert len(given) == 4
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(given, wanted, strict=True) for name in a)


def test_a_model_of_fixed_rows_is_calibrated_with_whole_feeds(tmp_path: Path) -> None:
    pairs = taking(Port('x', ('batch', 3, 2), 'float32')).fixed(2)
    write_npz(tmp_path / 'data.npz', {'x': IMAGES})
    assert [f['x'].shape for f in calibration(tmp_path / 'data.npz', pairs, 100)] == [(2, 3, 2)] * 2
    with pytest.raises(StepError, match='no array x; it holds y'):
        write_npz(tmp_path / 'other.npz', {'y': IMAGES})
        calibration(tmp_path / 'other.npz', pairs, 1)


def test_a_kept_scalar_stays_one(tmp_path: Path) -> None:
    write_npz(tmp_path / 'data.npz', {'a': np.float32(2), 'b/c': np.ones(3)})
    kept = read_npz(tmp_path / 'data.npz')
    assert kept['a'].shape == () and kept['b/c'].shape == (3,)
