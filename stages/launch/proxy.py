"""A proxy that connects a fetch to the hosts of its policy and to no others, through the user's own proxy if need be.

A name is resolved here, once for a connection, and its addresses are looked at before one is used: a name cannot first
mean one host and then another. What goes through is not read: TLS is between the fetch and its server, with the
certificates that the fetch trusts.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from stages.confine.addresses import is_open
from stages.confine.policy import Policy
from stages.launch.asked import NOT_AMONG, PORTS, Asked, Refused, asked

HEAD: Final = 1 << 16
"""Bytes of a request before its body; who sends more is not answered."""

CONNECT_SECONDS: Final = 30
IDLE_SECONDS: Final = 600
CHUNK: Final = 1 << 16

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Proxy:
    """Whom it serves, and how it reaches the world itself."""

    policy: Policy
    proxies: Mapping[str, str]
    """The user's own proxies by scheme, and under ``no`` what needs none."""

    async def serve(self, listener: socket.socket) -> None:
        """Answer all who come, until this process ends."""
        async with await asyncio.start_server(self._answer, sock=listener, limit=HEAD) as server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            try:
                wanted = asked(await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), CONNECT_SECONDS))
                far = await self._way(wanted)
                if wanted.scheme == 'https':
                    writer.write(b'HTTP/1.1 200 Connection established\r\n\r\n')
                await asyncio.gather(_copy(reader, far[1]), _copy(far[0], writer))
            except Refused as refused:
                print(f'proxy: {refused}', flush=True)  # into the log of whom it serves
                said = f'HTTP/1.1 {refused.code} {refused}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
                writer.write(said.encode('latin-1', 'replace'))
                await writer.drain()
        writer.close()

    async def _way(self, wanted: Asked) -> Streams:
        """Return a connection that leads to what is wanted; of ``http``, with the request sent."""
        nearby = _is_among(wanted, self.policy.nearby)
        if not nearby and not _is_among(wanted, self.policy.hosts):
            raise Refused(403, f'{wanted.place} {NOT_AMONG}')
        upstream = self._upstream(wanted)
        if upstream:
            return await _through(upstream, wanted)
        far = await _connected(wanted, nearby=nearby or _is_literal(wanted.host))
        far[1].write(wanted.direct)
        return far

    def _upstream(self, wanted: Asked) -> SplitResult | None:
        said = self.proxies.get(wanted.scheme) or self.proxies.get('all')
        if not said or _needs_none(wanted, self.proxies.get('no', '')):
            return None
        found = urlsplit(said if '://' in said else f'http://{said}')
        if found.scheme not in PORTS or not found.hostname:
            raise Refused(502, f'a proxy of the kind {found.scheme} is not known here; set one of http or https')
        return found


def proxies_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies that an environment names, by scheme; lower case goes before upper case, as everywhere."""
    found: dict[str, str] = {}
    for name in sorted(environment):  # upper case first
        if name.lower().endswith('_proxy'):
            found[name.lower().removesuffix('_proxy')] = environment[name]
    return found


def _is_among(wanted: Asked, places: tuple[str, ...]) -> bool:
    return any(
        wanted.place == place or (place.startswith('*.') and wanted.place.endswith(place[1:])) for place in places
    )


def _needs_none(wanted: Asked, said: str) -> bool:
    """Whether a host is one of those that the user's setting for it, ``no_proxy``, names."""
    names = [name for each in said.split(',') if (name := each.strip().lower().lstrip('.'))]
    return '*' in names or any(
        f'.{place}'.endswith(f'.{name}') for name in names for place in (wanted.host, wanted.place)
    )


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _through(upstream: SplitResult, wanted: Asked) -> Streams:
    """Return a connection that the user's own proxy makes."""
    far = await _open(upstream.hostname or '', upstream.port or PORTS[upstream.scheme], tls=upstream.scheme == 'https')
    word = _authorization(upstream)
    if wanted.scheme == 'http':
        line, _, rest = wanted.head.partition(b'\r\n')
        far[1].write(line + b'\r\n' + word + rest)
        return far
    name = f'[{wanted.host}]:{wanted.port}' if ':' in wanted.host else wanted.place
    far[1].write(f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n'.encode() + word + b'\r\n')
    answer = (await asyncio.wait_for(far[0].readuntil(b'\r\n\r\n'), CONNECT_SECONDS)).partition(b'\r\n')[0]
    if answer.split(b' ')[1:2] != [b'200']:
        far[1].close()
        words = f'{upstream.hostname}, the proxy of your settings, answers {answer.decode("latin-1")[:200]!a}'
        raise Refused(502, f'{words} for {wanted.place}')
    return far


async def _connected(wanted: Asked, *, nearby: bool) -> Streams:
    """Return a connection to one of the addresses that a name has now; unless ``nearby``, of the open network."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused(502, f'{wanted.host} is not found: {error}') from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    usable = [each for each in addresses if nearby or is_open(ipaddress.ip_address(each))]
    if not usable:
        raise Refused(403, f'{wanted.host} is at {", ".join(addresses)}, which is this machine or its own network')
    for last, address in enumerate(usable, start=1 - len(usable)):
        try:
            return await _open(address, wanted.port)
        except Refused:
            if not last:
                raise
    raise AssertionError('the last address is returned or raised')


async def _open(host: str, port: int, *, tls: bool = False) -> Streams:
    context = ssl.create_default_context() if tls else None
    try:
        return await asyncio.wait_for(asyncio.open_connection(host, port, ssl=context), CONNECT_SECONDS)
    except (OSError, TimeoutError) as error:
        words = re.sub(r'[^ -~]', '?', str(error)) or 'no answer'
        raise Refused(502, f'{host}:{port} cannot be reached: {words}') from error


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes until one end has no more to say, and say so to the other."""
    try:
        while chunk := await asyncio.wait_for(reader.read(CHUNK), IDLE_SECONDS):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()
    except (OSError, TimeoutError):
        writer.close()


def _authorization(proxy: SplitResult) -> bytes:
    if not proxy.username:
        return b''
    words = f'{unquote(proxy.username)}:{unquote(proxy.password or "")}'.encode()
    return b'Proxy-Authorization: Basic ' + base64.b64encode(words) + b'\r\n'
