"""Fetches reach the hosts of their recipe and of the user's settings, by real sockets and in real steps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stages.confine import missing
from stages.execute import reach
from stages.execute.ensure import ensure
from stages.execute.project import Project
from stages.plan.step import Plan, Step
from stages.sources import fetch
from tests.launch.serving import certificate, serving
from tests.sources.sources_helpers import wheel
from tests.sources.test_source_hub import NAME, Hub, endpoint  # noqa: F401  # a fixture

pytestmark = pytest.mark.skipif('namespaces' in missing(), reason='this system has no namespaces')


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a fetch as a step of a project; return the words of its failure, if any, and the file."""
    for name in ('HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', reach.SAID):
        monkeypatch.delenv(name, raising=False)
    projects: list[Project] = []

    def run(where: str, name: str, file: str, content: bytes, hosts: tuple[str, ...] = ()) -> tuple[str, bytes]:
        params = {'where': where, 'name': name, 'file': file, 'sha256': hashlib.sha256(content).hexdigest(), 'to': ''}
        step = Step(
            'f' * 16, fetch.KIND, fetch.__name__, params, {}, '', '', None, (), (), (fetch.__name__,), False, 60.0,
            hosts=hosts,
        )  # fmt: skip
        project = Project(tmp_path, Plan({step.id: step}, {}, {}, {}))
        projects.append(project)
        failure = ensure(project, step)
        if failure:
            return str(failure), b''
        stored = project.store.find(project.key(step))
        assert stored is not None
        [found] = stored.files.values()
        return '', project.store.read(found)

    yield run
    for project in projects:
        project.launcher.close()


def test_pip_reaches_the_users_own_index_on_this_machine(fetched, tmp_path, monkeypatch):
    about = [('small-1.dist-info/METADATA', b'Metadata-Version: 2.1\nName: small\nVersion: 1\n')]
    about += [('small-1.dist-info/WHEEL', b'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')]
    made = wheel(tmp_path / 'small-1-py3-none-any.whl', ('small/x', b'bytes of a model'), *about)
    archive = made.read_bytes()
    page = b'<a href="/files/small-1-py3-none-any.whl">small-1-py3-none-any.whl</a>'
    with serving({'/simple/small/': page, '/files/small-1-py3-none-any.whl': archive}) as index:
        monkeypatch.setenv('PIP_INDEX_URL', f'http://{index.place}/simple')
        monkeypatch.setenv('PIP_CONFIG_FILE', '/dev/null')
        assert fetched('pip', 'small==1', 'small/x', b'bytes of a model') == ('', b'bytes of a model')


def test_an_index_that_sends_to_another_host_is_named_with_what_to_write(fetched, tmp_path, monkeypatch):
    with serving({}) as other:
        page = f'<a href="http://{other.place}/small-1-py3-none-any.whl">small-1-py3-none-any.whl</a>'
        with serving({'/simple/small/': page.encode()}) as index:
            monkeypatch.setenv('PIP_INDEX_URL', f'http://{index.place}/simple')
            monkeypatch.setenv('PIP_CONFIG_FILE', '/dev/null')
            monkeypatch.setenv('PIP_RETRIES', '0')
            words, _ = fetched('pip', 'small==1', 'small/x', b'')
    assert f'small==1 leads to {other.place}, which is none of the hosts of its recipe' in words
    assert f'MODELKILN_HOSTS={other.place}' in words and other.asked == []


def test_the_hub_is_reached_at_the_users_endpoint(fetched, endpoint, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv('HF_ENDPOINT', endpoint)
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path / 'cache'))
    monkeypatch.delenv('HF_HUB_OFFLINE', raising=False)  # as users have it: every other step is offline
    assert fetched('hf', NAME, 'model.onnx', b'graph') == ('', b'graph')


def test_https_goes_through_with_the_certificates_of_the_user(fetched, tmp_path, monkeypatch):
    trusted = certificate(tmp_path)
    with serving({'/net.bin': b'bytes'}, trusted) as server:
        place = f'localhost:{server.server_port}'
        monkeypatch.setenv(reach.SAID, place)
        words, _ = fetched('https', f'https://{place}/net.bin', '', b'bytes')
        assert 'CERTIFICATE_VERIFY_FAILED' in words
        monkeypatch.setenv('SSL_CERT_FILE', str(trusted))
        assert fetched('https', f'https://{place}/net.bin', '', b'bytes') == ('', b'bytes')


def test_a_redirect_is_followed_to_hosts_that_the_recipe_names(fetched, tmp_path, monkeypatch):
    trusted = certificate(tmp_path)
    monkeypatch.setenv('SSL_CERT_FILE', str(trusted))
    with serving({'/net.bin': 'https://cdn.example.invalid/net.bin'}, trusted) as server:
        place = f'localhost:{server.server_port}'
        monkeypatch.setenv(reach.SAID, place)
        words, _ = fetched('https', f'https://{place}/net.bin', '', b'bytes')
        assert 'leads to cdn.example.invalid, which is none of the hosts of its recipe' in words
        assert '`hosts: [cdn.example.invalid]`' in words
        words, _ = fetched('https', f'https://{place}/net.bin', '', b'bytes', ('cdn.example.invalid',))
        assert 'cdn.example.invalid is not found' in words  # the way is free; nobody has that name


def test_where_each_fetch_may_go(monkeypatch):
    monkeypatch.setenv(reach.SAID, 'Mirror.example.org, other.example.org:8443')
    mine = ('mirror.example.org:443', 'other.example.org:8443')
    url = {'where': 'https', 'name': 'https://github.com/a/b/releases/download/v1/net.onnx'}
    found = reach.of_fetch(url, ('cdn.example.org',))
    assert found.nearby == mine
    assert {'cdn.example.org:443', 'github.com:443', 'release-assets.githubusercontent.com:443'} <= set(found.hosts)
    hub = reach.of_fetch({'where': 'hf', 'name': 'a/b@c'}, ())
    assert hub == reach.Reach((), (*mine, 'huggingface.co:443', '*.huggingface.co:443', '*.hf.co:443'))
