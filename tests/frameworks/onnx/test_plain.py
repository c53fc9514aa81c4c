"""Machine-learning operators in plain ones answer as ONNX Runtime's own do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip('numpy')
onnx = pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')

from onnx import TensorProto, helper  # noqa: E402

from stages.contract.job import Job  # noqa: E402
from stages.contract.port import Contract  # noqa: E402
from stages.errors import UnsupportedError  # noqa: E402
from stages.frameworks.onnx.plain import DOMAIN, OPERATORS, plain, refuse  # noqa: E402
from stages.frameworks.onnx.plain_trees import OPERATORS as TREES  # noqa: E402
from stages.kinds import onnx_plain, openvino_from_onnx  # noqa: E402

pytestmark = pytest.mark.onnx

RNG = np.random.default_rng(4)
ROWS = RNG.standard_normal((7, 4)).astype(np.float32)
ROWS[1] = 0
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
FORESTED: dict[str, Any] = {
    'nodes_treeids': [0, 0, 0, 0, 0, 1, 1, 1], 'nodes_nodeids': [0, 1, 2, 3, 4, 5, 6, 7],
    'nodes_featureids': [1, 0, 0, 2, 0, 3, 0, 0], 'nodes_values': [0.1, 0, 0, -0.2, 0, 0.3, 0, 0],
    'nodes_truenodeids': [3, 0, 0, 1, 0, 6, 0, 0], 'nodes_falsenodeids': [4, 0, 0, 2, 0, 7, 0, 0],
    'nodes_missing_value_tracks_true': [1, 0, 0, 0, 0, 1, 0, 0],
}  # fmt: skip
LEAVES, OF = [1, 2, 4, 6, 7], [0, 0, 0, 1, 1]


def forested(word: str, ids: list[int], weights: list[float], mode: str = 'BRANCH_LEQ', **more: Any) -> dict[str, Any]:
    modes = ['LEAF' if node in LEAVES else mode for node in FORESTED['nodes_nodeids']]
    leaves = {f'{word}_nodeids': LEAVES, f'{word}_treeids': OF, f'{word}_ids': ids, f'{word}_weights': weights}
    return FORESTED | leaves | {'nodes_modes': modes} | more


SOME = [0.5, -1.0, 2.0, 0.25, 1.5]
LABELS = {'classlabels_int64s': [5, 7]}
CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    'scaler': ('Scaler', 1, {'offset': [1.0, 2.0, 3.0, 4.0], 'scale': [0.5, 2.0, 1.0, -1.0]}),
    'scaler of one': ('Scaler', 1, {'offset': [1.0], 'scale': [0.5]}),
    'norm of one': ('Normalizer', 1, {'norm': 'L1'}),
    'norm of two': ('Normalizer', 1, {'norm': 'L2'}),
    'norm of the largest': ('Normalizer', 1, {'norm': 'MAX'}),
    'line': ('LinearRegressor', 1, {'coefficients': [1.0, 2.0, -3.0, 4.0], 'intercepts': [0.5]}),
    'lines': ('LinearRegressor', 1, {'coefficients': [*map(float, range(8))], 'intercepts': [1.0, 2.0], 'targets': 2}),
    'classes': ('LinearClassifier', 2, {
        'coefficients': [*np.linspace(-2, 2, 12)], 'intercepts': [0.1, 0.2, 0.3], 'classlabels_ints': [3, 1, 2],
        'post_transform': 'SOFTMAX',
    }),
    'classes alone': ('LinearClassifier', 2, {
        'coefficients': [*np.linspace(-2, 2, 12)], 'intercepts': [0.1, 0.2, 0.3], 'classlabels_ints': [3, 1, 2],
        'post_transform': 'LOGISTIC',
    }),
    'binarizer': ('Binarizer', 1, {'threshold': 0.25}),
    'imputer': ('Imputer', 1, {'imputed_value_floats': [9.0, 8.0, 7.0, 6.0], 'replaced_value_float': 0.0}),
    'vectorizer': ('FeatureVectorizer', 1, {'inputdimensions': [4]}),
    'tree sums': ('TreeEnsembleRegressor', 1, forested('target', [0, 1, 0, 1, 0], SOME, n_targets=2)),
    'tree means': ('TreeEnsembleRegressor', 1, forested(
        'target', [0] * 5, SOME, 'BRANCH_LT', n_targets=1, aggregate_function='AVERAGE', base_values=[3.0],
    )),
    'tree, above': ('TreeEnsembleRegressor', 1, forested('target', [0] * 5, SOME, 'BRANCH_GT', n_targets=1)),
    'tree, not below': ('TreeEnsembleRegressor', 1, forested('target', [0] * 5, SOME, 'BRANCH_GTE', n_targets=1)),
    'tree classes': ('TreeEnsembleClassifier', 2, forested(
        'class', [0, 1, 2, 1, 0], SOME, classlabels_int64s=[4, 5, 6], post_transform='SOFTMAX',
    )),
    'tree of two': ('TreeEnsembleClassifier', 2, forested('class', [0] * 5, SOME, **LABELS, post_transform='LOGISTIC')),
    'tree of a share': ('TreeEnsembleClassifier', 2, forested('class', [0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], **LABELS)),
}  # fmt: skip


def model(kind: str, outputs: int, told: dict[str, Any], opset: int = 17) -> Any:
    names = ['label', 'y'][-outputs:]
    node = helper.make_node(kind, ['x'], names, domain=DOMAIN, **told)
    kinds = {'label': INT64, 'y': FLOAT}
    graph = helper.make_graph(
        [node], 'g', [helper.make_tensor_value_info('x', FLOAT, ['batch', 4])],
        [helper.make_tensor_value_info(name, kinds[name], None) for name in names],
    )  # fmt: skip
    imports = [helper.make_opsetid('', opset), helper.make_opsetid(DOMAIN, 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def answered(made: Any, rows: Any = ROWS) -> list[Any]:
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(made.SerializeToString(), settings, providers=['CPUExecutionProvider'])
    return session.run(None, {'x': rows})


@pytest.mark.parametrize('opset', [17, 21])
@pytest.mark.parametrize('name', CASES)
def test_an_operator_answers_as_onnx_runtimes_own_does(name: str, opset: int) -> None:
    kind, outputs, told = CASES[name]
    rows = ROWS.copy()
    if kind.startswith('Tree'):
        rows[2, 1], rows[3, 3] = np.nan, np.nan
    wanted = answered(model(kind, outputs, told, opset), rows)

    made = plain(model(kind, outputs, told, opset))

    assert {node.domain for node in made.graph.node} == {''}
    assert [entry.domain for entry in made.opset_import] == ['']
    for got, want in zip(answered(made, rows), wanted, strict=True):
        assert got.dtype == want.dtype and got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_every_operator_has_such_a_case() -> None:
    apart = {
        'ArrayFeatureExtractor',
        'OneHotEncoder',
    }  # shown by models of scikit-learn: tests/kinds/test_sklearn_kinds.py
    assert {kind for kind, _, _ in CASES.values()} | apart == {*OPERATORS, *TREES}


WRONG = {
    'a node of nobody': {'nodes_truenodeids': [9, 0, 0, 1, 0, 6, 0, 0]},
    'a ring': {'nodes_truenodeids': [3, 0, 0, 3, 0, 6, 0, 0]},
    'two of one name': {'nodes_nodeids': [0, 0, 2, 3, 4, 5, 6, 7]},
    'modes of two kinds': {
        'nodes_modes': ['BRANCH_LT', *['LEAF'] * 2, 'BRANCH_EQ', 'LEAF', 'BRANCH_LT', *['LEAF'] * 2]
    },
    'lists of two lengths': {'nodes_treeids': [0, 0]},
    'a target of nobody': {'target_ids': [0, 0, 0, 0, 9]},
    'an end of its own': {'post_transform': 'PROBIT'},
    'the least of the trees': {'aggregate_function': 'MIN'},
}


@pytest.mark.parametrize('name', WRONG)
def test_trees_that_are_none_are_refused_in_one_sentence(name: str) -> None:
    told = forested('target', [0, 1, 0, 1, 0], SOME, n_targets=2) | WRONG[name]

    with pytest.raises(UnsupportedError, match='TreeEnsembleRegressor y: ') as refused:
        plain(model('TreeEnsembleRegressor', 1, told))

    assert len(str(refused.value)) < 300


def test_what_has_no_plain_form_is_named_with_what_to_take_instead(tmp_path: Path) -> None:
    made = model('SVMRegressor', 1, {'kernel_type': 'LINEAR', 'coefficients': [1.0] * 4, 'rho': [0.0]})
    with pytest.raises(UnsupportedError, match=r'SVMRegressor of ai\.onnx\.ml: no plain form is known\n.*ONNX Runtime'):
        plain(made)
    with pytest.raises(UnsupportedError, match=r'TVM cannot .* \(operator SVMRegressor\).*\n.*onnx-plain before it'):
        refuse(made, 'TVM')
    onnx.save(made, tmp_path / 'model.onnx')
    task = Job({'model': tmp_path}, tmp_path, Contract(), lambda fraction, words: None)
    with pytest.raises(UnsupportedError, match=r'OpenVINO cannot .* \(operator SVMRegressor\)'):
        openvino_from_onnx.refuses(openvino_from_onnx.Params(), task)


def test_a_model_without_such_operators_has_no_use_for_it(tmp_path: Path) -> None:
    onnx.save(plain(model(*CASES['scaler'])), tmp_path / 'model.onnx')

    task = Job({'model': tmp_path}, tmp_path, Contract(), lambda part, words: None)

    onnx_plain.refuses(onnx_plain.Params(), task)  # no reason against the model: whoever looks it over goes on
    with pytest.raises(UnsupportedError, match='leave this stage out'):
        onnx_plain.run(onnx_plain.Params(), task)


@pytest.mark.parametrize('post', ['NONE', 'LOGISTIC', 'SOFTMAX'])
@pytest.mark.parametrize(
    'weights', [[0.2, 0.7, 0.1, 0.4, 3.0], [-0.2, 0.7, 0.1, -0.4, 3.0], [-0.9, -0.1, -2, -1, -0.3]]
)
def test_two_classes_of_which_trees_tell_one_are_answered_alike_or_refused(weights: list[float], post: str) -> None:
    same = 0
    for told, base in ((0, []), (0, [0.3]), (0, [-0.4]), (1, []), (1, [0.3])):
        more: dict[str, Any] = {'classlabels_int64s': [5, 7], 'post_transform': post}
        more |= {'base_values': base} if base else {}
        made = model('TreeEnsembleClassifier', 2, forested('class', [told] * 5, weights, **more))
        wanted = answered(made)
        try:
            found = answered(plain(made))
        except UnsupportedError:
            continue
        same += 1
        np.testing.assert_array_equal(found[0], wanted[0])
        np.testing.assert_allclose(found[1], wanted[1], atol=1e-6)
    assert same == (0 if post == 'SOFTMAX' or (post == 'LOGISTIC' and min(weights) >= 0) else 3)
