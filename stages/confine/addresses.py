"""Whether an address is of the open network, or of this machine and its own."""

from __future__ import annotations

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64: Final = ipaddress.IPv6Network('64:ff9b::/96')
"""The prefix by which IPv6 reaches hosts of IPv4 (RFC 6052)."""


def is_open(address: Address) -> bool:
    """Say whether ``address`` leads to the open network, also as one of IPv4 that an address of IPv6 carries."""
    carried = _carried(address)
    return all(each.is_global and not each.is_multicast for each in (carried or (address,)))


def _carried(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    if address in NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    found = address.ipv4_mapped or address.sixtofour
    return (found,) if found else address.teredo or ()
