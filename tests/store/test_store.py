"""The store gives back what was put in, byte for byte, or says that it cannot."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.store.store import Lost, Store

names = st.lists(st.from_regex(r'[a-z]{1,6}(/[a-z]{1,6})?', fullmatch=True), min_size=1, max_size=4, unique=True)
contents = st.binary(max_size=200)


def put(store: Store, key: str, files: dict[str, bytes]):
    """Publish ``files`` as a step would."""
    folder = store.temporary('test')
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    result = store.publish(key, {'kind': 'test'}, folder, list(files), 1.5, 7)
    store.discard(folder)
    return result


def take(store: Store, key: str, to: Path) -> dict[str, bytes]:
    result = store.find(key)
    assert result is not None
    for name, file in result.files.items():
        store.copy_out(file, to / name)
    return {name: (to / name).read_bytes() for name in result.files}


@settings(max_examples=20)
@given(data=st.data(), paths=names)
def test_what_was_published_comes_back_byte_for_byte(data, paths):
    # a name cannot be a file and a folder at once
    files = {n: data.draw(contents) for n in paths if not any(other.startswith(f'{n}/') for other in paths)}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / 'store')

        made = put(store, 'a' * 64, files)

        assert take(store, 'a' * 64, Path(folder) / 'out') == files
        found = Store(Path(folder) / 'store').find('a' * 64)
        assert found == made
        assert (found.seconds, found.peak_memory_bytes, found.size) == (1.5, 7, sum(map(len, files.values())))


@settings(max_examples=15)
@given(
    one=st.dictionaries(st.sampled_from('abc'), contents, min_size=1),
    two=st.dictionaries(st.sampled_from('abc'), contents, min_size=1),
)
def test_results_have_equal_digests_exactly_when_names_and_bytes_are_equal(one, two):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))

        assert (put(store, '1' * 64, one).digest == put(store, '2' * 64, two).digest) == (one == two)


@settings(max_examples=12)
@given(content=st.binary(min_size=1, max_size=50), place=st.integers(0), flip=st.integers(1, 255))
def test_a_flipped_byte_is_never_given_out(content, place, flip):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store(folder / 'store')
        file = put(store, 'a' * 64, {'f': content}).files['f']
        damaged = bytearray(content)
        damaged[place % len(content)] ^= flip
        store.blob(file.sha256).chmod(0o644)
        store.blob(file.sha256).write_bytes(damaged)

        with pytest.raises(Lost, match='damaged'):
            store.copy_out(file, folder / 'out')

        assert not (folder / 'out').exists()
        assert store.find('a' * 64) is None  # so that it is made again
        put(store, 'a' * 64, {'f': content})
        assert take(store, 'a' * 64, folder / 'again') == {'f': content}


def test_equal_content_is_kept_once(tmp_path):
    store = Store(tmp_path)

    put(store, '1' * 64, {'a': b'same', 'b': b'same'})
    put(store, '2' * 64, {'c': b'same'})

    assert [path.read_bytes() for path in tmp_path.glob('blobs/*/*')] == [b'same']


def test_writing_to_a_copy_leaves_the_store_as_it_was(tmp_path):
    store = Store(tmp_path / 'store')
    put(store, 'a' * 64, {'f': b'content'})
    take(store, 'a' * 64, tmp_path / 'out')

    (tmp_path / 'out/f').write_bytes(b'written over')

    assert take(store, 'a' * 64, tmp_path / 'other') == {'f': b'content'}


def test_a_result_with_a_missing_file_is_no_result(tmp_path):
    store = Store(tmp_path)
    put(store, 'a' * 64, {'f': b'one', 'g': b'two'})

    next(tmp_path.glob('blobs/*/*')).unlink()

    assert store.find('a' * 64) is None


@pytest.mark.parametrize('text', ['', '{', '{}', '{"files": {}}', '{"files": {"f": {"sha256": "x"}}}'], ids=repr)
def test_a_damaged_record_is_no_result_and_no_crash(tmp_path, text):
    store = Store(tmp_path)
    put(store, 'a' * 64, {'f': b'one'})

    next(tmp_path.glob('results/*/*.json')).write_text(text)

    assert store.find('a' * 64) is None
    assert store.action('a' * 64) is None


def test_two_results_do_not_meet(tmp_path):
    store = Store(tmp_path)
    put(store, '1' * 64, {'f': b'one'})
    put(store, '2' * 64, {'f': b'two'})

    store.forget('1' * 64)

    assert store.find('1' * 64) is None
    assert take(store, '2' * 64, tmp_path / 'out') == {'f': b'two'}


def test_a_store_that_is_gone_is_an_empty_store(tmp_path):
    store = Store(tmp_path / 'store')
    put(store, 'a' * 64, {'f': b'one'})
    shutil.rmtree(tmp_path / 'store')

    assert store.find('a' * 64) is None
    put(store, 'a' * 64, {'f': b'one'})
    assert take(store, 'a' * 64, tmp_path / 'out') == {'f': b'one'}
