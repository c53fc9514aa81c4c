"""Signatures: who made a release is known before it becomes current, and can be asked again offline."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.command.main import main
from stages.deliver.policy import Policy
from stages.deliver.pull import rollback
from stages.deliver.push import add_signature
from stages.deliver.registry.address import address
from stages.deliver.registry.contract import Net
from stages.deliver.registry.open import to_write
from stages.deliver.signatures import signatures_of
from stages.errors import IntegrityError
from tests.deliver.releases import Made, current, files_of, made, pulled, pushed

pytest.importorskip('model_signing', reason="needs modelkiln[sign]: pip install 'modelkiln[sign]'")
pytestmark = pytest.mark.filterwarnings('default::DeprecationWarning')  # of what model-signing stands on


@pytest.fixture(scope='module')
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two pairs of keys: ours and theirs."""
    home = tmp_path_factory.mktemp('keys')
    for name in ('ours', 'theirs'):
        key(home, name)
    return home


def key(home: Path, name: str) -> None:
    made_with = ['openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', f'{name}.key']
    subprocess.run(made_with, cwd=home, check=True, capture_output=True)
    public = ['openssl', 'ec', '-in', f'{name}.key', '-pubout', '-out', f'{name}.pub']
    subprocess.run(public, cwd=home, check=True, capture_output=True)


def signed(one: Made, place: str, key: Path, *tags: str) -> bool:
    pushed(one, place, *tags)
    return add_signature(to_write(address(place), Net()), one.release, one.folder, key)


@pytest.fixture
def place(tmp_path: Path, keys: Path) -> Iterator[str]:
    """A registry with a release that we signed, one that nobody signed, and one that they signed."""
    place = f'file://{tmp_path}/registry'
    signed(made(tmp_path / 'good'), place, keys / 'ours.key', 'good')
    pushed(made(tmp_path / 'plain', {'m': b'plain'}), place, 'unsigned')
    signed(made(tmp_path / 'bad', {'m': b'bad'}), place, keys / 'theirs.key', 'theirs')
    yield place


def test_a_signed_release_is_pulled_with_its_key_and_verified_again_offline(place, keys, tmp_path, capsys):
    version = pulled(f'{place}:good', tmp_path / 'to', (keys / 'ours.pub',))

    assert len(version.signed) == 1
    assert main(['verify', str(tmp_path / 'to'), '--key', str(keys / 'ours.pub')]) == 0
    assert 'signed by the key' in capsys.readouterr().out


@pytest.mark.parametrize(('tag', 'words'), [('unsigned', 'is not signed'), ('theirs', 'no trusted key signed it')])
def test_unsigned_or_signed_by_another_the_old_version_stays(place, keys, tmp_path, tag, words):
    pulled(f'{place}:good', tmp_path / 'to', (keys / 'ours.pub',))
    before = current(tmp_path / 'to')

    with pytest.raises(IntegrityError, match=words):
        pulled(f'{place}:{tag}', tmp_path / 'to', (keys / 'ours.pub',))
    assert current(tmp_path / 'to') == before


def test_a_policy_with_keys_demands_a_signature(place, keys, tmp_path):
    policy = Policy(keys=(str(keys / 'ours.pub'), str(keys / 'theirs.pub')))

    with pytest.raises(IntegrityError, match='is not signed'):
        pulled(f'{place}:unsigned', tmp_path / 'to', policy=policy)
    assert pulled(f'{place}:theirs', tmp_path / 'to', policy=policy)


def test_what_was_pulled_unchecked_is_checked_when_a_key_is_given_later(place, keys, tmp_path):
    pulled(f'{place}:theirs', tmp_path / 'to')

    with pytest.raises(IntegrityError, match='no trusted key signed it'):
        pulled(f'{place}:theirs', tmp_path / 'to', (keys / 'ours.pub',))
    assert pulled(f'{place}:theirs', tmp_path / 'to', (keys / 'theirs.pub',)).signed


def test_a_rollback_asks_for_the_signature_again(place, keys, tmp_path):
    pulled(f'{place}:theirs', tmp_path / 'to')
    pulled(f'{place}:good', tmp_path / 'to')

    with pytest.raises(IntegrityError, match='no trusted key'):
        rollback(tmp_path / 'to', Policy(), (keys / 'ours.pub',))
    assert rollback(tmp_path / 'to', Policy(), (keys / 'theirs.pub',))


def test_a_signature_of_one_release_is_none_of_another(place, keys, tmp_path):
    pulled(f'{place}:good', tmp_path / 'one')
    pulled(f'{place}:unsigned', tmp_path / 'two')
    bundle = (tmp_path / 'one/current/model.sig').read_bytes()
    (tmp_path / 'two/current/model.sig').write_bytes(bundle)

    assert main(['verify', str(tmp_path / 'two'), '--key', str(keys / 'ours.pub')]) == 6


@pytest.mark.parametrize('harm', ['changed', 'missing', 'extra', 'link', 'truncated', 'record'])
def test_verify_names_the_file_that_is_not_as_it_was(place, keys, tmp_path, capsys, harm):
    pulled(f'{place}:good', tmp_path / 'to')
    folder = (tmp_path / 'to/current').resolve()
    path = folder / 'model.onnx'
    if harm == 'extra':
        path = folder / 'stranger.so'
        path.write_text('x')
    elif harm == 'link':
        path.rename(tmp_path / 'elsewhere')
        path.symlink_to(tmp_path / 'elsewhere')
    elif harm == 'missing':
        path.unlink()
    elif harm == 'record':
        path = folder / 'release.json'
        path.write_bytes(path.read_bytes() + b' ')
    else:
        path.write_bytes(path.read_bytes()[:-1] + (b'!' if harm == 'changed' else b''))

    assert main(['verify', str(tmp_path / 'to')]) == 6
    assert str(path) in capsys.readouterr().err


def test_signing_again_with_the_same_key_adds_nothing_and_with_another_adds_one(place, keys, tmp_path):
    one, registry = made(tmp_path / 'again'), to_write(address(place), Net())
    pulled(f'{place}:good', tmp_path / 'to')

    assert files_of(one).keys() <= {p.relative_to(one.folder).as_posix() for p in one.folder.rglob('*')}
    assert not signed(one, place, keys / 'ours.key', 'good')
    assert signed(one, place, keys / 'theirs.key', 'good')
    assert len(signatures_of(registry, one.release.sha256)) == 2


def test_a_file_that_holds_no_key_is_named(place, tmp_path):
    (tmp_path / 'x.key').write_text('nothing')

    with pytest.raises(IntegrityError, match=r'x\.key: no private key'):
        signed(made(tmp_path / 'new'), place, tmp_path / 'x.key', 'new')
