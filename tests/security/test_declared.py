"""Files that say more of themselves than they hold: refused before a list is made of what they say."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.caffe2 import read as caffe2
from stages.frameworks.mxnet import symbol
from stages.frameworks.sklearn import archive
from stages.frameworks.trees import lightgbm, ubjson, xgboost
from stages.frameworks.trees.to_onnx import to_onnx
from tests.frameworks.sklearn.test_archive import estimator, node, written
from tests.frameworks.trees.test_trees import FILES, boosted, chosen
from tests.security.test_bombs import small
from tests.sources.legacy_files import message, varint

np = pytest.importorskip('numpy')


@pytest.mark.parametrize(('name', 'number'), [('num_class', 10**9), ('num_target', 10**12), ('num_feature', 10**40)])
def test_a_model_of_xgboost_has_no_thousand_millions_of_outputs(name: str, number: int, tmp_path: Path) -> None:
    document = boosted()
    document['learner']['learner_model_param'][name] = str(number)
    (tmp_path / 'm.json').write_text(json.dumps(document))

    with small(), pytest.raises(IntegrityError, match=r'm\.json: says .* features and .* outputs'):
        xgboost.read(tmp_path / 'm.json')


def test_nodes_of_xgboost_do_not_share_one_list_of_categories(tmp_path: Path) -> None:
    count = 20_000
    inner, leaf = [*range(1, 2 * count, 2)], [-1] * (count + 1)  # a chain: each decision has a leaf and the next one
    tree = boosted(
        left_children=[*(n + 1 for n in range(count)), *leaf], right_children=[*(count + 1 + n for n in range(count))],
        **chosen(
            split_type=[1] * count + [0] * (count + 1), categories=list(range(count)), categories_nodes=[*range(count)],
            categories_segments=[0] * count, categories_sizes=[count] * count,
        ),
    )  # fmt: skip
    (tmp_path / 'm.json').write_text(json.dumps(tree))
    assert len(inner) == count

    with small(), pytest.raises(IntegrityError, match='nodes choose 400000000 categories, and it lists 20000'):
        xgboost.read(tmp_path / 'm.json')


def test_a_text_of_lightgbm_without_trees_has_no_endless_outputs(tmp_path: Path) -> None:
    head = 'tree\nobjective=regression\nmax_feature_idx=4\nnum_tree_per_iteration=999999999999\nend of trees\n'
    (tmp_path / 'm.txt').write_text(head)

    with small(), pytest.raises(IntegrityError, match='999,999,999,999 outputs'):
        lightgbm.read(tmp_path / 'm.txt')


@pytest.mark.onnx
def test_decisions_that_share_a_set_become_no_mountain_of_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
    monkeypatch.setattr('stages.frameworks.trees.categories.LONGEST', 3)

    with pytest.raises(UnsupportedError, match=r'decisions by category are .* what to try: onnx: \{trees: plain\}'):
        to_onnx(lightgbm.read(FILES / 'chosen.txt'), 'operator')


@pytest.mark.parametrize('length', [b'd\x3f\xc0\x00\x00', b'd\x7f\xc0\x00\x00', b'i\xff'])
def test_a_name_is_no_half_byte_long(length: bytes) -> None:
    with pytest.raises(ValueError, match='a length of'):
        ubjson.read(b'{' + length + b'a}')


def filled(folder: Path, *shapes: bytes) -> tuple[Path, Path]:
    """Write a Caffe2 net whose weights are one number each, of these shapes."""
    argument = [message((1, 'shape'), (6, shape)) for shape in shapes]
    fills = [
        (2, message((2, f'w{n}'), (4, 'ConstantFill'), (5, message((1, 'value'), (2, 1.0))), (5, said)))
        for n, said in enumerate(argument)
    ]
    (folder / 'init.pb').write_bytes(message(*fills))
    relu = message((1, 'x'), (2, 'y'), (4, 'Relu'))
    (folder / 'predict.pb').write_bytes(message((2, relu), (7, 'x'), (8, 'y')))
    return folder / 'init.pb', folder / 'predict.pb'


def test_weights_of_one_number_each_are_no_mountain_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caffe2, 'LARGEST', 1 << 20)

    with small(), pytest.raises(IntegrityError, match=r'operator 2 .* make more than 1,048,576 numbers'):
        caffe2.files(*filled(tmp_path, *[varint(1 << 19)] * 400))


def test_a_shape_of_a_million_axes_is_not_multiplied_out(tmp_path: Path) -> None:
    with small(), pytest.raises(IntegrityError, match='has the shape'):
        caffe2.files(*filled(tmp_path, varint(1 << 62) * 100_000))


def test_a_symbol_has_no_hundred_thousand_outputs(tmp_path: Path) -> None:
    nodes = [{'op': 'null', 'name': f'x{n}', 'inputs': []} for n in range(10)]
    (tmp_path / 's.json').write_text(json.dumps({'nodes': nodes, 'heads': [[0, 0, 0]] * 100_000}))

    with pytest.raises(IntegrityError, match='10 nodes and 100000 outputs make no symbol'):
        symbol.read(tmp_path / 's.json')


@pytest.mark.parametrize('columns', ['9' * 5000, '99999999', '²', ''])
def test_how_many_columns_is_a_number_that_can_be_one(columns: str) -> None:
    told = node('JsonNode', 'builtins', 'str', columns, is_json=True)

    assert archive.features(estimator(n_features_in_=told)) is None


def test_an_archive_inside_an_archive_counts_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, 'w', zipfile.ZIP_DEFLATED) as made:
        made.writestr('data.npy', b'\x93NUMPY' + bytes(8 << 20))
    monkeypatch.setattr(archive, 'LARGEST', 1 << 20)
    path = written(tmp_path / 'm.skops', estimator(), **{'sparse.npz': inner.getvalue()})
    assert path.stat().st_size < 1 << 16

    with small(), pytest.raises(IntegrityError, match='the archives in it unpack to more than'):
        archive.nodes(path)


def test_an_object_hides_in_no_sparse_array(tmp_path: Path) -> None:
    inner = io.BytesIO()
    np.savez(inner, data=np.array([{}], dtype=object))
    path = written(tmp_path / 'm.skops', estimator(), **{'sparse.npz': inner.getvalue()})

    with pytest.raises(IntegrityError, match=r'sparse\.npz: data\.npy is no array of numbers'):
        archive.nodes(path)
