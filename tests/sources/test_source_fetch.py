"""Fetching: always the recorded bytes, or nothing and a message that helps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stages.command.main import main
from stages.digest import file_digest, tree_digest
from stages.errors import IntegrityError, RecipeError, StepError
from stages.sources import download, fetch
from tests.sources.sources_helpers import job, wheel

WRONG = 'a' * 64


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that "pip" downloads."""
    archive = wheel(tmp_path / 'p-1-py3-none-any.whl', ('p/x1', b'1'), ('p/x2', b'2'))
    monkeypatch.setattr(fetch, '_download', lambda name, folder: archive)
    return archive


def test_digest_of_the_file(tmp_path: Path, package: Path) -> None:
    params = fetch.Params('pip', 'p==1', 'p/x1', hashlib.sha256(b'1').hexdigest())
    done = job(tmp_path / 'out')
    fetch.run(params, done)
    assert [p.name for p in done.output.iterdir()] == ['x1'] == list(fetch.outputs(params))


def test_digest_of_the_wheel_for_a_glob(tmp_path: Path, package: Path) -> None:
    done = job(tmp_path / 'out')
    fetch.run(fetch.Params('pip', 'p==1', 'p/*', file_digest(package)), done)
    assert sorted(p.name for p in done.output.iterdir()) == ['x1', 'x2']


@pytest.mark.parametrize('file', ['p/x1', 'p/*'])
def test_wrong_digest_leaves_nothing(tmp_path: Path, package: Path, file: str) -> None:
    done = job(tmp_path / 'out')
    with pytest.raises(IntegrityError, match=f'(?s)expected {WRONG}.*got .*Likely'):
        fetch.run(fetch.Params('pip', 'p==1', file, WRONG), done)
    assert not list(done.output.iterdir())


@pytest.mark.parametrize('name', ['p', 'p>=1', '--index-url==x', 'p==1 --pre', 'p==1.*', 'git+https://x'])
def test_only_one_exact_version(tmp_path: Path, name: str) -> None:
    with pytest.raises(StepError, match='one exact version'):
        fetch.run(fetch.Params('pip', name, 'x', WRONG), job(tmp_path / 'out'))


def test_path(tmp_path: Path) -> None:
    folder = tmp_path / 'in'
    folder.mkdir()
    (folder / 'x.npz').write_bytes(b'1')
    done = job(tmp_path / 'out', path=folder)
    fetch.run(fetch.Params('path', 'data/x.npz', '', hashlib.sha256(b'1').hexdigest()), done)
    assert (done.output / 'x.npz').read_bytes() == b'1'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with a folder."""
    folder = tmp_path / 'saved'
    (folder / 'parts').mkdir(parents=True)
    (folder / 'b.bin').write_bytes(b'two')
    (folder / 'parts/a.bin').write_bytes(b'')
    return folder


def test_a_folder_arrives_as_it_lies_by_the_digest_of_its_tree(tmp_path: Path, tree: Path) -> None:
    lines = [f'{hashlib.sha256(b"two").hexdigest()} 3 b.bin\n', f'{hashlib.sha256(b"").hexdigest()} 0 parts/a.bin\n']
    digest = hashlib.sha256(''.join(lines).encode()).hexdigest()
    done = job(tmp_path / 'out', path=tree)
    fetch.run(fetch.Params('path', 'files/saved/', '', digest, 'below'), done)
    assert tree_digest(done.output / 'below') == digest
    (tree / 'parts/a.bin').rename(tree / 'parts/c.bin')
    with pytest.raises(IntegrityError, match=r'(?s)files/saved/.*got'):
        fetch.run(fetch.Params('path', 'files/saved/', '', digest), job(tmp_path / 'again', path=tree))


def test_the_command_prints_what_a_recipe_gives(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['digest', str(tree), str(tree / 'b.bin')]) == 0
    assert capsys.readouterr().out.split()[::2] == [tree_digest(tree), file_digest(tree / 'b.bin')]


def test_a_link_in_a_folder_is_refused(tmp_path: Path, tree: Path) -> None:
    (tree / 'link').symlink_to('/etc/passwd')
    with pytest.raises(RecipeError, match="'link' in saved is a link"):
        fetch.run(fetch.Params('path', 'files/saved/', '', WRONG), job(tmp_path / 'out', path=tree))


def test_a_file_lies_where_the_recipe_says(tmp_path: Path, package: Path) -> None:
    params = fetch.Params('pip', 'p==1', 'p/x1', hashlib.sha256(b'1').hexdigest(), 'variables/variables.index')
    done = job(tmp_path / 'out')
    fetch.run(params, done)
    assert (done.output / 'variables/variables.index').read_bytes() == b'1'
    assert fetch.outputs(params) == ('variables/variables.index',)


def test_no_network_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_CONFIG_FILE', '/dev/null')
    with pytest.raises(StepError, match=r'(?s)cannot download modelkiln-none==1.*Try:'):
        fetch.run(fetch.Params('pip', 'modelkiln-none==1', 'x', WRONG), job(tmp_path / 'out'))


def test_plain_http_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match='only https'):
        fetch.run(fetch.Params('https', 'http://localhost/x.bin', '', WRONG), job(tmp_path / 'out'))


def test_a_redirect_off_https_is_refused() -> None:
    import urllib.request
    from email.message import Message
    from io import BytesIO

    request = urllib.request.Request('https://localhost/x')
    with pytest.raises(StepError, match='only https is followed'):
        download._HttpsOnly().redirect_request(request, BytesIO(), 302, '', Message(), 'file:///etc/passwd')


@pytest.mark.network
def test_a_real_package(tmp_path: Path) -> None:
    params = fetch.Params(
        'pip', 'facenet-pytorch==2.6.0', 'facenet_pytorch/data/rnet.pt',
        'bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86',
    )  # fmt: skip
    done = job(tmp_path / 'out')
    fetch.run(params, done)
    assert (done.output / 'rnet.pt').stat().st_size == 403147
