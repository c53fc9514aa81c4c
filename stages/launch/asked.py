"""What a client asks a proxy for: a way to a server, or one address of http (RFC 9110, RFC 9112)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

NOT_AMONG: Final = 'is not among the hosts of this fetch'
"""What a refusal says behind ``host:port``."""

PORTS: Final = {'http': 80, 'https': 443}
HOP: Final = (b'proxy-', b'connection:', b'keep-alive:')
"""Headers between a client and its proxy alone."""

_TARGET = re.compile(r'(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})')


class Refused(Exception):
    """What the client is answered instead: the code of HTTP, and the words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """What a client asks for."""

    scheme: str
    """``https``: a way for TLS, or whatever else; ``http``: one request, which ``head`` is."""

    host: str
    port: int
    head: bytes = b''
    """What another proxy is sent, of ``http``."""

    direct: bytes = b''
    """What the server itself is sent."""

    @property
    def place(self) -> str:
        return f'{self.host}:{self.port}'


def asked(head: bytes) -> Asked:
    """Return what a request asks a proxy for. Raises Refused where it is no request to a proxy."""
    line, _, rest = head.partition(b'\r\n')
    method, _, target = line.decode('latin-1').rpartition(' ')[0].partition(' ')
    if method == 'CONNECT' and (found := _TARGET.fullmatch(target)):
        return Asked('https', found[1].strip('[]').lower().rstrip('.'), int(found[2]))
    try:
        url = urlsplit(target)
        host, port = url.hostname or '', url.port or PORTS['http']
    except ValueError:
        url, host, port = SplitResult('', '', '', '', ''), '', 0
    if url.scheme != 'http' or not _TARGET.fullmatch(f'[{host}]:{port}' if ':' in host else f'{host}:{port}'):
        raise Refused(400, 'a proxy is asked for CONNECT host:port, or for an address of http')
    path = f'{url.path or "/"}{"?" if url.query else ""}{url.query}'
    kept = [each for each in rest.split(b'\r\n') if each and not each.lower().startswith(HOP)]
    kept += [b'Connection: close', b'', b'']  # one request a connection: the next may be for another host
    short = f'{method} {path} HTTP/1.1'.encode('latin-1')
    return Asked('http', host.rstrip('.'), port, b'\r\n'.join([line, *kept]), b'\r\n'.join([short, *kept]))
