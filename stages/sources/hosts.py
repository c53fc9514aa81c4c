"""Whether an address means this machine or its own network, which a recipe from a stranger has no business with."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from stages.confine.addresses import Address, is_open


def is_local(url: str) -> bool:
    """Say whether the host of ``url`` is this machine by name, or an address that is not of the open network.

    Addresses in any spelling that a resolver takes: 127.1, 0x7f000001, 2130706433. What a name leads to is not asked.
    """
    host = (urlsplit(url).hostname or '').rstrip('.').lower()
    if host == 'localhost' or host.endswith(('.localhost', '.local', '.internal')):
        return True
    try:
        address: Address = ipaddress.ip_address(host)
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return False
    return not is_open(address)
