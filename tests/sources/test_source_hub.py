"""Files of the Hugging Face hub: by its own client, from whatever endpoint the user has, at one commit."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stages.digest import path_digest
from stages.errors import StepError
from stages.sources import hub

pytest.importorskip('huggingface_hub', reason='needs modelkiln[hf]: pip install "modelkiln[hf]"')
ROOT = Path(__file__).resolve().parents[2]
COMMIT = 'c0ffee' + '0' * 34
NAME = f'small/net@{COMMIT}'
FILES = {'model.onnx': b'graph', 'onnx/a.onnx': b'one', 'onnx/b.txt': b'two', 'README.md': b'words'}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as its client asks for one repository."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        path = self.path.partition('?')[0]
        if path.startswith(f'/api/models/small/net/revision/{COMMIT}'):
            listed = [{'rfilename': name} for name in FILES]
            return self.send(json.dumps({'id': 'small/net', 'sha': COMMIT, 'siblings': listed}).encode(), body)
        if path.startswith(f'/api/models/small/net/tree/{COMMIT}'):
            listed = [{'type': 'file', 'path': n, 'size': len(d), 'oid': '0' * 40} for n, d in FILES.items()]
            return self.send(json.dumps(listed).encode(), body)
        found = FILES.get(path.removeprefix(f'/small/net/resolve/{COMMIT}/'))
        return self.send(found, body) if found is not None else self.send_error(404)

    def send(self, data: bytes, body: bool) -> None:
        self.send_response(200)
        self.send_header('X-Repo-Commit', COMMIT)
        self.send_header('ETag', f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header('Content-Length', str(len(data)))
        self.send_header('Content-Type', 'application/json' if data[:1] in b'[{' else 'application/octet-stream')
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def fetched(file: str, out: Path, cache: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Fetch in a process of its own: the client reads its settings once."""
    code = f'from pathlib import Path; from stages.sources import hub; hub.get({NAME!r}, {file!r}, Path({str(out)!r}))'
    return subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, text=True, capture_output=True, timeout=120, check=False,
        env=os.environ | {'HF_HUB_CACHE': str(cache), 'HF_HUB_DISABLE_XET': '1'} | env,
    )  # fmt: skip


def test_a_file_comes_from_the_users_endpoint_and_then_from_the_cache_without_a_network(endpoint, tmp_path):
    done = fetched('model.onnx', tmp_path / 'out', tmp_path / 'cache', HF_ENDPOINT=endpoint)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'out/model.onnx').read_bytes() == b'graph' and not (tmp_path / 'out/model.onnx').is_symlink()

    again = fetched('model.onnx', tmp_path / 'again', tmp_path / 'cache', HF_HUB_OFFLINE='1')
    assert again.returncode == 0, again.stderr
    assert path_digest(tmp_path / 'again/model.onnx') == hashlib.sha256(b'graph').hexdigest()


@pytest.mark.parametrize(
    ('file', 'names'), [('onnx/', ['onnx/a.onnx', 'onnx/b.txt']), ('onnx/*.onnx', ['onnx/a.onnx'])]
)
def test_a_folder_and_a_glob_bring_what_they_mean(file, names, endpoint, tmp_path):
    done = fetched(file, tmp_path / 'out', tmp_path / 'cache', HF_ENDPOINT=endpoint)

    assert done.returncode == 0, done.stderr
    found = sorted(
        path.relative_to(tmp_path / 'out').as_posix() for path in (tmp_path / 'out').rglob('*') if path.is_file()
    )
    assert found == names


def test_what_is_not_there_is_one_sentence_with_what_to_look_at(endpoint, tmp_path):
    done = fetched('gone.onnx', tmp_path / 'out', tmp_path / 'cache', HF_ENDPOINT=endpoint)

    assert done.returncode and f'cannot fetch gone.onnx of {NAME}' in done.stderr and 'HF_TOKEN' in done.stderr


@pytest.mark.parametrize(
    'name', ['small/net', 'small/net@main', 'small/net@c0ffee', '../net@' + '0' * 40, f'-x/net@{COMMIT}']
)
def test_only_a_whole_commit_is_fetched(name, tmp_path):
    with pytest.raises(StepError, match='forty digits'):
        hub.get(name, 'model.onnx', tmp_path)
