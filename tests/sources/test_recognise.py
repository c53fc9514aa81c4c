"""A format is told by what a file holds, by its outermost parts alone; a file that is cut short holds none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from stages.sources import SOURCES, exported, keras, savedmodel, tflite, torch, torchscript, wire

GRAPH = b'\x3a\x03abc'
MODEL = b'\x08\x08' + GRAPH


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def packed(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, 'w') as archive:
        for name in names:
            archive.writestr(name, b'x')
    return path


def test_fields_are_told_without_opening_them(tmp_path):
    assert wire.fields(written(tmp_path / 'm', MODEL)) == {(1, wire.NUMBER), (7, wire.BYTES)}


@pytest.mark.parametrize('cut', range(1, len(MODEL)))
def test_a_message_that_ends_within_a_field_is_none(tmp_path, cut):
    whole = {2: {(1, wire.NUMBER)}}  # its first field is a message of its own

    assert wire.fields(written(tmp_path / 'm', MODEL[:cut])) == whole.get(cut, set())


@pytest.mark.parametrize(
    ('source', 'names'),
    [
        (torchscript, ('m/data.pkl', 'm/constants.pkl', 'm/code/x.py')),
        (exported, ('m/archive_format', 'm/models/model.json')),
        (torch, ('m/data.pkl', 'm/data/0')),
        (keras, ('config.json', 'metadata.json', 'model.weights.h5')),
    ],
)
def test_archives_are_told_apart_by_their_members(tmp_path, source, names):
    path = packed(tmp_path / 'anything', *names)
    found = [format for format in ('torch', 'torchscript', 'exported', 'keras') if SOURCES[format].recognise(path)]

    assert [SOURCES[format] for format in found] == [source]


def test_a_file_of_flatbuffers_and_one_of_hdf5_are_told_by_their_first_bytes(tmp_path):
    assert tflite.recognise(written(tmp_path / 'a', b'\x1c\0\0\0TFL3')) == {'model.tflite': 'a'}
    assert keras.recognise(written(tmp_path / 'b', b'\x89HDF\r\n\x1a\n')) == {'model.h5': 'b'}


def test_a_folder_of_tensorflow_is_told_by_its_graph_and_by_nothing_else(tmp_path):
    written(tmp_path / 'saved_model.pb', b'\x08\x01\x12\x03abc')
    assert savedmodel.recognise(tmp_path) == savedmodel.recognise(tmp_path / 'saved_model.pb') == {'': '.'}

    written(tmp_path / 'saved_model.pb', MODEL)
    assert savedmodel.recognise(tmp_path) == {}


@pytest.mark.parametrize('content', [b'', b'{}', b'PK\x03\x04', b'\x80\x02}q\x00.', bytes(4096)])
def test_what_is_no_model_is_recognised_by_no_source(tmp_path, content):
    path = written(tmp_path / 'x', content)

    assert [format for format, source in SOURCES.items() if getattr(source, 'recognise', lambda _: {})(path)] == []
