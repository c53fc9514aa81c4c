"""ONNX files that read other files, carry code, or are larger than they look: found wherever it can stand."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import IntegrityError, StepError, UnsupportedError
from stages.sources import onnx as source

pytestmark = pytest.mark.onnx
onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
np = pytest.importorskip('numpy')

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

SECRET = b'TOP-SECRET-BYTES'
OWN = 'our.functions'
X = helper.make_tensor_value_info('x', TensorProto.FLOAT, ['N', 4])
Y = helper.make_tensor_value_info('y', TensorProto.FLOAT, ['N', 4])


def model(*nodes: Any, functions: tuple[Any, ...] = (), weights: tuple[Any, ...] = ()) -> Any:
    """Return a model whose last node gives ``y``."""
    graph = helper.make_graph([*nodes], 'g', [X], [Y], [*weights])
    opsets = [helper.make_opsetid('', 21), helper.make_opsetid(OWN, 1), helper.make_opsetid('com.microsoft', 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=functions)


def relu(taken: str = 'x', given: str = 'y') -> Any:
    return helper.make_node('Relu', [taken], [given])


def function(name: str, *nodes: Any, domain: str = OWN, **defaults: Any) -> Any:
    opsets = [helper.make_opsetid('', 21), helper.make_opsetid(OWN, 1)]
    made = helper.make_function(domain, name, ['x'], ['y'], [*nodes], opsets)
    made.attribute_proto.extend(helper.make_attribute(key, value) for key, value in defaults.items())
    return made


def of_file(path: Path, name: str = 'w') -> Any:
    """Return a tensor whose four numbers lie in any file of the machine."""
    made = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {'location': str(path), 'offset': '0', 'length': '16'}.items():
        made.external_data.add(key=key, value=value)
    return made


def sparse(values: Any, *dims: int) -> Any:
    indices = numpy_helper.from_array(np.arange(values.dims[0]), 'i')
    return onnx.SparseTensorProto(values=values, indices=indices, dims=dims)


def places(path: Path) -> dict[str, Any]:
    """Return a model for every place at which a tensor can stand, each with one that lies in ``path``."""
    held = of_file(path)
    constant = helper.make_node('Constant', [], ['k'], value=held)
    branch = helper.make_graph([constant], 'b', [], [helper.make_tensor_value_info('k', TensorProto.FLOAT, [4])])
    sum_of = helper.make_node('Add', ['x', 'k'], ['y'])
    with_default = function('F', relu(), value=held)
    graph_default = function('F', relu(), body=branch)
    in_sparse = model(relu())
    in_sparse.graph.sparse_initializer.append(sparse(held, 4))
    trained = model(relu())
    trained.training_info.add().initialization.initializer.append(held)
    several = helper.make_node('F', ['x'], ['y'], domain=OWN, many=[held])
    odd = helper.make_node('F', ['x'], ['y'], domain=OWN, one=sparse(held, 4), many=[sparse(held, 4)])
    call = helper.make_node('F', ['x'], ['y'], domain=OWN)
    choice = helper.make_node('If', ['c'], ['k'], then_branch=branch, else_branch=branch)
    return {
        'weight': model(helper.make_node('Add', ['x', 'w'], ['y']), weights=(held,)),
        'constant': model(constant, sum_of),
        'constant of a branch': model(choice, sum_of),
        'constant of a function': model(call, functions=(function('F', constant, sum_of),)),
        'default of a function': model(call, functions=(with_default,)),
        'graph as a default of a function': model(call, functions=(graph_default,)),
        'sparse weight': in_sparse,
        'training': trained,
        'list of an attribute': model(several, functions=(function('F', relu()),)),
        'sparse attributes': model(odd, functions=(function('F', relu()),)),
    }


def take(tmp_path: Path, made: Any) -> Contract:
    (tmp_path / 'theirs').mkdir()
    (tmp_path / 'theirs/net.onnx').write_bytes(made.SerializeToString())
    (tmp_path / 'out').mkdir()
    inputs = {'file': tmp_path / 'theirs'}
    return source.run(source.Params(), Job(inputs, tmp_path / 'out', Contract(()), lambda fraction, words: None))


@pytest.mark.parametrize('place', places(Path('x')))
@pytest.mark.parametrize('spelled', ['absolute', 'relative'])
def test_a_tensor_that_lies_in_another_file_is_refused_wherever_it_stands(
    tmp_path: Path, place: str, spelled: str
) -> None:
    (tmp_path / 'secret').write_bytes(SECRET)
    path = tmp_path / 'secret' if spelled == 'absolute' else Path('../secret')

    with pytest.raises(IntegrityError, match=r"tensor 'w': external data: .*plain relative path"):
        take(tmp_path, places(path)[place])

    assert list((tmp_path / 'out').iterdir()) == []


@pytest.mark.parametrize('kind', ['EPContext', 'PythonOp'])
@pytest.mark.parametrize('domain', ['com.microsoft', ''])
def test_a_function_does_not_hide_an_operator_that_opens_files(tmp_path: Path, kind: str, domain: str) -> None:
    decoy = function(kind, relu(), domain=domain)
    carrier = helper.make_node(kind, ['x'], ['y'], domain=domain, ep_cache_context='/etc/passwd', embed_mode=0)

    with pytest.raises(UnsupportedError, match=rf'net.onnx: .*{kind}(.|\n)*what to try'):
        take(tmp_path, model(carrier, functions=(decoy,)))


@pytest.mark.parametrize('where', ['function', 'training', 'default'])
def test_operators_from_elsewhere_are_found_in_every_corner(tmp_path: Path, where: str) -> None:
    evil = helper.make_node('Run', ['x'], ['y'], domain='evil')
    graph = helper.make_graph([evil], 'g', [X], [Y])
    call = helper.make_node('F', ['x'], ['y'], domain=OWN)
    made = {
        'function': model(call, functions=(function('F', evil),)),
        'training': model(relu()),
        'default': model(call, functions=(function('F', relu(), body=graph),)),
    }[where]
    if where == 'training':
        made.training_info.add().algorithm.CopyFrom(graph)

    with pytest.raises(UnsupportedError, match=r'evil\.Run'):
        take(tmp_path, made)


def few(name: str, dims: list[int], **numbers: Any) -> Any:
    made = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims)
    for field, values in numbers.items():
        getattr(made, field).extend(values)
    return made


def bombs() -> dict[str, Any]:
    shape = numpy_helper.from_array(np.array([2_000_000, 2_000_000]), 's')
    one = numpy_helper.from_array(np.ones(1, 'float32'), 'w')
    grown = [helper.make_node('ConstantOfShape', ['s'], ['k']), helper.make_node('ReduceMean', ['k'], ['m'])]
    sum_of = helper.make_node('Add', ['x', 'm'], ['y'])
    said = helper.make_node('Constant', [], ['s'], value=shape)
    branch = helper.make_graph([said, *grown], 'b', [], [helper.make_tensor_value_info('m', TensorProto.FLOAT, [1, 1])])
    wide = model(relu())
    wide.graph.sparse_initializer.append(sparse(one, 2_000_000, 2_000_000))
    nest = [function('F0', relu())]
    for level in range(1, 10):
        steps = [('x', 'a0'), *((f'a{i}', f'a{i + 1}') for i in range(8)), ('a8', 'y')]
        nest.append(function(f'F{level}', *(helper.make_node(f'F{level - 1}', [a], [b], domain=OWN) for a, b in steps)))
    return {
        'few numbers': model(relu(), weights=(few('w', [10**6] * 2, float_data=[1]),)),
        'no numbers': model(relu(), weights=(few('w', [10**6] * 2),)),
        'numbers twice': model(relu(), weights=(few('w', [2], float_data=[1], int64_data=[1]),)),
        'grown from a weight': model(*grown, sum_of, weights=(shape,)),
        'grown from a constant': model(said, *grown, sum_of),
        'expanded': model(
            helper.make_node('Expand', ['w', 's'], ['k']), grown[1], sum_of, weights=(shape, one)
        ),
        'grown in a function': model(
            helper.make_node('F', ['x'], ['y'], domain=OWN), functions=(function('F', said, *grown, sum_of),)
        ),
        'grown in a branch': model(
            helper.make_node('Constant', [], ['c'], value=numpy_helper.from_array(np.array(True))),
            helper.make_node('If', ['c'], ['m'], then_branch=branch, else_branch=branch), sum_of,
        ),
        'sparse': wide,
        'nested functions': model(helper.make_node('F9', ['x'], ['y'], domain=OWN), functions=tuple(nest)),
    }  # fmt: skip


@pytest.mark.parametrize('word', bombs())
def test_a_small_file_that_stands_for_terabytes_is_refused_at_once(tmp_path: Path, word: str) -> None:
    made = bombs()[word]
    start = time.monotonic()

    with pytest.raises(IntegrityError, match=r'takes [\d,]+|once its functions are in place'):
        take(tmp_path, made)

    assert time.monotonic() - start < 5
    assert list((tmp_path / 'out').iterdir()) == []


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    again = function('F', helper.make_node('F', ['x'], ['y'], domain=OWN))

    with pytest.raises((IntegrityError, StepError), match='calls itself'):
        take(tmp_path, model(helper.make_node('F', ['x'], ['y'], domain=OWN), functions=(again,)))


KINDS: dict[str, Callable[[], Any]] = {
    'float': lambda: helper.make_tensor('w', TensorProto.FLOAT, [2, 2], [1, 2, 3, 4]),
    'half': lambda: helper.make_tensor('w', TensorProto.FLOAT16, [2, 2], [1, 2, 3, 4]),
    'bfloat16': lambda: helper.make_tensor('w', TensorProto.BFLOAT16, [4], [1, 2, 3, 4]),
    'bool': lambda: helper.make_tensor('w', TensorProto.BOOL, [3], [True, False, True]),
    'int4': lambda: helper.make_tensor('w', TensorProto.INT4, [5], [1, 2, 3, 4, 5]),
    'uint64': lambda: helper.make_tensor('w', TensorProto.UINT64, [2], [1, 2]),
    'complex': lambda: helper.make_tensor('w', TensorProto.COMPLEX64, [2], [1 + 2j, 3 - 1j]),
    'text': lambda: helper.make_tensor('w', TensorProto.STRING, [2], [b'a', b'bc']),
    'float8': lambda: helper.make_tensor('w', TensorProto.FLOAT8E4M3FN, [2], [1, 2]),
    'none': lambda: helper.make_tensor('w', TensorProto.FLOAT, [0], []),
    'scalar': lambda: helper.make_tensor('w', TensorProto.FLOAT, [], [1]),
}


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('raw', [False, True])
def test_tensors_of_every_type_come_through(tmp_path: Path, kind: str, raw: bool) -> None:
    held = KINDS[kind]()
    if raw and kind not in ('text', 'int4'):
        held = numpy_helper.from_array(numpy_helper.to_array(held), 'w')
    unused = helper.make_node('Identity', ['w'], ['v'])

    contract = take(tmp_path, model(unused, relu(), weights=(held,)))

    assert [port.name for port in contract.outputs] == ['y']


def test_functions_with_defaults_and_inner_graphs_come_through(tmp_path: Path) -> None:
    inner = function('G', relu(), alpha=0.5)
    outer = function('F', helper.make_node('G', ['x'], ['z'], domain=OWN), relu('z'))

    take(tmp_path, model(helper.make_node('F', ['x'], ['y'], domain=OWN), functions=(inner, outer)))

    assert (tmp_path / 'out/model.onnx').is_file()
