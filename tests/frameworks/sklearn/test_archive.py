"""A file of skops is data: what it names is held against lists before anything of it is loaded."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.sklearn import archive
from stages.sources import sklearn as source

np = pytest.importorskip('numpy')


def node(loader: str, module: str, kind: str, content: object = '', **more: object) -> dict:
    return {'__loader__': loader, '__module__': module, '__class__': kind, 'content': content, **more}


def estimator(
    kind: str = 'LogisticRegression', room: str = 'sklearn.linear_model._logistic', **attributes: dict
) -> dict:
    told = {'n_features_in_': node('JsonNode', 'builtins', 'str', '3', is_json=True), **attributes}
    return node('ObjectNode', room, kind, node('DictNode', 'builtins', 'dict', told))


def array(values: object) -> bytes:
    out = io.BytesIO()
    np.save(out, values, allow_pickle=True)
    return out.getvalue()


def written(path: Path, root: object, **members: bytes) -> Path:
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as made:
        made.writestr('schema.json', root if isinstance(root, (str, bytes)) else json.dumps(root))
        for name, data in members.items():
            made.writestr(name.replace('__', '/').replace('_npy', '.npy'), data)
    return path


def test_a_pipeline_tells_what_it_is_of_and_how_many_columns_it_takes(tmp_path):
    root = estimator('Pipeline', 'sklearn.pipeline', steps=node('ListNode', 'builtins', 'list', [estimator()]))
    path = written(tmp_path / 'm.skops', root)

    assert archive.features(archive.nodes(path)) == 3
    assert archive.estimators(path) == {'Pipeline': 1, 'LogisticRegression': 1}
    assert source.recognise(path) == {'m.skops': 'm.skops'}


@pytest.mark.parametrize(
    'bad',
    [
        node('FunctionNode', 'os', 'system'),
        node('MethodNode', 'builtins', 'exec'),
        node('PartialNode', 'functools', 'partial'),
        node('OperatorFuncNode', 'operator', 'methodcaller'),
        node('ConstructorFromReduceNode', 'subprocess', 'Popen'),
        node('ObjectNode', 'subprocess', 'Popen'),
        node('ObjectNode', 'sklearn.datasets._base', 'Path'),
        node('ObjectNode', 'sklearn.utils', 'shuffle'),
        node('ObjectNode', 'sklearn.linear_model._base.os', 'sys tem'),
        node('ObjectNode', 'sklearn', 'clone'),
        node('TypeNode', 'subprocess', 'Popen'),
        node('TreeNode', 'ctypes', 'CDLL'),
    ],
)
def test_what_is_no_estimator_and_no_value_is_named_and_refused(bad, tmp_path):
    path = written(tmp_path / 'm.skops', estimator(inner=bad))

    with pytest.raises(UnsupportedError, match=f'holds {bad["__module__"]}.{bad["__class__"]}'):
        archive.nodes(path)


@pytest.mark.parametrize(
    ('root', 'members', 'words'),
    [
        ('{', {}, 'no file of skops'),
        ('[' * 100_000, {}, 'no file of skops'),
        ('[]', {}, 'no tree of nodes'),
        (estimator(coef=node('NdArrayNode', 'numpy', 'ndarray', file='gone.npy')), {}, 'which is not there'),
        (estimator(coef={'__loader__': 'NdArrayNode'}), {}, 'without loader, module or class'),
        (estimator(), {'a__b_npy': array([1.0])}, "holds 'a/b.npy'"),
        (estimator(), {'a.pkl': b'x'}, "holds 'a.pkl'"),
        (estimator(), {'a_npy': b'text'}, 'no array of numbers'),
        (estimator(), {'a_npy': array(np.array([{}], object))}, 'no array of numbers'),
        (estimator(), {'a_npy': b'\x93NUMPY' + bytes(2**30)}, 'unpacks to more than'),
    ],
)
def test_a_damaged_or_hostile_archive_is_one_sentence(root, members, words, tmp_path):
    path = written(tmp_path / 'm.skops', root, **members)

    with pytest.raises(IntegrityError, match=words):
        archive.nodes(path)


@pytest.mark.parametrize('data', [b'', b'PK\x03\x04', b'PK\x05\x06' + bytes(18), b'\x80\x04.'])
def test_what_is_no_archive_is_one_sentence(data, tmp_path):
    path = tmp_path / 'm.skops'
    path.write_bytes(data)

    with pytest.raises(IntegrityError, match=r'm\.skops: no file of skops'):
        archive.nodes(path)


def test_a_pickle_is_refused_with_the_line_that_writes_data_instead(tmp_path):
    from stages.contract.job import Job
    from stages.contract.port import Contract

    (tmp_path / 'in').mkdir()
    (tmp_path / 'in/model.pkl').write_bytes(b'\x80\x04.')

    with pytest.raises(IntegrityError, match=r'skops\.io\.dump'):
        source.run(source.Params(), Job({'file': tmp_path / 'in'}, tmp_path, Contract(), lambda part, words: None))
