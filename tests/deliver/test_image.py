"""The service's Dockerfile, built as it stands, and its image run: it pulls a release at its start and serves it.

Docker Hub cannot be reached from everywhere, so what its FROM names is made here of Debian's own Python; the index that
pip asks is a folder of wheels. Builder and container are buildah's, without a daemon.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from benchmarks.debian import unpack
from tests.deliver.releases import made, pushed
from tests.deliver.server import serving
from tests.deliver.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
BASE = (
    'python3.11', 'python3.11-venv', 'python3-distutils', 'bash', 'dash', 'coreutils', 'passwd', 'login', 'base-passwd',
    'base-files', 'libc-bin', 'sed', 'grep', 'libstdc++6', 'libgomp1', 'ca-certificates',
)  # fmt: skip
"""What the Dockerfile's commands need of the image that it begins with."""

PIP = '[global]\nno-index = true\nfind-links = /wheels\n'


@pytest.fixture
def buildah(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command whose images and containers lie in a folder of the test."""
    program = shutil.which('buildah')
    if program is None or os.getuid():
        pytest.skip('needs buildah, and to be root: apt install buildah')
    (tmp_path / 'policy.json').write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    (tmp_path / 'registries.conf').write_text('unqualified-search-registries = ["docker.io"]\n')
    monkeypatch.setenv('CONTAINERS_REGISTRIES_CONF', str(tmp_path / 'registries.conf'))
    store = ['--root', str(tmp_path / 'store'), '--runroot', str(tmp_path / 'run'), '--storage-driver', 'vfs']
    return [program, *store]


def run(command: list[str], *arguments: str) -> str:
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def base(home: Path, buildah: list[str], policy: list[str]) -> None:
    """Make what FROM names: Debian's Python, with pip in /usr/local."""
    root = home / 'base'
    unpack(BASE, 'amd64', root, home / 'apt')
    for name in ('passwd', 'group'):
        shutil.copy(root / f'usr/share/base-passwd/{name}.master', root / f'etc/{name}')
        (root / f'etc/{"g" if name == "group" else ""}shadow').write_text('')
    run([shutil.which('chroot') or 'chroot', str(root)], '/usr/bin/python3.11', '-m', 'venv', '/usr/local')
    (root / 'etc/pip.conf').write_text(PIP)
    container = run(buildah, 'from', *policy, 'scratch')
    run(buildah, 'copy', container, str(root), '/')
    run(buildah, 'config', '--env', 'PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', container)
    run(buildah, 'commit', '-q', *policy, container, 'docker.io/library/python:3.11-slim')


def wheels(to: Path) -> None:
    """Fetch what the Dockerfile installs, and make a wheel of this project."""
    pip = [sys.executable, '-m', 'pip', '-qq', '--disable-pip-version-check']
    run(pip, 'wheel', '--no-deps', '-w', str(to), str(ROOT))
    [own] = to.glob('modelkiln-*.whl')
    run(pip, 'download', '-d', str(to), f'{own}[run-onnxruntime]', 'fastapi', 'uvicorn')


def model() -> bytes:
    onnx = pytest.importorskip('onnx', reason='needs modelkiln[onnx]')
    graph = onnx.parser.parse_graph('net (float[batch, 4] row) => (float[batch, 4] scores) { scores = Relu(row) }')
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)], ir_version=8)
    return bytes(made.SerializeToString())


@pytest.mark.soak
@pytest.mark.network
@pytest.mark.onnx
def test_the_dockerfile_is_built_and_its_image_pulls_and_serves_a_release(tmp_path: Path, buildah: list[str]) -> None:
    policy = ['--signature-policy', str(tmp_path / 'policy.json')]
    base(tmp_path, buildah, policy)
    wheels(tmp_path / 'wheels')
    pushed(made(tmp_path / 'net', {'model.onnx': model()}), f'file://{tmp_path}/registry/net', 'stable')

    mounted = ['--isolation', 'chroot', '-v', f'{tmp_path / "wheels"}:/wheels:ro']
    run(buildah, 'bud', *policy, '--pull-never', *mounted, '-t', 'service', str(ROOT / 'examples/service'))
    container = run(buildah, 'from', *policy, '--pull-never', 'localhost/service')

    with serving(tmp_path / 'registry') as server:
        port = free_port()
        said = ['--env', f'RELEASE={server.url}/net:stable', '--env', f'PORT={port}']
        child = subprocess.Popen([*buildah, 'run', '--isolation', 'chroot', *said, container, '--', 'sh', 'start.sh'])
        try:
            row = {'name': 'row', 'datatype': 'FP32', 'shape': [1, 4], 'data': [-1, 2, -3, 4]}
            answer = asked(f'http://127.0.0.1:{port}/v2/models/net/infer', {'inputs': [row]})
        finally:
            child.terminate()
            child.wait(30)
    assert answer['outputs'][0]['data'] == [0, 2, 0, 4]


def asked(url: str, body: object, seconds: float = 60) -> dict[str, list[dict[str, object]]]:
    """Ask until the service answers."""
    until = time.monotonic() + seconds
    while True:
        try:
            request = urllib.request.Request(url, json.dumps(body).encode(), {'Content-Type': 'application/json'})
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read())
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
