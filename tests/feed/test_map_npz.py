from __future__ import annotations

import numpy as np
import pytest

from stages.feed.npz import map_npz, read_npz, write_npz

ARRAYS = {
    'rows': np.arange(24, dtype=np.float32).reshape(4, 3, 2),
    'one': np.array(7, np.int64),
    'none': np.empty((0, 3), np.uint8),
    'words': np.array(['a', 'sentence']),
}


def test_arrays_that_are_mapped_are_those_that_are_read(tmp_path):
    write_npz(tmp_path / 'data.npz', ARRAYS)
    mapped, whole = map_npz(tmp_path / 'data.npz'), read_npz(tmp_path / 'data.npz')
    assert mapped.keys() == whole.keys() == ARRAYS.keys()
    for name, array in whole.items():
        np.testing.assert_array_equal(mapped[name], array, strict=True)
    assert isinstance(mapped['rows'].base, np.memmap)


def test_a_file_of_numpys_own_is_taken_packed_or_in_its_other_order(tmp_path):
    rows = np.asfortranarray(ARRAYS['rows'])
    for name, save in (('plain', np.savez), ('packed', np.savez_compressed)):
        save(tmp_path / f'{name}.npz', rows=rows)
        np.testing.assert_array_equal(map_npz(tmp_path / f'{name}.npz')['rows'], rows, strict=True)


def test_an_array_that_says_more_than_its_file_holds_is_refused_before_it_is_mapped(tmp_path):
    write_npz(tmp_path / 'data.npz', {'rows': np.zeros((4, 30000))})
    damaged = (tmp_path / 'data.npz').read_bytes().replace(b'(4, 30000)', b'(9, 30000)')
    (tmp_path / 'data.npz').write_bytes(damaged)
    with pytest.raises(ValueError, match='there are'):
        map_npz(tmp_path / 'data.npz')
