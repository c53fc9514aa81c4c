"""A pull is a transaction: given v1, whatever happens to the pull of v2, current is v1 or the complete, verified v2."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stages.deliver import bring
from stages.deliver.policy import Policy
from stages.deliver.pull import rollback
from stages.deliver.pulled import Pulled
from stages.deliver.registry import contract
from stages.deliver.release import FILEPATH, MANIFEST_TYPE
from stages.errors import DeliveryError, ForeignError, IntegrityError, ModelkilnError, StepError
from tests.deliver.releases import FILES, Made, current, files_of, made, pulled, pushed
from tests.deliver.server import Evil, serving

ROOT = Path(__file__).resolve().parents[2]
BIG = {'model.onnx': bytes(range(256)) * 4000, 'model.data': b'v2' * 200_000}


class World:
    """A registry that a web server shows, with two releases, and a folder that has the first."""

    def __init__(self, home: Path, evil: Evil) -> None:
        self.home, self.evil, self.to = home, evil, home / 'deployed'
        self.place = f'file://{home}/registry/net'
        self.url = f'{evil.url}/net'
        self.one, self.two = made(home / 'one'), made(home / 'two', {**FILES, **BIG})
        self.first = files_of(self.one)
        self.second = files_of(self.two)
        pushed(self.one, self.place, 'v1')
        pushed(self.two, self.place, 'v2')
        pulled(f'{self.url}:v1', self.to)
        evil.asked.clear()
        evil.sent = 0

    def blob(self, content: bytes) -> Path:
        return self.home / 'registry/net/blobs/sha256' / hashlib.sha256(content).hexdigest()

    def refused(self, error: type[ModelkilnError], match: str, tag: str = 'v2', **more: object) -> None:
        """Pull, be refused, and find the first release as it was."""
        with pytest.raises(error, match=match):
            pulled(f'{self.url}:{tag}', self.to, **more)  # type: ignore[arg-type]
        assert current(self.to) == self.first


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr('stages.deliver.registry.web.PAUSE_SECONDS', 0.001)
    monkeypatch.setattr('stages.deliver.fetch.PAUSE_SECONDS', 0.001)
    (tmp_path / 'registry').mkdir()
    with serving(tmp_path / 'registry') as evil:
        yield World(tmp_path, evil)


def test_what_is_pulled_is_what_was_pushed(world):
    version = pulled(f'{world.url}:v2', world.to)

    assert current(world.to) == world.second
    assert version.sha256 == hashlib.sha256(world.two.release.content).hexdigest() == Pulled(world.to).current


def test_what_another_version_has_is_not_brought_again(world):
    pulled(f'{world.url}:v2', world.to)

    asked = [path for path, _ in world.evil.asked]
    assert not [path for path in asked if hashlib.sha256(FILES['deep/model.data']).hexdigest() in path]


def test_a_pull_of_what_is_current_asks_nobody_and_writes_nothing(world):
    before = {path: path.stat() for path in world.to.rglob('*')}

    pulled(f'{world.url}@{world.one.release.digest}', world.to)

    assert world.evil.asked == []
    assert {path: path.stat() for path in world.to.rglob('*')} == before


def test_a_connection_that_breaks_is_gone_on_with_and_no_byte_comes_twice(world):
    world.evil.break_after = 300_000

    pulled(f'{world.url}:v2', world.to)

    assert current(world.to) == world.second
    assert world.evil.sent < sum(map(len, world.second.values())) + 100_000
    assert any(wanted.startswith('bytes=300000-') for _, wanted in world.evil.asked)


def test_a_server_without_ranges_sends_all_again(world):
    world.evil.break_after = 300_000
    world.evil.ranges = False
    with pytest.raises(DeliveryError, match='what came is kept'):
        pulled(f'{world.url}:v2', world.to)
    world.evil.break_after = None

    pulled(f'{world.url}:v2', world.to)

    assert current(world.to) == world.second


def test_a_changed_byte_is_refused_by_its_file_and_its_digests(world):
    path = world.blob(BIG['model.data'])
    path.write_bytes(b'V2' + BIG['model.data'][2:])

    world.refused(IntegrityError, f'model.data: has other bytes; expected {path.name}')


def test_a_part_that_was_damaged_on_disk_is_brought_again(world):
    world.evil.break_after = 300_000
    world.evil.ranges = False
    world.refused(DeliveryError, 'what came is kept')
    part = next((world.to / 'incoming').rglob('parts/*'))
    part.write_bytes(b'x' + part.read_bytes()[1:])
    world.evil.break_after, world.evil.ranges = None, True

    pulled(f'{world.url}:v2', world.to)

    assert current(world.to) == world.second


@pytest.mark.parametrize(
    ('twist', 'words'),
    [
        (lambda path, answer: None, 'Remote end closed'),
        (lambda path, answer: (503, {}, b'busy'), 'HTTP 503'),
        (lambda path, answer: (403, {}, b'no'), 'refuses our login'),
        (lambda path, answer: (404, {}, b''), 'is not there|holds no releases'),
        (lambda path, answer: (302, {'Location': path}, b''), 'redirects more than 5 times'),
        (lambda path, answer: (302, {'Location': 'file:///etc/passwd'}, b''), 'no HTTP address'),
        (lambda path, answer: (302, {'Location': 'http://example.org/'}, b''), 'without TLS'),
        (lambda path, answer: (*answer[:2], answer[2] + b'x' * 5_000_000), 'sends more than|broken|other bytes'),
        (lambda path, answer: (200, {}, b'<html>a portal</html>'), 'broken|other bytes'),
        (lambda path, answer: (200, {'Content-Length': '9'}, b'{}'), 'broke off after 2 of 9 bytes'),
    ],
)  # fmt: skip
@pytest.mark.parametrize('where', ['/index.json', '/blobs/'])
def test_whatever_a_server_answers_the_old_version_stays(world, where, twist, words):
    world.evil.twist = lambda path, answer: twist(path, answer) if where in path else answer

    world.refused((DeliveryError, IntegrityError), words)


def test_a_dead_server_is_given_up(world):
    with pytest.raises(DeliveryError, match='Connection refused'):
        pulled('http://127.0.0.1:9/net:v2', world.to)

    assert current(world.to) == world.first


def test_a_server_that_drips_is_given_up_in_time(world, monkeypatch):
    monkeypatch.setattr(contract.Net, '__init__', lambda self, *of: _net(self))
    world.evil.pause = 0.05
    monkeypatch.setattr('stages.deliver.registry.web.SLOWEST', 1 << 20)
    begun = time.monotonic()

    world.refused(DeliveryError, 'that is given up')
    assert time.monotonic() - begun < 10


def _net(net: contract.Net) -> None:
    for name, value in {'plain': (), 'ca': None, 'patience': 0.3}.items():
        object.__setattr__(net, name, value)


def test_no_login_follows_a_redirect_to_another_server(world, tmp_path, monkeypatch):
    (tmp_path / 'docker').mkdir()
    host = world.evil.url.removeprefix('http://')
    (tmp_path / 'docker/config.json').write_text(
        json.dumps({'auths': {host: {'username': 'me', 'password': 'secret'}}})
    )
    monkeypatch.setenv('DOCKER_CONFIG', str(tmp_path / 'docker'))
    (tmp_path / 'other').mkdir()
    seen = []
    with serving(tmp_path / 'other') as other:
        inner = other.twist
        other.twist = lambda path, answer: (seen.append(path), inner(path, answer))[1]
        world.evil.twist = lambda path, answer: (307, {'Location': other.url + path}, b'')
        world.refused(DeliveryError, 'holds no releases')
    assert seen


def test_a_registry_that_gives_tokens_is_asked_for_one_once(world, tmp_path, monkeypatch):
    host = world.evil.url.removeprefix('http://')
    (tmp_path / 'docker').mkdir()
    (tmp_path / 'docker/config.json').write_text(json.dumps({'auths': {host: {'auth': 'bWU6c2VjcmV0'}}}))
    monkeypatch.setenv('DOCKER_CONFIG', str(tmp_path / 'docker'))
    blobs = world.home / 'registry/net/blobs/sha256'
    asks = {'WWW-Authenticate': f'Bearer realm="{world.evil.url}/token",service="s",scope="repository:net:pull"'}

    def tokens(path, answer):
        if path.startswith('/token'):
            good = world.evil.heard == 'Basic bWU6c2VjcmV0' and 'scope=repository%3Anet%3Apull' in path
            return (200, {}, b'{"token": "t0"}') if good else (401, {}, b'')
        if world.evil.heard != 'Bearer t0':
            return 401, asks, b''
        name = path.rpartition('/')[2].removeprefix('sha256:')
        path = blobs / (world.two.release.sha256 if name == 'v2' else name)
        return (200, {}, path.read_bytes()) if path.exists() else (404, {}, b'')

    world.evil.twist = tokens
    pulled(f'oci://{host}/net:v2', world.to)

    assert current(world.to) == world.second
    assert len([path for path, _ in world.evil.asked if path.startswith('/token')]) == 1


def twisted(one: Made, place: Path, change, tag: str = 'bad') -> None:
    """Put a manifest that says something else beside the right one."""
    document = json.loads(one.release.content)
    change(document)
    content = json.dumps(document).encode()
    digest = hashlib.sha256(content).hexdigest()
    (place / 'blobs/sha256' / digest).write_bytes(content)
    entry = {
        'mediaType': MANIFEST_TYPE, 'digest': f'sha256:{digest}', 'size': len(content),
        'annotations': {'org.opencontainers.image.ref.name': tag},
    }  # fmt: skip
    index = json.loads((place / 'index.json').read_bytes())
    index['manifests'].append(entry)
    (place / 'index.json').write_text(json.dumps(index))


def named(name):
    return lambda document: document['layers'][0]['annotations'].update({FILEPATH: name})


def sized(size):
    return lambda document: document['layers'][0].update(size=size)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (named('../model.onnx'), 'plain relative path'),
        (named('/etc/cron.d/model'), 'plain relative path'),
        (named('C:\\model'), 'plain relative path'),
        (named('deep/../../model'), 'plain relative path'),
        (named('./model.onnx'), 'not in its plain form'),
        (named('nul'), 'cannot be a file on Windows'),
        (named('release.json'), 'uses itself'),
        (named('model.sig'), 'uses itself'),
        (named('DEEP/model.data'), 'one file on some systems'),
        (named('deep'), 'a folder of other files'),
        (named('a\u202eb'), 'not in its plain form'),
        (named('x' * 300), 'longer than a file name'),
        (named(7), 'has no file name'),
        (named('other.onnx'), "names 'model.onnx', and the release has it not"),
        (sized(5), 'sends more than|other bytes|expected'),
        (sized(10**12), 'needs .* are free|broke off'),
        (sized(10**9), 'broke off after|are free'),
        (sized(-1), 'its size is -1'),
        (sized(True), 'its size is True'),
        (sized('7'), "its size is '7'"),
        (lambda d: d['layers'][0].update(digest='md5:x'), 'expected sha256'),
        (lambda d: d['layers'][0].update(mediaType='text/html'), 'its media type is'),
        (lambda d: d.update(layers=[]), 'holds no layers'),
        (lambda d: d.pop('artifactType'), 'its artifactType is None'),
        (lambda d: d['annotations'].update({'org.modelkiln.release': '9'}), 'this version reads 1'),
        (lambda d: d['layers'].pop(2), 'has no manifest.json'),
        (lambda d: d.pop('config'), 'config: is missing'),
    ],
)
def test_a_manifest_that_lies_is_refused_before_anything_of_it_is_current(world, change, words):
    twisted(world.one, world.home / 'registry/net', change)
    outside = {path for path in world.home.rglob('*') if world.to not in path.parents}

    world.refused((IntegrityError, DeliveryError, StepError), words, 'bad')

    assert {path for path in world.home.rglob('*') if world.to not in path.parents} == outside


def test_another_manifest_than_was_asked_for_is_refused(world):
    digest = world.two.release.digest
    (world.home / 'registry/net/blobs/sha256' / digest.removeprefix('sha256:')).write_bytes(world.one.release.content)

    world.refused(IntegrityError, 'has other bytes')


@pytest.mark.slow
def test_ten_thousand_files_are_brought_as_one_tar(tmp_path):
    files = {f'd{n % 50}/{n}': f'{n}'.encode() for n in range(10_000)}
    one = packed(tmp_path, files)
    pushed(one, f'file://{tmp_path}/registry/many')

    pulled(f'file://{tmp_path}/registry/many', tmp_path / 'to')

    found = current(tmp_path / 'to')
    assert {name: found[name] for name in files} == files
    assert len(one.release.content) < 4000


def packed(home: Path, files: dict[str, bytes]) -> Made:
    """Return a release whose weights are one tar."""
    from stages.deliver.pack import pack
    from stages.deliver.release import WEIGHT, WEIGHTS, Layer, release

    one = made(home / 'packed', files)
    tar = home / 'files.tar'
    pack({name: one.folder / name for name in files}, tar)
    content = tar.read_bytes()
    layer = Layer('.', hashlib.sha256(content).hexdigest(), len(content), WEIGHTS)
    others = [other for other in one.release.layers if other.type != WEIGHT]
    found = release(one.release.config, (layer, *others), {})
    (one.folder / 'release.json').write_bytes(found.content)
    return Made(found, {**one.blobs, layer.sha256: tar}, one.folder)


@pytest.mark.parametrize('kind', ['link', 'outside', 'absolute', 'other'])
def test_a_tar_with_a_link_or_a_way_out_is_refused(tmp_path, kind):
    import io
    import tarfile

    from stages.deliver.pack import unpack

    with tarfile.open(tmp_path / 'bad.tar', 'w') as tar:
        name = {'link': 'a', 'outside': '../a', 'absolute': '/a', 'other': 'manifest.json'}[kind]
        member = tarfile.TarInfo(name)
        if kind == 'link':
            member.type, member.linkname = tarfile.SYMTYPE, '/etc/passwd'
        else:
            member.size = 1
        tar.addfile(member, io.BytesIO(b'x'))

    with pytest.raises(IntegrityError, match=r'plain|another layer'):
        unpack(tmp_path / 'bad.tar', tmp_path / 'to', {'manifest.json'})
    assert not (tmp_path / 'to').exists()


def test_what_this_cpu_cannot_run_is_not_made_current(world):
    target = {'features': 'sse4_2 avx99', 'machine': os.uname().machine, 'system': 'Linux'}
    pushed(made(world.home / 'foreign', target=target), world.place, 'foreign')

    world.refused(ForeignError, 'avx99', 'foreign')
    pulled(f'{world.url}:foreign', world.to, anywhere=True)


def test_a_rollback_is_offline_and_goes_back_as_far_as_is_kept(world):
    pulled(f'{world.url}:v2', world.to)
    world.evil.asked.clear()

    before, now = rollback(world.to, Policy())

    assert (before, now.sha256) == (world.two.release.sha256, world.one.release.sha256)
    assert current(world.to) == world.first
    assert world.evil.asked == []
    with pytest.raises(DeliveryError, match='nothing was current before'):
        rollback(world.to, Policy())


def test_a_rollback_to_a_damaged_version_is_refused(world):
    pulled(f'{world.url}:v2', world.to)
    old = Pulled(world.to).version(world.one.release.sha256)
    (old / 'model.onnx').write_bytes(b'else')

    with pytest.raises(IntegrityError, match=r'model\.onnx: has 4 bytes'):
        rollback(world.to, Policy())
    assert current(world.to) == world.second


def test_the_last_versions_are_kept_and_no_more(world):
    for number in range(4):
        pushed(made(world.home / f'more{number}', {'model.onnx': b'%d' % number}), world.place, f'more{number}')
        pulled(f'{world.url}:more{number}', world.to, policy=Policy(keep=2))

    assert len(list((world.to / 'versions').iterdir())) == 2
    assert rollback(world.to, Policy())[1].sha256 != world.one.release.sha256


def test_a_damaged_current_version_is_mended_by_the_next_pull(world):
    folder = Pulled(world.to).version(world.one.release.sha256)
    (folder / 'model.onnx').write_bytes(b'damaged')
    (folder / 'stranger').write_text('x')

    pulled(f'{world.url}:v1', world.to)

    assert current(world.to) == world.first


def test_where_there_are_no_links_current_is_a_file(world, monkeypatch):
    def no_links(*of: object, **more: object) -> None:
        raise OSError('no links here')

    monkeypatch.setattr(Path, 'symlink_to', no_links)
    pulled(f'{world.url}:v2', world.to)

    assert (world.to / 'current').read_text() == f'versions/{world.two.release.sha256}\n'
    assert current(world.to) == world.second
    assert rollback(world.to, Policy())[1].sha256 == world.one.release.sha256


def test_two_pulls_at_once_share_the_work(world):
    world.evil.pause = 0.0002
    threads = [threading.Thread(target=pulled, args=(f'{world.url}:v2', world.to)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert current(world.to) == world.second
    assert world.evil.sent < 1.5 * sum(map(len, world.second.values()))


PULLER = """
import os, signal, sys, time
sys.path.insert(0, os.getcwd())
from pathlib import Path
from stages.deliver import fits
from tests.deliver.releases import pulled

NAMES = {'os.rename', 'os.remove', 'os.mkdir', 'os.symlink', 'os.truncate', 'os.rmdir', 'os.chmod', 'shutil.rmtree'}
url, to = sys.argv[1:]

def hook(event, args):
    global left
    writes = event == 'open' and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
    if (event in NAMES or writes) and to in str(args[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

for line in sys.stdin:
    how, _, value = line.partition(' ')
    child = os.fork()
    if not child:
        if how == 'write':
            left = int(value)
            sys.addaudithook(hook)
        pulled(url, Path(to))
        os._exit(0)
    if how == 'second':
        time.sleep(float(value))
        os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def killed(world: World) -> Iterator[Callable[[str], int]]:
    """``killed('write 3')``: pull v2 in a process that dies before its third write; return how it ended."""
    child = subprocess.Popen(
        [sys.executable, '-c', PULLER, f'{world.url}:v2', str(world.to)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin and child.stdout
    stdin, stdout = child.stdin, child.stdout

    def run(how: str) -> int:
        stdin.write(how + '\n')
        stdin.flush()
        return int(stdout.readline())

    yield run
    child.communicate()


def test_killed_at_any_write_current_is_the_old_version_or_the_new_one(world, killed):
    seen, number, ended = set(), 0, -signal.SIGKILL
    while ended:
        ended = killed(f'write {number}')
        found = current(world.to)
        assert found in (world.first, world.second)
        assert ended in (0, -signal.SIGKILL)
        seen.add(found == world.second)
        number += 1
        if ended and found == world.second:
            pulled(f'{world.url}:v1', world.to)
    assert current(world.to) == world.second
    assert number > 8 and seen == {False, True}


@pytest.mark.slow
def test_killed_at_fifty_random_instants_the_next_pull_goes_on(world, killed):
    chance, finished = random.Random(5), 0
    world.evil.pause = 0.0002
    begun = time.monotonic()
    assert killed('write 1000000') == 0  # once to its end: that long it takes
    taken = time.monotonic() - begun
    pulled(f'{world.url}:v1', world.to, policy=Policy(keep=1))
    for _ in range(50):
        killed(f'second {chance.uniform(0.0, 1.1 * taken)}')
        found = current(world.to)
        assert found in (world.first, world.second)
        if found == world.second:
            finished += 1
            pulled(f'{world.url}:v1', world.to, policy=Policy(keep=1))
    world.evil.pause = 0
    pulled(f'{world.url}:v2', world.to)
    assert current(world.to) == world.second
    assert finished < 50


def test_a_full_disk_leaves_the_old_version(small_disk, tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp('elsewhere')
    monkeypatch.setattr(bring, 'ROOM', -(1 << 40))  # as if the disk were filled meanwhile
    one, two = made(home / 'one'), made(home / 'two', {'model.onnx': os.urandom(9 << 20)})
    for made_one, tag in ((one, 'v1'), (two, 'v2')):
        pushed(made_one, f'file://{home}/registry', tag)
    pulled(f'file://{home}/registry:v1', small_disk / 'to')

    with pytest.raises(OSError, match='No space left'):
        pulled(f'file://{home}/registry:v2', small_disk / 'to')
    assert current(small_disk / 'to') == files_of(one)


def test_a_disk_that_is_too_small_is_told_before_anything_is_brought(small_disk, tmp_path_factory):
    home = tmp_path_factory.mktemp('elsewhere')
    pushed(made(home / 'two', {'model.onnx': bytes(9 << 20)}), f'file://{home}/registry')

    with pytest.raises(StepError, match='are free; nothing was changed'):
        pulled(f'file://{home}/registry', small_disk / 'to')
