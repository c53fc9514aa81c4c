"""SavedModels that read, write or reach out: TensorFlow alone would do it, the source refuses their graph as data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.errors import IntegrityError, UnsupportedError
from stages.sources import savedmodel as source

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip('tensorflow', reason='needs modelkiln[tensorflow]: pip install "modelkiln[tensorflow]"')

SECRET = b'TOP-SECRET-BYTES'


def saved(folder: Path, answer: Callable[[Any], Any], **kept: Any) -> Path:
    """Save a module whose signature takes four numbers and answers as ``answer`` does."""
    module = tf.Module()
    for name, value in kept.items():
        setattr(module, name, value)
    serve = tf.function(answer, input_signature=[tf.TensorSpec([None, 4], tf.float32, name='x')])
    tf.saved_model.save(module, str(folder), signatures=serve)
    return folder


def take(theirs: Path, out: Path) -> Contract:
    out.mkdir()
    return source.run(source.Params(), Job({'file': theirs}, out, Contract(()), lambda fraction, words: None))


def changed(folder: Path, change: Callable[[Any], None]) -> Path:
    """Change the graph as data, as nobody's exporter would."""
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / 'saved_model.pb'
    read = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(read.meta_graphs[0])
    path.write_bytes(read.SerializeToString())
    return folder


def reads(path: Path) -> Callable[[Any], Any]:
    return lambda x: {'y': tf.raw_ops.ImmutableConst(dtype=tf.uint8, shape=[16], memory_region_name=str(path))}


def test_a_constant_that_is_a_file_of_this_machine_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'secret').write_bytes(SECRET)
    theirs = saved(tmp_path / 'theirs', reads(tmp_path / 'secret'))
    alone = tf.saved_model.load(str(theirs)).signatures['serving_default'](x=tf.zeros([1, 4]))
    assert bytes(alone['y'].numpy()) == SECRET  # TensorFlow alone reads it

    with pytest.raises(UnsupportedError, match=r'saved_model.pb: .*ImmutableConst \(function .*\)(.|\n)*what to try'):
        take(theirs, tmp_path / 'out')

    assert not any(SECRET in path.read_bytes() for path in (tmp_path / 'out').rglob('*') if path.is_file())


def test_one_that_hides_as_the_saver_is_refused(tmp_path: Path) -> None:
    """The saver's nodes may save; one that a signature asks is no saver."""
    v1 = tf.compat.v1
    (tmp_path / 'secret').write_bytes(SECRET)
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4], name='x')
        v1.saved_model.simple_save(
            session, str(tmp_path / 'theirs'), {'x': x}, {'y': reads(tmp_path / 'secret')(x)['y']}
        )

    def hide(graph: Any) -> None:
        [node] = [node for node in graph.graph_def.node if node.op == 'ImmutableConst']
        graph.saver_def.restore_op_name = node.name

    with pytest.raises(UnsupportedError, match='ImmutableConst'):
        take(changed(tmp_path / 'theirs', hide), tmp_path / 'out')


def of_tensorflow_1(folder: Path, change: Callable[[Any], None] = lambda graph: None) -> Path:
    """Save a graph with a variable as TensorFlow 1 did; loading it runs what restores it."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4], name='x')
        y = tf.matmul(x, v1.get_variable('w', [4, 2], initializer=v1.ones_initializer()))
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {'x': x}, {'y': y})
    return changed(folder, change)


def node_of(graph: Any, kind: str) -> Any:
    return next(node for node in graph.graph_def.node if node.op == kind)


def test_variables_of_tensorflow_1_are_restored_from_where_they_lie(tmp_path: Path) -> None:
    take(of_tensorflow_1(tmp_path / 'theirs'), tmp_path / 'out')

    ours = tf.saved_model.load(str(tmp_path / 'out')).signatures['serving_default'](x=tf.ones([1, 4]))['y']
    assert ours.numpy().tolist() == [[4, 4]]


def restore_another(graph: Any) -> None:
    other = graph.graph_def.node.add(name='other', op='Const')
    other.attr['dtype'].type = other.attr['value'].tensor.dtype = 7
    other.attr['value'].tensor.string_val.append(b'/home/somebody/checkpoint')
    node_of(graph, 'RestoreV2').input[0] = 'other'


def save_while_restoring(graph: Any) -> None:
    node_of(graph, 'RestoreV2').input.append('^' + node_of(graph, 'SaveV2').name)


def answer_what_is_restored(graph: Any) -> None:
    graph.signature_def['serving_default'].outputs['y'].name = f'{node_of(graph, "RestoreV2").name}:0'


def told_by_a_constant(graph: Any) -> None:
    graph.saver_def.filename_tensor_name = 'save/filename/input:0'
    node_of(graph, 'RestoreV2').input[0] = 'save/filename/input'


@pytest.mark.parametrize(
    ('change', 'name'),
    [
        (restore_another, 'RestoreV2'),
        (save_while_restoring, 'SaveV2'),
        (answer_what_is_restored, 'RestoreV2'),
        (told_by_a_constant, 'RestoreV2'),
    ],
)
def test_the_saver_does_nothing_but_restore_the_model(tmp_path: Path, change: Any, name: str) -> None:
    with pytest.raises(UnsupportedError, match=name):
        take(of_tensorflow_1(tmp_path / 'theirs', change), tmp_path / 'out')


@pytest.mark.parametrize('kind', ['SaveV2', 'RestoreV2'])
def test_a_function_that_restores_does_nothing_else_either(tmp_path: Path, kind: str) -> None:
    def add(graph: Any) -> None:
        restore = next(node for node in graph.graph_def.node if node.name == graph.saver_def.restore_op_name)
        [function] = [f for f in graph.graph_def.library.function if f.signature.name == restore.attr['f'].func.name]
        function.node_def.add(name='odd', op=kind).input.append('a_constant:output:0')

    theirs = changed(saved(tmp_path / 'theirs', lambda x: {'y': x + 1}), add)

    with pytest.raises(UnsupportedError, match=rf'{kind} \(function __inference__traced_restore'):
        take(theirs, tmp_path / 'out')


WRITERS = {
    'WriteFile': lambda canary: lambda x: tf.raw_ops.WriteFile(filename=str(canary), contents='x'),
    'PrintV2': lambda canary: lambda x: tf.print(x, output_stream=f'file://{canary}'),
    'ReadFile': lambda canary: lambda x: tf.raw_ops.ReadFile(filename=str(canary)),
    'MatchingFiles': lambda canary: lambda x: tf.raw_ops.MatchingFiles(pattern=f'{canary}*'),
    'PyFunc': lambda canary: lambda x: tf.numpy_function(lambda: canary.write_text('x'), [], tf.int64),
    'LoadAndRemapMatrix': lambda canary: lambda x: tf.raw_ops.LoadAndRemapMatrix(
        ckpt_path=str(canary), old_tensor_name='x', row_remapping=[0], col_remapping=[0], initializing_values=[],
        num_rows=1, num_cols=1),
    'InitializeTableFromTextFileV2': lambda canary: lambda x: tf.raw_ops.InitializeTableFromTextFileV2(
        table_handle=tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64), filename=str(canary),
        key_index=-2, value_index=-1),
    'RestoreV2': lambda canary: lambda x: tf.raw_ops.RestoreV2(
        prefix=str(canary), tensor_names=['a'], shape_and_slices=[''], dtypes=[tf.float32]),
    'DebugIdentityV2': lambda canary: lambda x: tf.raw_ops.DebugIdentityV2(
        input=x, tfdbg_context_id='', op_name='', output_slot=0, tensor_debug_mode=2, debug_urls=[f'file://{canary}']),
    'TextLineDataset': lambda canary: lambda x: tf.raw_ops.TextLineDataset(
        filenames=str(canary), compression_type='', buffer_size=0),
}  # fmt: skip


@pytest.mark.parametrize('name', WRITERS)
def test_what_touches_files_hosts_or_python_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    canary = tmp_path / 'canary'
    deed = WRITERS[name](canary)

    def answer(x: Any) -> Any:
        deed(x)
        return {'y': x + 1}

    with pytest.raises(UnsupportedError, match=name):
        take(saved(tmp_path / 'theirs', answer), tmp_path / 'out')

    assert not canary.exists()


@pytest.mark.parametrize('name', ['XlaCustomCallV2', 'XlaCallModule', 'GenerateVocabRemapping', 'RpcClient', 'Made_up'])
@pytest.mark.parametrize('where', ['graph', 'function'])
def test_operators_that_are_on_no_list_are_refused_wherever_they_stand(tmp_path: Path, name: str, where: str) -> None:
    def add(graph: Any) -> None:
        library = graph.graph_def.library.function
        (graph.graph_def.node if where == 'graph' else library[0].node_def).add(name='odd', op=name)

    theirs = changed(saved(tmp_path / 'theirs', lambda x: {'y': x + 1}), add)

    with pytest.raises(UnsupportedError, match=name):
        take(theirs, tmp_path / 'out')


def test_a_function_that_is_called_like_an_operator_is_not_taken_for_it(tmp_path: Path) -> None:
    def decoy(graph: Any) -> None:
        graph.graph_def.library.function.add().signature.name = 'ReadFile'
        graph.graph_def.node.add(name='odd', op='ReadFile')

    theirs = changed(saved(tmp_path / 'theirs', lambda x: {'y': x + 1}), decoy)

    with pytest.raises(UnsupportedError, match='ReadFile'):
        take(theirs, tmp_path / 'out')


def test_one_number_that_stands_for_terabytes_is_refused(tmp_path: Path) -> None:
    def grow(graph: Any) -> None:
        node = graph.graph_def.node.add(name='big', op='Const')
        node.attr['dtype'].type = node.attr['value'].tensor.dtype = 1
        node.attr['value'].tensor.float_val.append(1)
        for size in (1_000_000, 1_000_000):
            node.attr['value'].tensor.tensor_shape.dim.add(size=size)

    theirs = changed(saved(tmp_path / 'theirs', lambda x: {'y': x + 1}), grow)

    with pytest.raises(IntegrityError, match='its constants take 4,000,000,000,'):
        take(theirs, tmp_path / 'out')


def models() -> dict[str, tuple[Callable[[Any], Any], dict[str, Any]]]:
    """Models that use more than arithmetic, none of which is outside."""
    words = tf.lookup.KeyValueTensorInitializer(['a', 'b'], tf.constant([1, 2], tf.int64))
    table = tf.lookup.StaticHashTable(words, -1)
    counts = tf.Variable(tf.zeros([4]))
    lstm = tf.keras.layers.LSTM(3, return_sequences=True)
    lstm.build([None, 2, 4])

    def looked_up(x: Any) -> Any:
        names = tf.strings.split(tf.strings.join(['a', 'b', 'c'], ' '))
        return {'y': tf.cast(table.lookup(names), tf.float32) + tf.reduce_sum(x)}

    def branches(x: Any) -> Any:
        y = tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x)
        y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y + tf.random.uniform([])), [0, y])[1]
        rows = tf.TensorArray(tf.float32, 2).write(0, y[0]).write(1, y[0]).stack()
        tf.print('rows', tf.shape(rows))
        tf.debugging.assert_non_negative(tf.shape(rows))
        return {'y': rows + tf.map_fn(lambda row: row + 1, y)}

    def counting(x: Any) -> Any:
        counts.assign_add(tf.reduce_sum(x, 0))
        return {'y': counts.read_value() + tf.quantization.fake_quant_with_min_max_args(x)}

    def recurrent(x: Any) -> Any:
        return {'y': lstm(tf.stack([x, x], 1))}

    return {
        'tables': (looked_up, {'table': table}),
        'branches': (branches, {}),
        'variables': (counting, {'counts': counts}),
        'lstm': (recurrent, {'lstm': lstm}),
    }


@pytest.mark.parametrize('name', ['tables', 'branches', 'variables', 'lstm'])
def test_tables_branches_loops_and_variables_come_through_and_answer(tmp_path: Path, name: str) -> None:
    answer, kept = models()[name]
    theirs = saved(tmp_path / 'theirs', answer, **kept)

    contract = take(theirs, tmp_path / 'out')
    ours = tf.saved_model.load(str(tmp_path / 'out')).signatures['serving_default'](x=tf.zeros([1, 4]))['y']

    assert [port.name for port in contract.outputs] == ['y']
    assert np.isfinite(ours.numpy()).all()


def test_the_list_is_of_operators_that_tensorflow_has_none_of_which_names_anything_outside() -> None:
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    from stages.frameworks.tensorflow.operators import OPERATORS, STATELESS, WITH_STATE

    data = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    known = {op.name: op for op in op_def_pb2.OpList.FromString(data).op}
    words = (
        'file',
        'path',
        'dir',
        'url',
        'host',
        'address',
        'memory_region',
        'token',
        'module',
        'descriptor',
        'pattern',
    )
    told = {
        f'{name}: {part.name}'
        for name in OPERATORS & known.keys()
        for part in (*known[name].attr, *known[name].input_arg)
        if any(word in part.name for word in words)
    }

    assert known.keys() >= OPERATORS
    assert not any(known[name].is_stateful for name in STATELESS)
    assert all(known[name].is_stateful for name in WITH_STATE)
    # of an LSTM, of its memory, of a beam, of text, of a fused kernel
    assert {word.partition(': ')[2] for word in told} == {
        'direction', 'host_reserved', 'top_paths', 'pattern', 'host_args', 'num_host_args',
    }  # fmt: skip
