"""Servers on this machine for tests of the road to the world: real sockets, and what each of them was asked."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Server(ThreadingHTTPServer):
    """Answers each path with what ``files`` has there; a text that begins with ``http`` is where it sends on to."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes | str]) -> None:
        super().__init__(('127.0.0.1', 0), _Answers)
        self.files, self.asked = files, list[str]()
        self.credentials = list[str]()

    @property
    def place(self) -> str:
        return f'127.0.0.1:{self.server_port}'


class _Answers(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.credentials.append(self.headers.get('Proxy-Authorization', ''))
        found = self.server.files.get(self.path)
        if isinstance(found, str):
            self.send_response(302)
            self.send_header('Location', found)
            self.send_header('Content-Length', '0')
            self.end_headers()
        elif found is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header('Content-Length', str(len(found)))
            self.send_header('Content-Type', 'text/html' if self.path.endswith('/') else 'application/octet-stream')
            self.end_headers()
            self.wfile.write(found)

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)
        self.server.credentials.append(self.headers.get('Proxy-Authorization', ''))
        self.send_error(407)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def serving(files: dict[str, bytes | str], certificate: Path | None = None) -> Iterator[Server]:
    """Serve ``files``, by TLS with a ``certificate``."""
    server = Server(files)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def certificate(folder: Path) -> Path:
    """Return a key and a certificate of its own for ``localhost``, which nobody trusts who is not told to."""
    made = folder / 'localhost.pem'
    openssl = shutil.which('openssl')
    assert openssl, 'these tests need the program openssl'
    subprocess.run(
        [
            openssl, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
            '-addext', 'subjectAltName=DNS:localhost', '-keyout', str(folder / 'key.pem'), '-out', str(made),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    made.write_text(made.read_text() + (folder / 'key.pem').read_text())
    return made
