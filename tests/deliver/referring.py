"""A registry of OCI 1.1: Debian's docker-registry, which is older, with the referrers API before it.

What it answers follows the distribution specification 1.1: a manifest with a subject is answered with OCI-Subject, and
GET /v2/NAME/referrers/DIGEST is an index of them, here a page of two each time.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.deliver.servers import Registry

INDEX = 'application/vnd.oci.image.index.v1+json'
PAGE = 2
Entries = dict[str, list[dict[str, object]]]


@contextlib.contextmanager
def referring(behind: Registry) -> Iterator[tuple[Registry, Entries]]:
    """Run it; what refers to each digest can be looked at."""
    kept: Entries = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def answer(self) -> None:
            parts = urlsplit(self.path)
            if '/referrers/' in parts.path:
                self.listed(parts.path.rpartition('/')[2], int(parse_qs(parts.query).get('from', ['0'])[0]))
                return
            body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            there = http.client.HTTPConnection(behind.host, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() != 'host'}
            there.request(self.command, self.path, body, {**headers, 'Host': self.headers['Host']})
            found = there.getresponse()
            content = found.read()
            more = {}
            if self.command == 'PUT' and '/manifests/' in parts.path and found.status == 201:
                subject = json.loads(body).get('subject')
                if subject:
                    self.refers(body, subject['digest'])
                    more['OCI-Subject'] = subject['digest']
            kept_headers = {n: v for n, v in found.getheaders() if n.lower() not in ('connection', 'content-length')}
            length = found.getheader('Content-Length') if self.command == 'HEAD' else str(len(content))
            self.said(found.status, {**kept_headers, **more, 'Content-Length': length or '0'}, content)
            there.close()

        def refers(self, body: bytes, subject: str) -> None:
            document = json.loads(body)
            entry = {
                'mediaType': document['mediaType'], 'digest': f'sha256:{sha256(body).hexdigest()}', 'size': len(body),
                'artifactType': document.get('artifactType') or document['config']['mediaType'],
            }  # fmt: skip
            if entry not in kept.setdefault(subject, []):
                kept[subject].append(entry)

        def listed(self, digest: str, start: int) -> None:
            entries = kept.get(digest, [])
            content = json.dumps(
                {'schemaVersion': 2, 'mediaType': INDEX, 'manifests': entries[start : start + PAGE]}
            ).encode()
            headers = {'Content-Type': INDEX, 'Content-Length': str(len(content))}
            if start + PAGE < len(entries):
                headers['Link'] = f'<{urlsplit(self.path).path}?from={start + PAGE}>; rel="next"'
            self.said(200, headers, content)

        def said(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = answer

        def log_message(self, format: str, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Registry(f'127.0.0.1:{server.server_address[1]}'), kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
