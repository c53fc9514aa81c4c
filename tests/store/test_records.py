"""A record that is broken is as none: whatever lies where one should be, the next run makes it anew."""

from __future__ import annotations

import json
import os

import pytest

from stages.errors import RecipeError, StepError
from stages.paths import files_below
from stages.store.files import Remembered
from stages.store.records import read_record, write_record
from stages.store.store import Store
from tests.faults.conftest import chain as chain
from tests.store.test_store import put

BROKEN = {
    'a list': b'[]',
    'other fields': b'{"key": 1}',
    'a word': b'"text"',
    'half': b'{"identity": [1, ',
    'empty': b'',
    'not text': b'\xff\xfe\x00',
    'deep': b'[' * 100_000,
    'fields of other types': b'{"identity": 1, "good": "yes", "result": [], "files": [], "key": 1, "digest": 2}',
    'files of nothing': b'{"identity": [], "good": true, "result": "", "files": {"out.txt": 3}, "key": ""}',
    'of a later version': b'{"format": 99}',
}


@pytest.mark.parametrize('content', BROKEN.values(), ids=BROKEN.keys())
def test_a_run_takes_broken_records_for_none(chain, content):
    chain.set({'name': 'a', 'text': 'A'})
    chain.doit()
    for place in ('artifacts/fake/v.json', 'steps/*.json', 'store/results/*/*.json', 'files.json'):
        for path in chain.state.glob(place):
            path.write_bytes(content)

    code, text = chain.doit()

    assert (code, 'Traceback' in text) == (0, False), text
    assert chain.artifact().read_text() == 'A'
    assert chain.doit()[0] == 0


def test_a_record_is_read_as_it_was_written(tmp_path):
    write_record(tmp_path / 'r.json', {'name': 'ä', 'sizes': {'b': 1, 'a': [2]}})

    assert read_record(tmp_path / 'r.json', {'name': str, 'sizes': dict}) == {
        'format': 1, 'name': 'ä', 'sizes': {'b': 1, 'a': [2]},
    }  # fmt: skip
    assert read_record(tmp_path / 'r.json', {'name': int}) is None
    assert read_record(tmp_path / 'r.json', {}, format=2) is None


@pytest.mark.parametrize('name', ['../../escaped', '/etc/passwd', ''])
def test_a_result_with_a_name_outside_its_folder_is_none(tmp_path, name):
    store = Store(tmp_path)
    put(store, 'a' * 64, {'inside': b'1'})
    path = next(tmp_path.glob('results/*/*.json'))
    path.write_text(path.read_text().replace('"inside"', json.dumps(name)))

    assert store.find('a' * 64) is None


@pytest.mark.parametrize('kept', [1, [], [1], [[1, 2, 3, 4], 5], 'x', None])
def test_a_remembered_digest_of_another_form_is_computed_again(tmp_path, kept):
    (tmp_path / 'a').write_text('a')
    (tmp_path / 'files.json').write_text(json.dumps({f'what:{tmp_path / "a"}': kept}))

    assert Remembered(tmp_path / 'files.json').of('what', tmp_path / 'a', lambda path: 'made') == 'made'


def test_a_file_name_that_is_no_text_is_the_steps_failure(chain):
    chain.set({'name': 'a', 'text': 'A', 'does': 'odd-name'})

    code, text = chain.doit()

    assert code != 0
    assert 'Traceback' not in text
    assert r'left a file whose name is not UTF-8: \xff.txt' in text


def test_a_folder_with_a_name_that_is_no_text_is_refused(tmp_path):
    (tmp_path / 'data').mkdir()
    open(os.fsencode(tmp_path / 'data') + b'/\xff', 'w').close()

    with pytest.raises(RecipeError, match=r'\\xff in data has a name that is not UTF-8'):
        files_below(tmp_path / 'data')


def test_no_result_is_noted_for_a_name_that_is_no_text(tmp_path):
    with pytest.raises(StepError, match='not UTF-8'):
        put(Store(tmp_path), 'a' * 64, {os.fsdecode(b'\xff'): b'1'})

    assert not [*tmp_path.glob('results/*/*')]
