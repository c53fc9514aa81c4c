"""A web server that shows a folder and misbehaves when it is told to."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = tuple[int, dict[str, str], bytes]
Twist = Callable[[str, Answer], Answer | None]


@dataclass
class Evil:
    """What the server does, and what it was asked for."""

    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Each path with the range that was wanted."""

    heard: str = ''
    """The last request's Authorization."""

    sent: int = 0
    """Bytes of bodies."""

    twist: Twist = lambda path, answer: answer
    """Turns a path and its right answer into what is answered; None: hang up."""

    break_after: int | None = None
    """Bytes of a body after which the connection breaks, each time."""

    pause: float = 0.0
    """Seconds before each KiB."""

    ranges: bool = True


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Evil]:
    """Serve ``folder`` on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get('Range', '') if evil.ranges else ''
            evil.asked.append((self.path, wanted))
            evil.heard = self.headers.get('Authorization', '')
            path = folder / self.path.lstrip('/')
            body = path.read_bytes() if path.is_file() else b''
            status, headers = (200, {}) if path.is_file() else (404, {})
            if wanted and status == 200:
                start = int(wanted.removeprefix('bytes=').rstrip('-'))
                headers = {'Content-Range': f'bytes {start}-{len(body) - 1}/{len(body)}'}
                status, body = 206, body[start:]
            answer = evil.twist(self.path, (status, headers, body))
            if answer is not None:
                self._send(*answer)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {'Content-Length': str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            end = len(body) if evil.break_after is None else min(len(body), evil.break_after)
            step = 1024 if evil.pause else max(end, 1)
            for at in range(0, end, step):
                time.sleep(evil.pause)
                with contextlib.suppress(OSError):
                    self.wfile.write(body[at : min(at + step, end)])
                    self.wfile.flush()
                evil.sent += min(at + step, end) - at

        def log_message(self, *of: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    evil = Evil(f'http://127.0.0.1:{server.server_address[1]}')
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield evil
    server.shutdown()
    server.server_close()
