"""KServe itself: its SDK knows every field of what is exported, and its own server runs the example's predictor."""

from __future__ import annotations

import json
import os
import site
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deliver.releases import made
from tests.deliver.servers import free_port
from tests.deliver.test_image import asked, model

ROOT = Path(__file__).resolve().parents[2]

FIELDS = """
import json, sys
import kserve

def held(cls, value, place):
    names = {json_name: name for name, json_name in cls.attribute_map.items()}
    for key, inner in value.items():
        assert key in names, f'{place}.{key}: KServe has {sorted(names)}'
        below = getattr(kserve, cls.openapi_types[names[key]], None)
        if below is not None and hasattr(below, 'attribute_map'):
            held(below, inner, f'{place}.{key}')

held(kserve.V1beta1InferenceService, json.load(open(sys.argv[1])), 'service')
print('held')
"""

BEGIN = """
import runpy, sys
sys.path += sys.argv.pop(1).split(':')
runpy.run_path(sys.argv.pop(1), run_name='__main__')
"""


@pytest.fixture
def python() -> str:
    found = os.environ.get('MODELKILN_KSERVE')
    if not found:
        pytest.skip('needs MODELKILN_KSERVE, a Python that has kserve==0.21.0: it wants packages that ours do without')
    return found


@contextmanager
def server(python: str, folder: Path, port: int) -> Iterator[None]:
    """Run the example's predictor in KServe's Python, with our packages behind its own."""
    script = str(ROOT / 'examples/kserve/serve.py')
    ours = ':'.join([*site.getsitepackages(), str(ROOT)])
    asked = ['--model_name', 'net', '--model_dir', str(folder), '--http_port', str(port), '--enable_grpc', 'false']
    child = subprocess.Popen([python, '-c', BEGIN, ours, script, *asked], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        child.terminate()
        child.wait(30)


def test_kserve_s_sdk_knows_every_field_of_the_service(python, tmp_path):
    from stages.deliver.export.layouts import export

    one = made(tmp_path / 'net', {'model.onnx': b'x'})
    export(one.folder, 'kserve', tmp_path / 'to', uri='oci://registry.example/served/net:1')

    done = subprocess.run([python, '-c', FIELDS, tmp_path / 'to/inferenceservice.yaml'], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ['held']), done.stderr


@pytest.mark.onnx
def test_kserve_s_own_server_runs_an_artifact(python, tmp_path):
    one, port = made(tmp_path / 'net', {'model.onnx': model()}), free_port()
    row = {'name': 'row', 'datatype': 'FP32', 'shape': [1, 4], 'data': [-1, 2, -3, 4]}

    with server(python, one.folder, port):
        answer = asked(f'http://127.0.0.1:{port}/v2/models/net/infer', {'inputs': [row]})

    assert answer['outputs'][0]['data'] == [0, 2, 0, 4]
    assert json.dumps(answer['model_version']) == f'"{"d" * 64}"'
