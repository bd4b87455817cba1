"""Messages leave for addresses of the open internet, and for the one that was judged."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

import httpcore
import pytest

from gamification.webhooks import addresses
from gamification.webhooks.addresses import Forbidden, PinnedBackend, is_open, literal
from tests.support.webhook_receiver import receiving

CLOSED = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("text", CLOSED)
def test_an_address_that_is_not_of_the_open_internet_is_refused(text: str) -> None:
    assert not is_open(ip_address(text), [])


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700::1", "::ffff:1.1.1.1"])
def test_any_other_is_taken(text: str) -> None:
    assert is_open(ip_address(text), [])


def test_a_deployment_may_allow_networks_of_its_own() -> None:
    allowed = [ip_network("10.0.0.0/8")]
    assert is_open(ip_address("10.1.2.3"), allowed)
    assert is_open(ip_address("::ffff:10.1.2.3"), allowed)
    assert not is_open(ip_address("127.0.0.1"), allowed)


def test_only_what_every_resolver_takes_for_an_address_is_judged_by_its_text() -> None:
    assert literal("[::1]") == ip_address("::1")
    assert literal("127.1") is None


def connect(host: str, port: int, *allowed: str) -> None:
    async def connected() -> None:
        stream = await PinnedBackend(map(ip_network, allowed)).connect_tcp(host, port, 1.0)
        await stream.aclose()

    asyncio.run(connected())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "::1"])
def test_however_this_machine_is_spelt_nothing_is_connected(host: str) -> None:
    with receiving() as receiver:
        with pytest.raises((Forbidden, httpcore.ConnectError)):
            connect(host, receiver.port)
        assert receiver.received == []


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that says something else each time it is asked is asked once."""
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]]
    asked: list[str] = []

    async def resolve(self: Any, host: str, port: int, **how: Any) -> Any:
        asked.append(host)
        return answers.pop()

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)
    judged: list[str] = []

    def judge(address: addresses.Address, allowed: Iterable[addresses.Network]) -> bool:
        judged.append(str(address))
        return is_open(address, allowed)

    monkeypatch.setattr(addresses, "is_open", judge)
    with receiving() as receiver:
        connect("rebinding.example", receiver.port, "127.0.0.1/32")
    assert judged == ["127.0.0.1"]
    assert asked[0] == "rebinding.example"
    assert "rebinding.example" not in asked[1:]


def test_a_name_that_leads_to_both_leads_to_the_open_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in ("10.0.0.1", "127.0.0.1")]

    async def resolve(self: Any, host: str, port: int, **how: Any) -> Any:
        return found if host == "both.example" else [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)
    with receiving() as receiver:
        connect("both.example", receiver.port, "127.0.0.0/8")
