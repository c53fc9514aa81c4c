"""The gate of a fetch: its network has nothing in it but a proxy, which leads to the hosts that it may reach.

The proxy stays outside. The socket that listens is made inside, where the fetch finds it, and is handed out: no other
way connects the two networks.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final, NoReturn

from stages.confine import landlock, system
from stages.confine.apply import limits
from stages.launch.request import Request

INSIDE: Final = '127.0.0.1'
NAMES: Final = ('http_proxy', 'https_proxy', 'all_proxy')
RESOLVER: Final = ('/etc', '/run')
"""Where a system says how names are resolved, and whose certificates it trusts."""


def made_inside(outside: socket.socket, environment: Mapping[str, str]) -> dict[str, str]:
    """Make the socket that listens, in the network of this process, hand it out; return the environment of the fetch.

    Every setting that names a proxy names ours: pip's own too, which goes before what its files say.
    """
    with socket.create_server((INSIDE, 0)) as listener:
        socket.send_fds(outside, [b'listen'], [listener.fileno()])
        place = f'http://{INSIDE}:{listener.getsockname()[1]}'
    kept = {name: value for name, value in environment.items() if name.lower() not in (*NAMES, 'no_proxy')}
    return kept | {each: place for name in NAMES for each in (name, name.upper())} | {'PIP_PROXY': place}


def keep(handed: socket.socket, request: Request) -> NoReturn:
    """Be the proxy, for as long as whom it serves; in a process of its own, which writes nothing."""
    _, handles, _, _ = socket.recv_fds(handed, 16, 1)
    if not handles:
        os._exit(0)  # there was nobody to be served
    for name in ('SSL_CERT_FILE', 'SSL_CERT_DIR'):  # of a proxy of the user's that is spoken to by TLS
        if name in request.environment:
            os.environ[name] = request.environment[name]
    import asyncio

    from stages.launch.proxy import Proxy, proxies_of

    limits(request.policy)
    if 'landlock' not in request.lacking:
        certificates = filter(None, (os.environ.get('SSL_CERT_FILE'), os.environ.get('SSL_CERT_DIR')))
        read = [*system.readable(own_processes=False), *RESOLVER, *certificates]
        landlock.restrict(read, (), system.DEVICES, network=True)
    proxy = Proxy(request.policy, proxies_of(request.environment))
    asyncio.run(proxy.serve(socket.socket(fileno=handles[0])))
    os._exit(0)
