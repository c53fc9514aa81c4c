"""The example service answers eight clients while a version is pulled and takes over: none fails, none gets a mix."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deliver.releases import made, pulled, pushed

onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
pytest.importorskip('onnxruntime', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')
pytest.importorskip('fastapi', reason='needs fastapi and uvicorn: pip install fastapi uvicorn')
pytest.importorskip('uvicorn', reason='needs fastapi and uvicorn: pip install fastapi uvicorn')
pytestmark = [pytest.mark.onnx, pytest.mark.slow]

SERVICE = Path(__file__).resolve().parents[2] / 'examples/service'
ROW = {'name': 'row', 'dtype': 'float32', 'shape': ['batch', 4], 'batch': 0}


def model_of(version: float) -> bytes:
    """A model that says its version in both of its outputs: row + version, and version alone."""
    from onnx import TensorProto, helper

    row, plus, own = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ['batch', 4]) for n in ('row', 'plus', 'own'))
    nodes = [
        helper.make_node('Constant', [], ['v'], value=helper.make_tensor('v', TensorProto.FLOAT, [1], [version])),
        helper.make_node('Add', ['row', 'v'], ['plus']),
        helper.make_node('Sub', ['plus', 'row'], ['own']),
    ]
    graph = helper.make_graph(nodes, 'net', [row], [plus, own])
    made: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9
    ).SerializeToString()
    return made


def ask(port: int, path: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    asked = urllib.request.Request(f'http://127.0.0.1:{port}{path}', data, {'Content-Type': 'application/json'})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.loads(answer.read())


@contextlib.contextmanager
def service(folder: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    env = os.environ | {'MODEL': str(folder), 'PYTHONPATH': f'{SERVICE}{os.pathsep}{SERVICE.parents[1]}'}
    words = [sys.executable, '-m', 'uvicorn', 'serve:app', '--port', str(port), '--log-level', 'warning']
    with subprocess.Popen(words, env=env) as server:
        try:
            for _ in range(600):
                with contextlib.suppress(OSError):
                    ask(port, '/v2/health/ready')
                    break
                assert server.poll() is None, 'the service ended'
                time.sleep(0.1)
            yield port
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[int, str, Path, Path]]:
    place, to = f'file://{tmp_path}/registry/net', tmp_path / 'served'
    for version in (1, 2):
        outputs = [{**ROW, 'name': name} for name in ('plus', 'own')]
        files = {'model.onnx': model_of(version)}
        one = made(tmp_path / f'v{version}', files, outputs=outputs, digest=f'{version}' * 64)
        pushed(one, place, f'v{version}')
    pulled(f'{place}:v1', to)
    with service(to) as port:
        yield port, place, to, tmp_path


def test_a_version_takes_over_under_eight_clients_and_no_request_notices(served: tuple[int, str, Path, Path]) -> None:
    port, place, to, _ = served
    stop, seen, wrong = threading.Event(), [set[str]() for _ in range(8)], list[str]()

    def client(number: int) -> None:
        row = {'name': 'row', 'datatype': 'FP32', 'shape': [2, 4], 'data': [float(number)] * 8}
        while not stop.is_set():
            try:
                answer = ask(port, '/v2/models/net/infer', {'inputs': [row]})
            except OSError as error:
                wrong.append(str(error))
                continue
            version = float(answer['model_version'][0])
            given = {one['name']: one['data'] for one in answer['outputs']}
            if given != {'plus': [number + version] * 8, 'own': [version] * 8}:
                wrong.append(f'{answer}')
            seen[number].add(answer['model_version'][0])

    clients = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for one in clients:
        one.start()
    while not all('1' in versions for versions in seen):
        time.sleep(0.05)
    pulled(f'{place}:v2', to)
    late = time.monotonic() + 60
    while not all('2' in versions for versions in seen) and time.monotonic() < late:
        time.sleep(0.05)
    stop.set()
    for one in clients:
        one.join()

    assert wrong == []
    assert seen == [{'1', '2'}] * 8


def test_it_speaks_the_protocol_and_refuses_with_a_sentence(served: tuple[int, str, Path, Path]) -> None:
    port = served[0]

    told = ask(port, '/v2/models/net')

    assert told['inputs'] == [{'name': 'row', 'datatype': 'FP32', 'shape': [-1, 4]}]
    assert (told['platform'], told['versions']) == ('onnxruntime', ['1' * 64])
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(
            port,
            '/v2/models/net/infer',
            {'inputs': [{'name': 'row', 'datatype': 'FP32', 'shape': [1, 3], 'data': [0] * 3}]},
        )
    assert refused.value.code == 400
    assert 'expected float32 [batch, 4]' in json.loads(refused.value.read())['detail']
    refused.value.close()
