"""The outermost layer of the application: the client's address, host and scheme, as trusted proxies forward them.

`X-Forwarded-For`, `-Proto` and `-Host` are what a proxy says of the client it speaks for. Anybody can send them, so
they count only from an address in TRUSTED_PROXIES.

In production everything counts as HTTPS, whoever says what: TLS ends in front of this process, and a link that a server
follows with its key must not lead it out of TLS.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings

Scope = dict[str, Any]
Network = IPv4Network | IPv6Network


class Proxies:
    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        await self._application(seen_through(scope, settings.TRUSTED_PROXIES), receive, send)


def seen_through(scope: Scope, trusted: Collection[Network]) -> Scope:
    """The scope as it would be without the proxies in between."""
    seen = dict(scope)
    if settings.PRODUCTION and scope["type"] == "http":
        seen["scheme"] = "https"
    client = (scope.get("client") or ("", 0))[0]
    if not _is_among(client, trusted):
        return seen
    said = {name: b",".join(v for n, v in scope["headers"] if n == name).decode("latin-1") for name in FORWARDED}
    if not settings.PRODUCTION and (scheme := _last(said[b"x-forwarded-proto"])) in ("http", "https"):
        seen["scheme"] = scheme if scope["type"] == "http" else scheme.replace("http", "ws")
    if host := _last(said[b"x-forwarded-host"]):
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        seen["headers"] = [(b"host", host.encode("latin-1")), *others]
    for address in reversed(said[b"x-forwarded-for"].split(",")):
        client = _address(address)
        if client is None:  # the chain is broken: what stands before it cannot be believed
            break
        seen["client"] = (str(client), 0)
        if not _is_among(str(client), trusted):
            break
    return seen


FORWARDED = (b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-for")


def _last(said: str) -> str:
    """What the nearest proxy said; those before it may be the client's own words."""
    return said.rpartition(",")[2].strip()


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Of `1.2.3.4`, `1.2.3.4:5678`, `2001:db8::1`, `[2001:db8::1]:5678`."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _is_among(text: str, networks: Collection[Network]) -> bool:
    address = _address(text) if networks else None
    return address is not None and any(address in network for network in networks)
