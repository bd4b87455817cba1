"""Requests with events that arrive while the broker confirms a message share the next one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from gamification.intake import shared_messages
from gamification.intake.shared_messages import SharedMessages
from gamification.kernel.core.origins import Runs


class Broker:
    """What messages are published to: it waits until it may confirm, and does not take what is named `bad`."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, Any]] = []
        self.began, self.may_confirm = asyncio.Event(), asyncio.Event()

    async def __call__(self, share: int, body: bytes, of: Runs) -> str:
        self.messages.append((share, json.loads(body)))
        self.began.set()
        await self.may_confirm.wait()
        if b"raise" in body:
            raise ValueError("bad")
        return "it is full" if b"bad" in body else ""


def run(play: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(play, 30))


def put(messages: SharedMessages, *names: str, share: int = 0) -> asyncio.Task[str]:
    body = json.dumps(names).encode()
    return asyncio.get_running_loop().create_task(messages.put(share, len(names), body))


async def behind_the_first(broker: Broker, *requests: tuple[str, ...]) -> list[str | BaseException]:
    """What each came to, which all arrived in this order while another's message was being confirmed."""
    messages = SharedMessages(broker, within=30)
    first = put(messages, "first")
    await broker.began.wait()
    tasks = [put(messages, *names) for names in requests]
    await asyncio.sleep(0)
    assert broker.messages == [(0, ["first"])]
    broker.may_confirm.set()
    assert await first == ""
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_who_comes_while_a_message_is_confirmed_shares_the_next_in_the_order_of_arrival() -> None:
    async def play() -> None:
        broker = Broker()
        assert await behind_the_first(broker, ("a",), ("b", "c"), ("d",)) == ["", "", ""]
        assert broker.messages == [(0, ["first"]), (0, ["a", "b", "c", "d"])]

    run(play())


def test_who_comes_alone_waits_for_nobody_and_so_does_the_next() -> None:
    async def play() -> None:
        broker = Broker()
        broker.may_confirm.set()
        messages = SharedMessages(broker, within=30)
        assert [await put(messages, name) for name in "ab"] == ["", ""]
        assert broker.messages == [(0, ["a"]), (0, ["b"])]

    run(play())


def test_each_share_has_a_message_of_its_own_under_way() -> None:
    async def play() -> None:
        broker = Broker()
        messages = SharedMessages(broker, within=30)
        tasks = [put(messages, name, share=share) for name, share in (("a", 0), ("b", 1), ("c", 0), ("d", 1))]
        await asyncio.sleep(0)
        broker.may_confirm.set()
        assert await asyncio.gather(*tasks) == [""] * 4
        assert {
            share: [name for of, names in broker.messages if of == share for name in names] for share in (0, 1)
        } == {
            0: ["a", "c"],
            1: ["b", "d"],
        }

    run(play())


def test_a_message_holds_no_more_than_workers_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_messages, "MAX_EVENTS", 3)
    monkeypatch.setattr(shared_messages, "MAX_BODY", 40)

    async def play() -> None:
        broker = Broker()
        await behind_the_first(broker, ("a", "b"), ("c", "d"), ("e",), ("f",), ("x" * 20,), ("y" * 20,))
        assert [names for _, names in broker.messages] == [
            ["first"], ["a", "b"], ["c", "d", "e"], ["f", "x" * 20], ["y" * 20],
        ]  # fmt: skip

    run(play())


def test_all_of_a_message_hear_why_it_was_not_taken_and_the_next_goes_on() -> None:
    async def play() -> None:
        broker = Broker()
        assert await behind_the_first(broker, ("a",), ("bad",)) == ["it is full", "it is full"]
        came_to = await behind_the_first(Broker(), ("a",), ("raise",))
        assert [type(each) for each in came_to] == [ValueError, ValueError]

    run(play())


def test_who_waits_no_longer_costs_the_others_nothing() -> None:
    async def play() -> None:
        broker = Broker()
        messages = SharedMessages(broker, within=30)
        first, gone, stays = (put(messages, name) for name in ("first", "gone", "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        broker.may_confirm.set()
        assert [await first, await stays] == ["", ""]

    run(play())


def test_nobody_waits_longer_than_said_for_a_message_or_for_those_before_it() -> None:
    async def play() -> None:
        broker = Broker()
        messages = SharedMessages(broker, within=0.05)
        under_way, behind = put(messages, "a"), put(messages, "b")
        for each in (under_way, behind):
            with pytest.raises(TimeoutError):
                await each
        broker.may_confirm.set()
        assert await put(messages, "c") == ""

    run(play())
