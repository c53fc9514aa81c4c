"""What refers to a release is found from it: by the registry's own list where it keeps one, else by the tag."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.deliver.referrers import CYCLONEDX, IN_TOTO, add_documents, of_type, refer
from stages.deliver.registry.address import address
from stages.deliver.registry.contract import Net
from stages.deliver.registry.open import to_read, to_write
from stages.deliver.release import SBOM
from stages.deliver.schemas import problems
from stages.deliver.signatures import BUNDLE, signatures_of
from stages.errors import DeliveryError
from tests.deliver.referring import Entries, referring
from tests.deliver.releases import Made, made, pushed
from tests.deliver.servers import Registry, docker, registry

pytest.importorskip('oras', reason="needs modelkiln[release]: pip install 'modelkiln[release]'")


@pytest.fixture(scope='module')
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, Registry, Entries]]:
    """One that knows no referrers, one that does, and what that one lists."""
    with registry(tmp_path_factory.mktemp('registry')) as plain, referring(plain) as (later, kept):
        yield plain, later, kept


@pytest.fixture
def release(tmp_path: Path) -> Made:
    one = made(tmp_path / 'one')
    (one.folder / SBOM).write_text('{"bomFormat": "CycloneDX"}')
    return one


def logged_in(server: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, server.login(tmp_path / 'docker'))


@pytest.mark.parametrize('which', ['tag', 'api', 'folder'])
def test_provenance_and_sbom_refer_to_a_release_and_once_is_enough(servers, release, tmp_path, monkeypatch, which):
    plain, later, _ = servers
    place = {'tag': f'oci://{plain.host}/a', 'api': f'oci://{later.host}/b', 'folder': f'file://{tmp_path}/c'}[which]
    logged_in(later if which == 'api' else plain, tmp_path, monkeypatch)
    pushed(release, place)
    writing = to_write(address(place), Net())

    assert add_documents(writing, release.release, release.folder) == 2
    assert add_documents(writing, release.release, release.folder) == 0
    reading = to_read(address(place), Net())
    for type, name in ((IN_TOTO, 'provenance.json'), (CYCLONEDX, SBOM)):
        [entry] = of_type(reading, release.release.sha256, type)
        manifest = json.loads(reading.manifest(str(entry['digest']).removeprefix('sha256:')))
        layer = manifest['layers'][0]
        content = b''.join(reading.blob(layer['digest'].removeprefix('sha256:'), layer['size'], 0).chunks)
        assert content == (release.folder / name).read_bytes()
        assert manifest['subject']['digest'] == release.release.digest
        assert problems('referrer', {'referrer': manifest}) == []


def test_a_registry_that_keeps_the_list_gets_no_tag_and_pages_are_followed(servers, release, tmp_path, monkeypatch):
    _, later, kept = servers
    place = f'oci://{later.host}/pages'
    logged_in(later, tmp_path, monkeypatch)
    pushed(release, place)
    writing = to_write(address(place), Net())

    for number in range(5):
        assert refer(writing, release.release, b'%d' % number, 'application/x-test')

    assert len(of_type(to_read(address(place), Net()), release.release.sha256, 'application/x-test')) == 5
    assert len(kept[release.release.digest]) >= 5
    assert not writing.has_tag(f'sha256-{release.release.sha256}')


@pytest.mark.parametrize('which', [0, 1])
def test_signatures_are_found_on_both_newest_first(servers, release, tmp_path, monkeypatch, which):
    server = servers[which]
    place = f'oci://{server.host}/signed{which}'
    logged_in(server, tmp_path, monkeypatch)
    pushed(release, place)
    writing = to_write(address(place), Net())
    add_documents(writing, release.release, release.folder)

    for bundle in (b'first', b'second'):
        refer(writing, release.release, bundle, BUNDLE)

    assert signatures_of(to_read(address(place), Net()), release.release.sha256) == [b'second', b'first']


def test_others_entries_under_the_tag_stay(servers, release, tmp_path, monkeypatch):
    plain, _, _ = servers
    place = f'oci://{plain.host}/others'
    logged_in(plain, tmp_path, monkeypatch)
    pushed(release, place)
    writing = to_write(address(place), Net())

    refer(writing, release.release, b'theirs', 'application/x-theirs')
    add_documents(writing, release.release, release.folder)

    types = [entry['artifactType'] for entry in writing.referrers(release.release.sha256)]
    assert types == ['application/x-theirs', IN_TOTO, CYCLONEDX]


def test_a_next_page_on_another_server_is_refused(tmp_path):
    from stages.deliver.registry.oci import OciRegistry

    with pytest.raises(DeliveryError, match='is elsewhere'):
        OciRegistry(address('oci://127.0.0.1:1/net'), Net())._beside('https://evil.example/v2/net/referrers/x')


def test_skopeo_reads_what_refers_to_a_release(servers, release, tmp_path, monkeypatch):
    skopeo = shutil.which('skopeo')
    if skopeo is None:
        pytest.skip('needs skopeo: apt install skopeo')
    plain, _, _ = servers
    place = f'oci://{plain.host}/read'
    logged_in(plain, tmp_path, monkeypatch)
    pushed(release, place)
    add_documents(to_write(address(place), Net()), release.release, release.folder)
    [entry] = of_type(to_read(address(place), Net()), release.release.sha256, CYCLONEDX)

    source = f'docker://{plain.host}/read@{entry["digest"]}'
    command = [skopeo, 'copy', '--src-tls-verify=false', '--src-creds=me:secret', source, f'dir:{tmp_path}/read']
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / 'read/manifest.json').read_bytes())['artifactType'] == CYCLONEDX
