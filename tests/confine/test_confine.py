"""What a confined process gets: its own folder, the system's programs, and nothing of anybody else."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from stages import spawn
from stages.confine import LAYERS, Policy, missing, system
from stages.launch import Launcher, Limits

pytestmark = pytest.mark.skipif(bool(missing()), reason=f'this system lacks {", ".join(missing())}')
ALONE = {
    'landlock': ('seccomp', 'namespaces'),
    'seccomp': ('landlock', 'namespaces'),
    'namespaces': ('landlock', 'seccomp'),
}


TRY = """
import os, socket, subprocess
try:
    print({})
except Exception as error:
    print(type(error).__name__)
"""


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """Run a line of Python in a confined process; return what it printed, or how it was refused."""
    inside = tmp_path / 'inside'
    inside.mkdir()
    launcher = Launcher(tmp_path / 'servers')

    def run(line: str, lacking: tuple[str, ...] = (), **more: object) -> str:
        monkeypatch.setattr('stages.launch.client.missing', lambda: lacking or missing())
        code = TRY.format(line)
        policy = Policy((), (str(inside),), **more)
        log = tmp_path / 'log'
        log.write_bytes(b'')
        argv = [sys.executable, '-I', '-c', code]
        ended = launcher.program(argv, inside, log, spawn.environment(inside), policy, Limits(20))
        return ended or log.read_text().strip()

    yield run
    launcher.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / 'secret.txt'
    path.write_text('canary')
    return path


def test_a_file_of_others_is_neither_read_nor_written(attempt, secret):
    assert attempt(f'open({str(secret)!r}).read()') == 'PermissionError'
    assert attempt(f'open({str(secret)!r}, "a").write("x")') == 'PermissionError'
    assert attempt(f'os.unlink({str(secret)!r})') == 'PermissionError'
    assert attempt(f'os.listdir({str(secret.parent)!r})') == 'PermissionError'
    assert attempt(f'subprocess.run(["cat", {str(secret)!r}], capture_output=True).stdout') == "b''"
    assert secret.read_text() == 'canary'


def test_its_own_folder_the_system_and_its_python_are_all_it_needs(attempt):
    assert attempt('open("mine", "w").write("abc")') == '3'
    assert attempt('subprocess.run(["/bin/echo", "hi"], capture_output=True).stdout') == r"b'hi\n'"
    assert attempt('__import__("multiprocessing").Semaphore().acquire()') == 'True'


@pytest.mark.parametrize('lacking', [(), *ALONE.values()], ids=['all', *ALONE])
def test_no_packet_leaves_whatever_layer_is_alone(attempt, lacking):
    with socket.create_server(('127.0.0.1', 0)) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listens:
        listens.bind(('127.0.0.1', 0))
        tcp, udp = server.getsockname(), listens.getsockname()
        server.setblocking(False)
        listens.setblocking(False)
        assert attempt(f'socket.create_connection({tcp!r}, 2)', lacking).endswith('Error')
        if lacking != ALONE['landlock']:  # which knows TCP alone
            assert attempt(f'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", {udp!r})', lacking) != '1'
            with pytest.raises(BlockingIOError):
                listens.recv(1)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_fetch_alone_has_a_network_where_there_are_no_namespaces_and_still_writes_nowhere_else(attempt, secret):
    with socket.create_server(('127.0.0.1', 0)) as server:
        straight = f'socket.create_connection({server.getsockname()!r}, 5)'
        assert 'Error' not in attempt(straight, ('namespaces',), network=True)
        assert 'Error' in attempt(straight, network=True)
        server.accept()[0].close()
    assert attempt(f'open({str(secret)!r}, "w")', network=True) == 'PermissionError'


def test_other_processes_are_neither_seen_nor_reached(attempt):
    us = os.getpid()
    assert attempt(f'open("/proc/{us}/environ").read()').endswith('Error')
    assert attempt(f'os.kill({us}, 0)').endswith('Error')
    assert attempt('len([name for name in os.listdir("/proc") if name.isdecimal()]) < 5') == 'True'


def test_landlock_alone_hides_what_others_have_in_their_environment(attempt):
    assert attempt(f'open("/proc/{os.getpid()}/environ").read()', ALONE['landlock']) == 'PermissionError'


def test_what_is_there_is_said_of_this_system():
    assert set(missing()) <= set(LAYERS)


def test_a_package_that_is_developed_around_the_project_does_not_open_the_project(tmp_path, monkeypatch):
    home = tmp_path / 'project' / '.modelkiln' / 'home'
    monkeypatch.setenv('HOME', str(home))
    monkeypatch.setattr(sys, 'path', [str(tmp_path), str(tmp_path / 'project'), str(tmp_path / 'tool')])

    read = set(system.readable(own_processes=True))

    assert str(tmp_path / 'tool') in read
    assert not read & {str(tmp_path), str(tmp_path / 'project')}


SERVER = (
    '(lambda server: (server.listen(), socket.create_connection(server.getsockname()), server.accept()) and "met")'
    '(socket.create_server((HOST, 0)))'
)


def test_a_process_may_meet_itself_in_a_network_that_leads_nowhere(attempt):
    with socket.create_server(('127.0.0.1', 0)) as ours:
        reach = f'socket.create_connection({ours.getsockname()!r}, 2)'

        assert attempt(SERVER.replace('HOST', '"localhost"'), loopback=True) == 'met'
        assert attempt(reach, loopback=True) == 'ConnectionRefusedError'
        assert attempt('socket.create_connection(("192.0.2.1", 80), 2)', loopback=True) == 'OSError'
        assert attempt(SERVER.replace('HOST', '"127.0.0.1"')) == 'PermissionError'


def test_without_a_network_of_its_own_it_gets_no_socket_to_itself_either(attempt):
    assert attempt(SERVER.replace('HOST', '"127.0.0.1"'), ('namespaces',), loopback=True) == 'PermissionError'
