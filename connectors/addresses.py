"""Which network addresses we connect to on behalf of a catalogue (SSRF guard)."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from studio.errors import FetchFailed, FetchRefused

_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_6TO4 = IPv6Network("2002::/16")


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Addresses of a host, each safe to connect to. One private address among public ones refuses the host: that is rebinding.

    The system resolver also reads the odd spellings (`127.1`, `0x7f000001`, `2130706433`), so what is checked is what is used.
    Raises FetchFailed when the name does not resolve, FetchRefused for an address that is not public.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed(f"{host}: the name does not resolve ({error})") from None
    addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
    for address in addresses:
        if not allow_private and not is_public(address):
            raise FetchRefused(f"{host}: {address} is not a public address")
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also after unwrapping IPv4 inside IPv6 (mapped, NAT64, 6to4).

    Everything the IANA special-purpose registries do not call global is private here: loopback, link-local, RFC 1918, CGNAT,
    benchmarking, documentation, unique-local; and so are multicast, reserved and unspecified addresses.
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if inner := _embedded(ip):
            return is_public(str(inner))
        if ip in _LOCAL_NAT64 or ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback or ip.is_link_local)


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in _6TO4:
        return IPv4Address(int(ip) >> 80 & 0xFFFFFFFF)
    return ip.ipv4_mapped
