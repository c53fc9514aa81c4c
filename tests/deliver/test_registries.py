"""Releases on servers that nobody here wrote: pushed, pulled, and read by skopeo and oras byte for byte."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.deliver.policy import Policy
from stages.deliver.push import move_tags, publish
from stages.deliver.registry.address import address
from stages.deliver.registry.contract import Net
from stages.deliver.registry.layout import WritableLayout
from stages.deliver.registry.open import to_write
from stages.errors import DeliveryError, ModelkilnError
from tests.deliver.releases import FILES, current, files_of, made, pulled, pushed
from tests.deliver.servers import Registry, docker, registry, s3

pytest.importorskip('oras', reason="needs modelkiln[release]: pip install 'modelkiln[release]'")


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp('registry')) as running:
        yield running


@pytest.fixture
def logged_in(server: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    docker(monkeypatch, server.login(tmp_path / 'docker'))
    return server


def test_a_release_goes_through_a_registry_that_wants_a_login(logged_in, tmp_path):
    one, place = made(tmp_path / 'one'), f'oci://{logged_in.host}/models/net'

    release = pushed(one, place, 'v1', 'stable')
    version = pulled(f'{place}:stable', tmp_path / 'to')

    assert current(tmp_path / 'to') == files_of(one)
    assert version.sha256 == release.sha256


def test_pushing_the_same_again_uploads_and_moves_nothing(logged_in, tmp_path):
    one, place = made(tmp_path / 'one', {'model.onnx': b'again'}), f'oci://{logged_in.host}/models/again'
    pushed(one, place, 'v1')
    writing = to_write(address(place), Net())

    assert publish(writing, one.release, one.blobs) == 0
    assert move_tags(writing, one.release, ('v1',)) == {}


def test_a_tag_moves_from_one_release_to_the_next_and_the_digest_stays(logged_in, tmp_path):
    place = f'oci://{logged_in.host}/models/moving'
    first = pushed(made(tmp_path / 'one', {'model.onnx': b'1'}), place, 'stable')
    two = made(tmp_path / 'two', {'model.onnx': b'2'})
    writing = to_write(address(place), Net())
    publish(writing, two.release, two.blobs)

    assert move_tags(writing, two.release, ('stable',)) == {'stable': first.sha256}
    assert pulled(f'{place}@{first.digest}', tmp_path / 'to').sha256 == first.sha256
    assert pulled(f'{place}:stable', tmp_path / 'to').sha256 == two.release.sha256


def test_a_wrong_password_no_login_and_a_tag_that_is_not_there_are_said(server, tmp_path, monkeypatch):
    place = f'oci://{server.host}/models/net'
    docker(monkeypatch, tmp_path / 'nothing')
    with pytest.raises(DeliveryError, match=f'docker login {server.host}'):
        pulled(place, tmp_path / 'to')
    with pytest.raises(DeliveryError, match=f'docker login {server.host}'):
        pushed(made(tmp_path / 'one'), place)
    docker(monkeypatch, server.login(tmp_path / 'wrong', 'no'))
    with pytest.raises(DeliveryError, match='refuses our login'):
        pulled(place, tmp_path / 'to')
    docker(monkeypatch, server.login(tmp_path / 'right'))
    pushed(made(tmp_path / 'two'), place, 'v1')
    with pytest.raises(DeliveryError, match="no tag 'v9'; there are v1"):
        pulled(f'{place}:v9', tmp_path / 'to')


def test_a_credential_helper_has_the_login(server, tmp_path, monkeypatch):
    helper = tmp_path / 'docker-credential-tests'
    answer = json.dumps({'ServerURL': server.host, 'Username': 'me', 'Secret': 'secret'})
    helper.write_text(f"#!/bin/sh\n[ $(cat) = {server.host} ] && echo '{answer}'\n")
    helper.chmod(0o755)
    (tmp_path / 'config.json').write_text(json.dumps({'credHelpers': {server.host: 'tests'}}))
    docker(monkeypatch, tmp_path)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=':')

    pushed(made(tmp_path / 'one'), f'oci://{server.host}/models/helped')
    assert pulled(f'oci://{server.host}/models/helped', tmp_path / 'to')


def test_tls_with_an_authority_of_ones_own_is_checked(tmp_path, monkeypatch):
    with registry(tmp_path / 'registry', tls=True) as running:
        docker(monkeypatch, running.login(tmp_path / 'docker'))
        place, one = f'oci://{running.host}/models/net', made(tmp_path / 'one')
        pushed(one, place, net=Net(ca=running.ca))
        policy = Policy(ca=str(running.ca))

        assert pulled(place, tmp_path / 'to', policy=policy).sha256 == one.release.sha256
        other = tmp_path / 'other'
        other.mkdir()
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-out', 'ca.pem'],
            cwd=other, check=True, capture_output=True,
        )  # fmt: skip
        with pytest.raises(DeliveryError, match='certificate is not trusted'):
            pulled(place, tmp_path / 'new', policy=Policy(ca=str(other / 'ca.pem')))


def test_skopeo_reads_a_release_byte_for_byte(logged_in, tmp_path):
    skopeo = shutil.which('skopeo')
    if skopeo is None:
        pytest.skip('needs skopeo: apt install skopeo')
    one = made(tmp_path / 'one')
    pushed(one, f'oci://{logged_in.host}/models/skopeo', 'v1')
    pushed(one, f'file://{tmp_path}/layout', 'v1')
    remote = [skopeo, 'copy', '--src-tls-verify=false', '--src-creds=me:secret']

    for command, source in (
        (remote, f'docker://{logged_in.host}/models/skopeo:v1'),
        ([skopeo, 'copy'], f'oci:{tmp_path}/layout:v1'),
    ):
        to = tmp_path / source[:3]
        done = subprocess.run([*command, source, f'dir:{to}'], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (to / 'manifest.json').read_bytes() == one.release.content
        for layer in one.release.layers:
            assert (to / layer.sha256).read_bytes() == (one.folder / layer.name).read_bytes()


def test_oras_reads_a_release_byte_for_byte(logged_in, tmp_path):
    import oras.client

    one = made(tmp_path / 'one')
    pushed(one, f'oci://{logged_in.host}/models/oras', 'v1')
    client = oras.client.OrasClient(insecure=True, auth_backend='basic')
    client.auth.set_basic_auth('me', 'secret')
    types = [layer.type for layer in one.release.layers]

    client.pull(f'{logged_in.host}/models/oras:v1', outdir=str(tmp_path / 'out'), allowed_media_type=None)
    manifest = client.get_manifest(f'{logged_in.host}/models/oras:v1')

    assert manifest == json.loads(one.release.content)
    assert manifest['artifactType'] == 'application/vnd.cncf.model.manifest.v1+json'
    assert types
    found = {
        p.relative_to(tmp_path / 'out').as_posix(): p.read_bytes() for p in (tmp_path / 'out').rglob('*') if p.is_file()
    }
    assert found == {layer.name: (one.folder / layer.name).read_bytes() for layer in one.release.layers}


@pytest.fixture(scope='module')
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip('s3fs', reason="needs modelkiln[s3]: pip install 'modelkiln[s3]'")
    import s3fs

    with s3(tmp_path_factory.mktemp('s3')) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv('FSSPEC_S3_ENDPOINT_URL', endpoint)
        patch.setenv('AWS_ENDPOINT_URL', endpoint)
        patch.setenv('AWS_ACCESS_KEY_ID', 'any')
        patch.setenv('AWS_SECRET_ACCESS_KEY', 'any')
        s3fs.S3FileSystem(endpoint_url=endpoint).mkdir('models')
        yield 's3://models'


def test_a_release_goes_through_a_bucket(bucket, tmp_path):
    one, two = made(tmp_path / 'one'), made(tmp_path / 'two', {**FILES, 'model.onnx': bytes(5 << 20)})
    pushed(one, f'{bucket}/net', 'v1', 'stable')
    pushed(two, f'{bucket}/net', 'v2', 'stable')

    pulled(f'{bucket}/net:v1', tmp_path / 'to')
    assert current(tmp_path / 'to') == files_of(one)
    pulled(f'{bucket}/net:stable', tmp_path / 'to')
    assert current(tmp_path / 'to') == files_of(two)


def test_pushes_at_once_to_a_bucket_lose_no_tag(bucket, tmp_path):
    together(bucket, tmp_path)


def test_pushes_at_once_to_a_folder_lose_no_tag(tmp_path):
    together(f'file://{tmp_path}/models', tmp_path)


def together(base: str, home: Path) -> None:
    """Push four releases at once, each under a tag of its own; find all of them."""
    ones = [made(home / f'at-once{n}', {'model.onnx': b'%d' % n}) for n in range(4)]
    threads = [threading.Thread(target=pushed, args=(one, f'{base}/at-once', f'v{n}')) for n, one in enumerate(ones)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    writing = to_write(address(f'{base}/at-once'), Net())
    assert [writing.resolve(f'v{n}') for n in range(4)] == [one.release.sha256 for one in ones]


def test_a_tag_that_somebody_moved_meanwhile_is_not_moved_over(tmp_path):
    place = f'file://{tmp_path}/models'
    one, two = made(tmp_path / 'one', {'m': b'1'}), made(tmp_path / 'two', {'m': b'2'})
    pushed(one, place, 'stable')
    writing = to_write(address(place), Net())
    assert isinstance(writing, WritableLayout)

    with pytest.raises(DeliveryError, match='somebody else pushed; look first'):
        writing.put(two.release.content, 'application/vnd.oci.image.manifest.v1+json', 'stable', '')
    assert writing.resolve('stable') == one.release.sha256


@pytest.mark.parametrize(
    'text', ['https://example.org/net', 'net', 'ftp://example.org/net', 'hf://me/net', 'local:///x']
)
def test_places_that_cannot_be_pushed_to_are_said(text):
    with pytest.raises(ModelkilnError):
        to_write(address(text), Net())


def test_an_upload_that_broke_off_is_made_again(tmp_path):
    one, place = made(tmp_path / 'one'), f'file://{tmp_path}/models'
    half = tmp_path / 'models/blobs/sha256' / hashlib.sha256(FILES['model.onnx']).hexdigest()
    half.parent.mkdir(parents=True)
    half.write_bytes(FILES['model.onnx'][:100])

    pushed(one, place)
    pulled(place, tmp_path / 'to')
    assert current(tmp_path / 'to') == files_of(one)
