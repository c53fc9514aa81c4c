"""A process with the network has it as far as the hosts of its policy, through one proxy, and no further."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from stages import spawn
from stages.confine import Policy, missing
from stages.launch import Launcher, Limits
from tests.launch.serving import serving

pytestmark = pytest.mark.skipif('namespaces' in missing(), reason='this system has no namespaces')
ASK = """
import os, socket, sys, urllib.request
try:
    print({})
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def ask(tmp_path: Path):
    """Run a line of Python in a process with the network; return what it printed."""
    launcher = Launcher(tmp_path / 'servers')
    inside = tmp_path / 'inside'
    inside.mkdir()

    def run(line: str, hosts: tuple[str, ...] = (), nearby: tuple[str, ...] = (), **environment: str) -> str:
        log = tmp_path / 'log'
        log.write_bytes(b'')
        argv = [sys.executable, '-I', '-c', ASK.format(line)]
        policy = Policy((), (str(inside),), True, hosts, nearby)
        ended = launcher.program(argv, inside, log, spawn.environment(inside, extra=environment), policy, Limits(30))
        return ended or log.read_text().strip()

    yield run
    launcher.close()


def get(place: str) -> str:
    return f'urllib.request.urlopen("http://{place}/x", timeout=20).read()'


def test_a_host_of_the_policy_is_reached_and_no_other(ask):
    with serving({'/x': b'one'}) as one, serving({'/x': b'two'}) as two:
        assert ask(get(one.place), nearby=(one.place,)) == "b'one'"
        answer = ask(get(two.place), nearby=(one.place,))
        assert f'403: {two.place} is not among the hosts of this fetch' in answer
    assert two.asked == []


def test_there_is_no_way_but_by_the_proxy(ask):
    with serving({'/x': b'one'}) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listens:
        listens.bind(('127.0.0.1', 0))
        listens.settimeout(0.3)
        straight = f'socket.create_connection(("127.0.0.1", {server.server_port}), 5)'
        assert ask(straight, nearby=(server.place,)).startswith('ConnectionRefusedError')
        assert ask('socket.create_connection(("192.0.2.1", 80), 5)').startswith('OSError')
        ask(f'socket.socket(2, 2).sendto(b"x", {listens.getsockname()})')
        with pytest.raises(TimeoutError):
            listens.recv(1)
        assert ask('socket.socket(socket.AF_UNIX)').startswith('PermissionError')


def test_a_name_of_a_recipe_that_leads_to_this_machine_is_refused(ask):
    with serving({'/x': b'one'}) as server:
        place = f'localhost:{server.server_port}'
        assert 'which is this machine or its own network' in ask(get(place), hosts=(place,))
        assert server.asked == []
        assert ask(get(place), nearby=(place,)) == "b'one'"


def test_the_users_own_proxy_is_gone_through_but_for_what_needs_none(ask):
    with serving({'http://far.example/x': b'from afar'}) as proxy, serving({'/x': b'near'}) as near:
        settings = {'http_proxy': f'http://me:a%20word@{proxy.place}', 'no_proxy': near.place}
        assert ask(get('far.example'), hosts=('far.example:80',), **settings) == "b'from afar'"
        assert ask(get(near.place), nearby=(near.place,), **settings) == "b'near'"
    assert proxy.asked == ['http://far.example/x'] and proxy.credentials == ['Basic bWU6YSB3b3Jk']


def test_what_the_users_proxy_refuses_is_told_in_its_words(ask):
    with serving({}) as proxy:
        line = 'urllib.request.urlopen("https://far.example/x", timeout=20).read()'
        answer = ask(line, hosts=('far.example:443',), HTTPS_PROXY=f'http://{proxy.place}')
    assert proxy.asked == ['far.example:443']
    assert "the proxy of your settings, answers 'HTTP/1.0 407" in answer


def test_a_request_that_is_none_is_answered_so_and_harms_nobody(ask):
    port = 'int(os.environ["http_proxy"].rpartition(":")[2])'
    sent = r'(b"x\r\n\r\n", b"GET /x HTTP/1.1\r\n\r\n", b"CONNECT a:b:c HTTP/1.1\r\n\r\n")'
    said = ask(f'[(s := socket.create_connection(("127.0.0.1", {port}), 5)).sendall(d) or s.recv(20) for d in {sent}]')
    assert said.endswith(str([b'HTTP/1.1 400 a proxy'] * 3))
