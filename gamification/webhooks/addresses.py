"""Which addresses messages may be sent to.

Whoever may set up an endpoint chooses where this service connects to, from inside its network. So a message leaves only
for an address of the open internet, or for one that WEBHOOK_ALLOW_SUBNETS names. The *address* is judged, when it is
connected to, and it is that very address which is connected to: a name that pointed elsewhere when it was looked up
before (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_EMBEDDING = [ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")]
"""IPv6 networks whose addresses stand for an IPv4 address, which a gateway connects to: NAT64, 6to4, Teredo."""


class Forbidden(Exception):
    """The address is none that messages may go to."""


def is_open(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether a message may be sent to this address."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if any(address in network for network in _EMBEDDING if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def literal(host: str) -> Address | None:
    """The address that a URL's host spells out; None: it is a name. Spellings that only some resolvers know (`127.1`,
    `0x7f.1`, `2130706433`) are names here, and judged by what they are resolved to."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the first address of a host that may be connected to, and to no other."""

    def __init__(self, allowed: Iterable[Network]) -> None:
        self._allowed = list(allowed)
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface says so
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            raise httpcore.ConnectError(f"{host} is not known: {problem}") from problem
        failure: Exception | None = None
        addresses = [ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        for address in dict.fromkeys(addresses):
            if not is_open(address, self._allowed):
                continue
            try:
                return await self._backend.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as problem:
                failure = problem
        raise failure or Forbidden(f"{host} leads to no address that messages may be sent to.")

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        raise Forbidden("Messages are not sent to sockets of files.")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)
