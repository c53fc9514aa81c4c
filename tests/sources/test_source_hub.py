"""Files of the Hugging Face hub: by its own client, from whatever endpoint the user has, at one commit."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stages.digest import path_digest
from stages.errors import RecipeError, StepError
from stages.recipe.read import read_recipe
from stages.sources import hub

pytest.importorskip('huggingface_hub', reason='needs modelkiln[hf]: pip install "modelkiln[hf]"')
ROOT = Path(__file__).resolve().parents[2]
COMMIT = 'c0ffee' + '0' * 34
NAME = f'small/net@{COMMIT}'
FILES = {'model.onnx': b'graph', 'onnx/a.onnx': b'one', 'onnx/b.txt': b'two', 'README.md': b'words'}
INDEX = 'model.safetensors.index.json'
BESIDE = {'generation_config.json': b'{}', 'tokenizer.json': b'{}', 'vocab.txt': b'a', 'pytorch_model.bin': b'pickle'}
"""What a model of transformers is not loaded from."""


def shards(*names: str) -> bytes:
    return json.dumps({'weight_map': {str(place): name for place, name in enumerate(names)}}).encode()


CONFIG = {'config.json': b'{"model_type": "bert"}'}
PARTS = {f'model-0000{n}-of-00002.safetensors': f'part {n}'.encode() for n in (1, 2)}
REPOSITORIES = {
    'small/net': FILES,
    'small/whole': CONFIG | BESIDE | {'model.safetensors': b'all', 'model.fp16.safetensors': b'half'},
    'small/both': CONFIG | PARTS | {INDEX: shards(*PARTS), 'model.safetensors': b'all'},
    'small/shards': CONFIG | BESIDE | PARTS | {INDEX: shards(*PARTS), 'adapter_model.safetensors': b'other'},
    'small/pickle': CONFIG | {'pytorch_model.bin': b'pickle'},
    'small/none': {'README.md': b'words'},
    'small/code': {
        'config.json': b'{"model_type": "bert", "auto_map": {"AutoModel": "x.Y"}}',
        'model.safetensors': b'x',
    },
    'small/out': CONFIG | {INDEX: shards('../../../etc/passwd')},
    'small/gone': CONFIG | {INDEX: shards('a.safetensors')},
    'small/page': {'config.json': b'<html></html>', 'model.safetensors': b'x'},
}
ASKED: list[str] = []
"""Every file that was asked for."""


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as its client asks for repositories of one commit."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        path = self.path.partition('?')[0]
        name = '/'.join(path.removeprefix('/api/models').split('/')[1:3])
        files = REPOSITORIES.get(name, {})
        if path.startswith(f'/api/models/{name}/revision/{COMMIT}'):
            listed = [{'rfilename': each} for each in files]
            return self.send(json.dumps({'id': name, 'sha': COMMIT, 'siblings': listed}).encode(), body)
        if path.startswith(f'/api/models/{name}/tree/{COMMIT}'):
            listed = [{'type': 'file', 'path': n, 'size': len(d), 'oid': '0' * 40} for n, d in files.items()]
            return self.send(json.dumps(listed).encode(), body)
        file = path.removeprefix(f'/{name}/resolve/{COMMIT}/')
        if file != path:
            ASKED.append(f'{name}/{file}')
        return self.send(files[file], body) if file in files else self.missing()

    def missing(self) -> None:
        """Say it as the hub does: its client believes a header."""
        self.send_response(404)
        self.send_header('X-Repo-Commit', COMMIT)
        self.send_header('X-Error-Code', 'EntryNotFound')
        self.send_header('Content-Length', '0')
        self.end_headers()

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


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Serve the repositories; give the endpoint."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint() -> Iterator[str]:
    with serving() as found:
        yield found


def fetched(
    file: str, out: Path, cache: Path, name: str = NAME, format: str = '', **env: str
) -> subprocess.CompletedProcess[str]:
    """Fetch in a process of its own: the client reads its settings once."""
    asked = f'{name!r}, {file!r}, Path({str(out)!r}), {format!r}'
    code = f'from pathlib import Path; from stages.sources import hub; hub.get({asked})'
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


def model(name: str, out: Path, cache: Path, **env: str) -> tuple[list[str], str]:
    """Fetch a model of transformers; return the names of what came, and what was said."""
    done = fetched('', out, cache, f'small/{name}@{COMMIT}', 'transformers', **env)
    return sorted(path.name for path in out.rglob('*') if path.is_file()), done.stderr


@pytest.mark.parametrize(
    ('name', 'names'),
    [
        ('whole', ['config.json', 'model.safetensors']),
        ('both', ['config.json', 'model.safetensors']),
        ('shards', ['config.json', *PARTS, INDEX]),
    ],
)
def test_of_a_model_only_what_it_is_loaded_from_is_asked_for(name, names, endpoint, tmp_path):
    ASKED.clear()
    found, said = model(name, tmp_path / 'out', tmp_path / 'cache', HF_ENDPOINT=endpoint)

    assert found == sorted(names), said
    assert not [file for file in ASKED if file.rpartition('/')[2] not in {*names, 'model.safetensors'}]

    again, said = model(name, tmp_path / 'again', tmp_path / 'cache', HF_HUB_OFFLINE='1')
    assert again == found, said
    assert path_digest(tmp_path / 'out') == path_digest(tmp_path / 'again')


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('pickle', 'has neither model.safetensors nor model.safetensors.index.json'),
        ('none', 'has no config.json'),
        ('code', 'auto_map asks for Python'),
        ('out', "names '../../../etc/passwd'"),
        ('gone', 'names a.safetensors, which is not there'),
        ('page', 'config.json: is no JSON'),
        ('unknown', 'has no config.json'),
    ],
)
def test_a_repository_that_is_no_model_is_one_sentence_and_no_weights_are_asked_for(name, words, endpoint, tmp_path):
    ASKED.clear()
    found, said = model(name, tmp_path / 'out', tmp_path / 'cache', HF_ENDPOINT=endpoint)

    assert found == [] and words in said.splitlines()[-1] + said.splitlines()[-2]
    assert name != 'code' or ['small/code/config.json'] * len(ASKED) == ASKED


def recipe_of(source: str, root: Path) -> Any:
    (root / 'recipes').mkdir(exist_ok=True)
    path = root / 'recipes/net.yaml'
    path.write_text(f'recipe: 1\nmodel: net\nsource: {source}\nvariants: {{own: []}}\n')
    return read_recipe(path, root)


def test_a_recipe_names_a_repository_alone_where_its_format_knows_the_files(tmp_path):
    name, digest = f'small/whole@{COMMIT}', 'a' * 64

    [file] = recipe_of(f'{{transformers: {{hf: {name}, sha256: {digest}}}}}', tmp_path).source.files
    assert (file.name, file.file, file.format) == (name, '', 'transformers')
    [one] = recipe_of(f'{{transformers: {{hf: {name}, file: x/, sha256: {digest}}}}}', tmp_path).source.files
    assert (one.file, one.format) == ('x/', '')
    with pytest.raises(RecipeError, match='`onnx` of `source` needs the key `file`'):
        recipe_of(f'{{onnx: {{hf: {name}, sha256: {digest}}}}}', tmp_path)
    with pytest.raises(RecipeError, match=r'needs the key `sha256`: download config.json and its .safetensors'):
        recipe_of(f'{{transformers: {{hf: {name}}}}}', tmp_path)


def test_a_fetched_model_is_held_to_the_digest_of_its_folder(endpoint, tmp_path):
    """The step as a build runs it, but for the confinement."""
    names = ('config.json', *PARTS, INDEX)
    for folder in ('right', 'out', 'wrong'):
        (tmp_path / folder).mkdir()
    for name in names:
        (tmp_path / 'right' / name).write_bytes(REPOSITORIES['small/shards'][name])

    def run(digest: str, out: str) -> subprocess.CompletedProcess[str]:
        asked = f"'hf', 'small/shards@{COMMIT}', '', {digest!r}, format='transformers'"
        code = (
            'from pathlib import Path; from stages.contract.job import Job; from stages.sources import fetch\n'
            'from stages.contract.port import Contract\n'
            f'fetch.run(fetch.Params({asked}), Job({{}}, Path({str(tmp_path / out)!r}), Contract(), print))'
        )
        environment = os.environ | {'HF_HUB_CACHE': str(tmp_path / 'cache'), 'HF_ENDPOINT': endpoint}
        return subprocess.run(
            [sys.executable, '-c', code], cwd=ROOT, text=True, capture_output=True, env=environment, check=False
        )

    done, other = run(path_digest(tmp_path / 'right'), 'out'), run('0' * 64, 'wrong')

    assert done.returncode == 0 and path_digest(tmp_path / 'out') == path_digest(tmp_path / 'right'), done.stderr
    assert f'the model of small/shards@{COMMIT}: the sha256 is not the recorded one' in other.stderr
    assert [*(tmp_path / 'wrong').iterdir()] == []
