"""Exports, each held against what its server's own code reads."""

from __future__ import annotations

import importlib.util
import json
import os
import site
import subprocess
from pathlib import Path

import pytest

from stages.command.main import main
from stages.deliver.export.layouts import LAYOUTS, export
from stages.errors import IntegrityError, RecipeError, StepError, UnsupportedError
from tests.deliver.releases import PORT, made, pulled, pushed

SCORES = {**PORT, 'name': 'scores', 'file': 'output:0'}


def artifact(home: Path, files: dict[str, bytes] | None = None, **more: object) -> Path:
    """Return the folder of an artifact, without what a release adds."""
    one = made(home, files or {'model.onnx': b'a model'}, **more).folder
    for name in ('release.json', 'provenance.json'):
        (one / name).unlink()
    return one


def triton_config(path: Path):
    """Return a config.pbtxt as Triton's own message reads it; a field that it does not know is an error."""
    found = importlib.util.find_spec('tritonclient')
    if found is None or found.submodule_search_locations is None:
        pytest.skip("needs Triton's own messages: pip install tritonclient")
    from google.protobuf import text_format

    place = Path(found.submodule_search_locations[0], 'grpc/model_config_pb2.py')
    spec = importlib.util.spec_from_file_location('model_config_pb2', place)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return text_format.Parse(path.read_text(), module.ModelConfig()), module


def test_triton_reads_its_configuration_as_the_contract_says_it(tmp_path):
    label = {'name': 'label', 'file': 'größe "x"/0\\', 'dtype': 'int64', 'shape': [], 'batch': None}
    folder = artifact(tmp_path / 'net', outputs=[SCORES, label], measured={'threads': 2})
    export(folder, 'triton', tmp_path / 'repository')

    read, module = triton_config(tmp_path / 'repository/net/config.pbtxt')

    assert (read.name, read.backend, read.max_batch_size) == ('net', 'onnxruntime', 0)
    assert [(port.name, list(port.dims)) for port in read.input] == [('row', [-1, 4])]
    assert [(port.name, list(port.dims)) for port in read.output] == [('output:0', [-1, 4]), ('größe "x"/0\\', [1])]
    assert [module.DataType.Name(port.data_type) for port in read.output] == ['TYPE_FP32', 'TYPE_INT64']
    assert read.output[1].HasField('reshape') and list(read.output[1].reshape.shape) == []
    assert read.parameters['intra_op_thread_count'].string_value == '2'
    assert (tmp_path / 'repository/net/1/model.onnx').read_bytes() == b'a model'


def test_triton_puts_samples_together_where_every_port_has_them_first(tmp_path):
    export(artifact(tmp_path / 'net'), 'triton', tmp_path / 'repository', max_batch=8)

    read, _ = triton_config(tmp_path / 'repository/net/config.pbtxt')
    assert (read.max_batch_size, list(read.input[0].dims), read.HasField('dynamic_batching')) == (8, [4], True)
    fixed = artifact(tmp_path / 'fixed', inputs=[{**PORT, 'shape': [2, 4]}])
    with pytest.raises(UnsupportedError, match='row has no such axis'):
        export(fixed, 'triton', tmp_path / 'other', max_batch=8)


def test_outputs_of_torchscript_are_told_apart_by_their_place(tmp_path):
    folder = artifact(tmp_path / 'net', {'model.pt': b'x'}, model_format='torchscript', engine='torchscript')
    export(folder, 'triton', tmp_path / 'repository')

    read, _ = triton_config(tmp_path / 'repository/net/config.pbtxt')
    assert (read.backend, [port.name for port in read.output]) == ('pytorch', ['scores__0'])


def test_a_second_version_goes_beside_the_first_and_another_contract_stops_it(tmp_path):
    export(artifact(tmp_path / 'one'), 'triton', tmp_path / 'repository')
    export(artifact(tmp_path / 'two', {'model.onnx': b'better'}), 'triton', tmp_path / 'repository', version=2)
    before = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}

    other = artifact(tmp_path / 'three', inputs=[{**PORT, 'dtype': 'int8'}])
    with pytest.raises(StepError, match=r'config\.pbtxt: is there already'):
        export(other, 'triton', tmp_path / 'repository', version=3)

    assert {path.read_bytes() for path in (tmp_path / 'repository').rglob('model.onnx')} == {b'a model', b'better'}
    assert before.items() <= {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}.items()
    assert not list(tmp_path.glob('.export*'))


@pytest.mark.parametrize('layout', ['triton', 'openvino-model-server', 'kserve'])
def test_a_format_that_a_server_does_not_run_is_said(tmp_path, layout):
    folder = artifact(tmp_path / 'net', {'model.so': b'x'}, model_format='tvm', engine='tvm')

    with pytest.raises(UnsupportedError, match=r'net:onnx is tvm; .* serves onnx|serves openvino'):
        export(folder, layout, tmp_path / 'to', uri='oci://host.io/net:1')
    assert not (tmp_path / 'to').exists()


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_a_changed_artifact_is_not_exported(tmp_path, layout):
    folder = artifact(tmp_path / 'net')
    (folder / 'model.onnx').write_bytes(b'another')

    with pytest.raises(IntegrityError, match=r'model\.onnx'):
        export(folder, layout, tmp_path / 'to', uri='oci://host.io/net:1')


def test_a_pulled_release_is_exported_by_its_folder(tmp_path, capsys):
    pushed(made(tmp_path / 'one'), f'file://{tmp_path}/net')
    pulled(f'file://{tmp_path}/net', tmp_path / 'pulled')

    assert main(['export', str(tmp_path / 'pulled'), '--layout', 'triton', '--to', str(tmp_path / 'to')]) == 0
    assert sorted(p.name for p in (tmp_path / 'to/net/1').rglob('*') if p.is_file()) == ['model.data', 'model.onnx']


@pytest.mark.openvino
@pytest.mark.onnx
def test_openvino_takes_the_model_and_what_the_model_server_will_tell_it(tmp_path):
    ov = pytest.importorskip('openvino', reason='needs modelkiln[openvino]')
    onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]')
    float32, shape = onnx.TensorProto.FLOAT, ['batch', 4]
    ports = [onnx.helper.make_tensor_value_info(name, float32, shape) for name in ('row', 'output:0')]
    graph = onnx.helper.make_graph([onnx.helper.make_node('Relu', ['row'], ['output:0'])], 'g', ports[:1], ports[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)], ir_version=8)
    options = {'hint': 'throughput', 'precision': 'f32', 'streams': 2}
    files = {'model.onnx': model.SerializeToString()}
    folder = artifact(
        tmp_path / 'net', files, engine='openvino', outputs=[SCORES], options=options, measured={'threads': 2}
    )
    export(folder, 'openvino-model-server', tmp_path / 'models')

    [entry] = json.loads((tmp_path / 'models/config.json').read_bytes())['model_config_list']
    names = json.loads((tmp_path / 'models/net/1/mapping_config.json').read_bytes())
    read = ov.Core().read_model(tmp_path / 'models/net/1/model.onnx')
    compiled = ov.Core().compile_model(read, 'CPU', entry['config']['plugin_config'])

    assert names == {'inputs': {}, 'outputs': {'output:0': 'scores'}}
    assert {name for port in read.outputs for name in port.names} >= set(names['outputs'])
    assert (entry['config']['name'], entry['config']['base_path']) == ('net', '/models/net')
    assert compiled.get_property('NUM_STREAMS') == 2
    assert compiled.get_property('INFERENCE_NUM_THREADS') == 2


def test_kserve_gets_an_image_with_its_models_and_a_service_that_names_it(tmp_path):
    folder = artifact(tmp_path / 'net')
    with pytest.raises(RecipeError, match='--uri is'):
        export(folder, 'kserve', tmp_path / 'to')
    export(folder, 'kserve', tmp_path / 'to', uri='oci://host.io/net:1')

    service = json.loads((tmp_path / 'to/inferenceservice.yaml').read_text())
    model = service['spec']['predictor']['model']
    assert (service['apiVersion'], service['kind']) == ('serving.kserve.io/v1beta1', 'InferenceService')
    assert (model['protocolVersion'], model['storageUri']) == ('v2', 'oci://host.io/net:1')
    assert 'COPY models /models' in (tmp_path / 'to/Dockerfile').read_text()
    assert (tmp_path / 'to/models/net/1/model.onnx').is_file()


MLFLOW = """
import sys
sys.path += sys.argv[2:]
import mlflow.pyfunc, numpy as np
from mlflow.models import Model
print([(port.name, port.type, port.shape) for port in Model.load(sys.argv[1]).signature.inputs])
model = mlflow.pyfunc.load_model(sys.argv[1])
rows = np.array([[-1, 2, -3, 4]], 'float32')
print(model.predict({'row': rows})['scores'].tolist())
try:
    model.predict({'row': rows.astype('int64')})
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.onnx
def test_mlflow_itself_reads_the_signature_and_runs_the_model(tmp_path):
    python = os.environ.get('MODELKILN_MLFLOW')
    if not python:  # it wants older packages than ours, which then stand before ours
        pytest.skip('needs MODELKILN_MLFLOW, a Python that has mlflow-skinny and pandas, as .ci/run makes one')
    onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]')
    float32, shape = onnx.TensorProto.FLOAT, ['batch', 4]
    ports = [onnx.helper.make_tensor_value_info(name, float32, shape) for name in ('row', 'scores')]
    graph = onnx.helper.make_graph([onnx.helper.make_node('Relu', ['row'], ['scores'])], 'g', ports[:1], ports[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)], ir_version=8)
    export(artifact(tmp_path / 'net', {'model.onnx': model.SerializeToString()}), 'mlflow', tmp_path / 'to')
    ours = [*site.getsitepackages(), str(Path(__file__).resolve().parents[2])]

    done = subprocess.run([python, '-c', MLFLOW, str(tmp_path / 'to'), *ours], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "[('row', dtype('float32'), (-1, 4))]", '[[0.0, 2.0, 0.0, 4.0]]', 'MlflowException',
    ]  # fmt: skip
