"""Boosted trees are read as data, and answer in ONNX what their own library answers."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.errors import IntegrityError, UnsupportedError
from stages.frameworks.trees import lightgbm, ubjson, xgboost
from stages.frameworks.trees.forest import Forest

np = pytest.importorskip('numpy')
FILES = Path(__file__).with_name('files')
PREDICTED = np.load(FILES / 'predicted.npz')
LIGHT = sorted(path.stem for path in FILES.glob('*.txt'))
OBJECTIVES = {
    'reg:squarederror': {}, 'binary:logistic': {}, 'count:poisson': {}, 'binary:hinge': {},
    'multi:softprob': {'num_class': 3}, 'multi:softmax': {'num_class': 3},
    'reg:absoluteerror': {'booster': 'dart', 'rate_drop': 0.5},
}  # fmt: skip


def answered(forest: Forest, form: str, rows: np.ndarray) -> np.ndarray:
    """Run the forest's graph in ONNX Runtime."""
    runtime = pytest.importorskip('onnxruntime', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
    from stages.frameworks.trees.to_onnx import to_onnx

    session = runtime.InferenceSession(to_onnx(forest, form).SerializeToString())
    return session.run(None, {'features': rows})[0]


def near(got: np.ndarray, wanted: np.ndarray) -> bool:
    return got.shape == wanted.shape and np.allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.onnx
@pytest.mark.parametrize('form', ['operator', 'plain'])
@pytest.mark.parametrize('name', LIGHT)
def test_a_model_of_lightgbm_answers_what_lightgbm_did(name, form):
    forest = lightgbm.read(FILES / f'{name}.txt')

    assert near(answered(forest, form, PREDICTED['rows_chosen' if name == 'chosen' else 'rows']), PREDICTED[name])


@pytest.mark.onnx
@pytest.mark.parametrize('form', ['operator', 'plain'])
@pytest.mark.parametrize('objective', OBJECTIVES)
def test_a_model_of_xgboost_answers_what_xgboost_does(objective, form, tmp_path):
    library = pytest.importorskip('xgboost', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')
    rows, wanted = PREDICTED['rows'], np.arange(24) % (3 if objective.startswith('multi') else 2)
    made = library.train(
        {'objective': objective, 'max_depth': 4, **OBJECTIVES[objective]}, library.DMatrix(rows, wanted), 6
    )

    for suffix in ('json', 'ubj'):
        made.save_model(tmp_path / f'model.{suffix}')
        got = answered(xgboost.read(tmp_path / f'model.{suffix}'), form, rows)
        assert near(got, made.predict(library.DMatrix(rows)))


@pytest.mark.onnx
@pytest.mark.parametrize('form', ['operator', 'plain'])
@pytest.mark.parametrize('one_hot', [1, 100])
def test_categories_of_xgboost_are_chosen_as_xgboost_does(one_hot, form, tmp_path):
    library = pytest.importorskip('xgboost', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((300, 2)).astype('f4')
    rows[:, 1] = rng.integers(0, 70, 300)
    wanted = rows[:, 0] + np.isin(rows[:, 1], [0, 1, 5, 33, 40, 66]) * 3
    data = library.DMatrix(rows, wanted, feature_types=['q', 'c'], enable_categorical=True)
    made = library.train({'max_depth': 4, 'max_cat_to_onehot': one_hot, 'nthread': 1}, data, 5)
    asked = np.tile(rows[:24], (2, 1))
    asked[:24, 1] = PREDICTED['rows_chosen'][:, 1]  # fractions, and what is no category
    made.save_model(tmp_path / 'model.json')

    forest = xgboost.read(tmp_path / 'model.json')

    assert forest.categorical == (1,)
    assert forest.contract.notes[0].endswith('trained on: features 1')
    assert near(answered(forest, form, asked), made.inplace_predict(asked, validate_features=False))


@pytest.mark.onnx
@pytest.mark.openvino
def test_openvino_chooses_categories_by_plain_operators(tmp_path):
    openvino = pytest.importorskip('openvino', reason='needs modelkiln[openvino]: pip install "modelkiln[openvino]"')
    from stages.frameworks.trees.to_onnx import to_onnx

    model = to_onnx(lightgbm.read(FILES / 'chosen.txt'), 'plain')
    core, exact = openvino.Core(), {'INFERENCE_PRECISION_HINT': 'f32'}
    compiled = core.compile_model(core.read_model(model.SerializeToString()), 'CPU', exact)

    assert near(compiled({'features': PREDICTED['rows_chosen']})[0], PREDICTED['chosen'])


@pytest.mark.tvm
@pytest.mark.slow
def test_tvm_chooses_categories_by_plain_operators(tmp_path):
    pytest.importorskip('tvm', reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')
    from stages.contract.job import Job
    from stages.engines import tvm as engine
    from stages.frameworks.onnx.build import leave
    from stages.frameworks.trees.to_onnx import to_onnx
    from stages.kinds import tvm as kind

    forest = lightgbm.read(FILES / 'chosen.txt')
    contract = leave(to_onnx(forest, 'plain', 24), forest.contract.fixed(24), tmp_path / 'model.onnx')
    (tmp_path / 'out').mkdir()
    kind.run(kind.Params(), Job({'model': tmp_path}, tmp_path / 'out', contract, lambda part, words: None))
    found = engine.load(tmp_path / 'out', contract, engine.Options(), 1).run({'features': PREDICTED['rows_chosen']})

    assert near(found['prediction'], PREDICTED['chosen'])


def boosted(**changes: object) -> dict:
    """A model of XGBoost of one tree with one decision, by hand."""
    tree = {
        'left_children': [1, -1, -1], 'right_children': [2, -1, -1], 'split_indices': [1, 0, 0],
        'split_conditions': [0.5, -1.0, 2.0], 'default_left': [1, 0, 0], 'tree_param': {'size_leaf_vector': '1'},
    } | changes  # fmt: skip
    return {'learner': {
        'objective': {'name': 'reg:squarederror'}, 'feature_names': [],
        'learner_model_param': {'num_feature': '2', 'num_class': '0', 'base_score': '[1E0]'},
        'gradient_booster': {'name': 'gbtree', 'model': {'tree_info': [0], 'trees': [tree]}},
    }, 'version': [3, 2, 0]}  # fmt: skip


def chosen(**changes: object) -> dict:
    """The tree's decision as one by category, damaged."""
    whole = {'categories': [0, 3], 'categories_nodes': [0], 'categories_segments': [0], 'categories_sizes': [2]}
    return {'split_type': [1, 0, 0]} | whole | changes


def written(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_what_the_file_says_becomes_the_contract(tmp_path):
    forest = xgboost.read(written(tmp_path / 'm.json', boosted()))

    assert forest.contract.inputs[0].shape == ('batch', 2) and forest.contract.outputs[0].shape == ('batch',)
    assert (forest.base, forest.trees[0].depth, forest.trees[0].threshold[0]) == ((1.0,), 1, 0.5)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'left_children': [1, 2, -1], 'right_children': [2, 2, -1]}, 'node 2 is reached twice'),
        ({'left_children': [1, 0, -1], 'right_children': [2, 2, -1]}, 'has the children'),
        ({'left_children': [0, -1, -1]}, 'has the children'),
        ({'right_children': [9, -1, -1]}, 'has the children'),
        ({'right_children': [-1, -1, -1]}, 'has the children'),
        ({'split_indices': [7, 0, 0]}, 'asks for feature 7, of 2'),
        ({'split_conditions': [0.5, float('nan'), 2.0]}, 'not finite'),
        ({'split_conditions': [0.5]}, 'lists of'),
        ({'left_children': []}, 'lists of'),
        ({'split_type': [1, 0, 0]}, r'nodes \[0\] decide by category, and it has categories of \[\]'),
        ({'split_type': [1, 0]}, 'decide by category'),
        ({'split_type': [9, 0, 0]}, 'decide by category'),
        (chosen(categories_segments=[3]), 'node 0 has categories 3 to 5, of 2'),
        (chosen(categories_segments=[]), '1 nodes with categories, 0 starts'),
        (chosen(categories=[0, -4]), 'node 0 has categories'),
        (chosen(categories=[0, 1 << 24]), 'node 0 has categories'),
        (chosen(categories_nodes=[7]), r'has categories of \[7\]'),
        ({'tree_param': {'size_leaf_vector': '2'}}, 'several numbers in a leaf'),
        ({'left_children': 'abc'}, 'no model of XGBoost'),
    ],
)
def test_what_is_no_tree_is_refused_in_one_sentence(changes, words, tmp_path):
    with pytest.raises((IntegrityError, UnsupportedError), match=words):
        xgboost.read(written(tmp_path / 'm.json', boosted(**changes)))


@pytest.mark.parametrize('objective', ['survival:none', 'multi:unheard'])
def test_an_objective_that_is_not_known_is_named(objective, tmp_path):
    document = boosted()
    document['learner']['objective']['name'] = objective

    with pytest.raises(UnsupportedError, match=f'the objective {objective!r} is none of'):
        xgboost.read(written(tmp_path / 'm.json', document))


@pytest.mark.parametrize(
    'data',
    [
        b'', b'{', b'{"a":', b'[' * 100_000, b'{L\x7f' + b'\xff' * 7, b'{i\x01a[$d#L\x7f' + b'\xff' * 7, b'null',
        b'{i\x01aSL' + b'\xff' * 8, b'{i\x01ai\x05}tail', b'{i\x01a' * 500,
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_sentence(data, tmp_path):
    path = tmp_path / 'm.ubj'
    path.write_bytes(data)

    with pytest.raises(IntegrityError, match=r'm\.ubj: '):
        xgboost.read(path)


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('end of trees', '', 'cut short'),
        ('tree\n', 'twig\n', 'does not begin'),
        ('num_leaves=5', 'num_leaves=6', '5 values for 6 leaves'),
        ('left_child=1', 'left_child=0', 'children|reached twice'),
        ('left_child=1', 'left_child=-77', 'children'),
        ('objective=regression', 'objective=mine', "the objective 'mine' is none of"),
        ('max_feature_idx=4', 'max_feature_idx=0', 'asks for feature'),
        ('leaf_value=', 'leaf_value=nan ', 'for 5 leaves'),
        ('is_linear=0', 'is_linear=1', 'linear models'),
        ('num_tree_per_iteration=1', 'num_tree_per_iteration=2', '3 trees, 2 of them'),
    ],
)
def test_a_damaged_text_of_lightgbm_is_one_sentence(old, new, words, tmp_path):
    path = tmp_path / 'm.txt'
    path.write_text(changed((FILES / 'number.txt').read_text(), old, new))

    with pytest.raises((IntegrityError, UnsupportedError), match=words):
        lightgbm.read(path)


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('num_cat=', 'num_cat=9', 'sets of categories'),
        ('cat_boundaries=0', 'cat_boundaries=1', 'sets of categories'),
        ('cat_boundaries=0 ', 'cat_boundaries=0 77 ', 'sets of categories'),
        ('cat_threshold=', 'cat_threshold=1 ', 'sets of categories'),
        ('cat_threshold=', 'cat_threshold=x', 'no model of LightGBM'),
        ('cat_threshold=', 'cat_threshold=-', 'no model of LightGBM'),
        ('threshold=0 ', 'threshold=-1 ', 'names no set'),
        ('threshold=0 ', 'threshold=50 ', 'asks for set 50'),
        ('decision_type=9 ', 'decision_type=8 ', 'counts other values'),
    ],
)
def test_damaged_categories_of_lightgbm_are_one_sentence(old, new, words, tmp_path):
    path = tmp_path / 'm.txt'
    path.write_text(changed((FILES / 'chosen.txt').read_text(), old, new))

    with pytest.raises((IntegrityError, UnsupportedError), match=words):
        lightgbm.read(path)


def test_a_feature_has_one_meaning_in_a_model_of_xgboost(tmp_path):
    document = boosted()
    model = document['learner']['gradient_booster']['model']
    model['trees'].append(boosted(**chosen())['learner']['gradient_booster']['model']['trees'][0])
    model['tree_info'] = [0, 0]

    with pytest.raises(UnsupportedError, match='tree 1: feature 1 is a category, and a number elsewhere'):
        xgboost.read(written(tmp_path / 'm.json', document))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_a_sentence(data):
    with contextlib.suppress(ValueError):
        ubjson.read(data)


@settings(max_examples=60)
@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=3))
def test_a_file_with_some_bytes_changed_is_a_model_or_a_sentence(tmp_path_factory, place, data):
    whole = (FILES / 'kind.txt').read_bytes()
    place %= len(whole)
    path = tmp_path_factory.mktemp('changed') / 'm.txt'
    path.write_bytes(whole[:place] + data + whole[place + len(data) :])

    try:
        assert lightgbm.read(path).contract.inputs
    except (IntegrityError, UnsupportedError) as error:
        assert 'm.txt: ' in str(error)
