"""What a client that resumes is told: every later message in order, or that they are no longer kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gamification.feed.connection import Farewell
from gamification.feed.hub import HELLO_HOLDS, Hub
from gamification.feed.models import Message
from tests.support.sockets import HandClock, a_hub, apart, kill, listening

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("here")]


async def forget(player_id: str, upto: int) -> None:
    await apart(lambda: Message.objects.filter(player_id=player_id, seq__lte=upto).delete())


async def test_resume_tells_every_later_message_in_order_and_says_when_it_is_done() -> None:
    await kill("ann", 250)  # and ten, fifty, a hundred: three more
    async with listening("ann") as (ann, last_seq):
        assert last_seq == 253
        await ann.say("resume", after=20)
        assert await ann.numbers(253) == list(range(21, 254))
        assert await ann.hear_kept() == {"type": "resumed", "data": {"last_seq": 253}}
        await kill("ann", 2)
        assert await ann.numbers(255) == [254, 255]


async def test_resume_from_the_newest_has_nothing_to_tell() -> None:
    await kill("ann", 2)
    async with listening("ann") as (ann, _):
        await ann.say("resume", after=2)
        assert await ann.hear_kept() == {"type": "resumed", "data": {"last_seq": 2}}


async def test_what_comes_while_a_resume_finds_nothing_is_told_after_it(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Its hint is heard before the answer; the clock stands still, so nobody is looked at for lost hints."""
    async with a_hub(HandClock()) as here, listening("ann") as (ann, _):
        ask, was_read, may_go_on = here._reader.ask, asyncio.Event(), asyncio.Event()

        async def held_up(question: Callable[..., Any], *arguments: Any) -> Any:
            answer = await ask(question, *arguments)
            was_read.set()
            await may_go_on.wait()
            return answer

        [connection] = here.presence.listeners["ann"].connections
        connection.let_in_at -= HELLO_HOLDS  # what was read for its hello does not answer any more
        monkeypatch.setattr(here._reader, "ask", held_up)
        await ann.say("resume", after=0)
        await was_read.wait()
        settings.ENABLE_REAL_TIME = False  # the hint is given by hand
        await kill("ann")
        here.hear({"ann": 1}, {}, {}, {})
        may_go_on.set()
        assert await ann.hear_kept() == {"type": "resumed", "data": {"last_seq": 0}}
        assert await ann.numbers(1) == [1]


async def test_a_player_never_seen_is_at_0() -> None:
    async with listening("nobody") as (nobody, last_seq):
        assert last_seq == 0
        await nobody.say("resume", after=0)
        assert await nobody.hear_kept() == {"type": "resumed", "data": {"last_seq": 0}}
        await kill("nobody")
        assert await nobody.numbers(1) == [1]


async def test_resume_may_be_said_again_and_tells_all_of_it_again() -> None:
    await kill("ann", 3)
    async with listening("ann") as (ann, _):
        for after, numbers in ((0, [1, 2, 3]), (1, [2, 3])):
            await ann.say("resume", after=after)
            assert await ann.numbers(3) == numbers
            assert (await ann.hear_kept())["type"] == "resumed"


async def test_what_is_no_longer_kept_is_a_resync_and_later_messages_go_on() -> None:
    await kill("ann", 9)
    await forget("ann", 5)
    async with listening("ann") as (ann, _):
        for after in (2, 4):
            await ann.say("resume", after=after)
            assert await ann.hear_kept() == {"type": "resync", "data": {"last_seq": 9}}
        await kill("ann", 1)  # the tenth: and an achievement
        assert await ann.numbers(11) == [10, 11]


async def test_the_oldest_that_is_kept_is_no_resync() -> None:
    await kill("ann", 9)
    await forget("ann", 5)
    async with listening("ann") as (ann, _):
        await ann.say("resume", after=5)
        assert await ann.numbers(9) == [6, 7, 8, 9]


async def test_more_than_the_thousand_that_are_kept_is_a_resync_even_before_the_clock_forgets_them() -> None:
    await kill("ann", 1000)
    async with listening("ann") as (ann, last_seq):
        assert last_seq == 1003
        await ann.say("resume", after=2)
        assert await ann.hear_kept() == {"type": "resync", "data": {"last_seq": 1003}}
        await ann.say("resume", after=3)
        assert await ann.numbers(1003) == list(range(4, 1004))


async def test_who_resumes_too_often_waits_for_the_answer_and_gets_it() -> None:
    await kill("ann", 2)
    async with listening("ann") as (ann, _):
        began = asyncio.get_running_loop().time()
        for after in (0, 1) * 6:
            await ann.say("resume", after=after)
        await ann.say("ping")
        heard = [await ann.hear_kept() for _ in range(6 * 3 + 6 * 2)]
        assert [message["seq"] for message in heard if "seq" in message] == [1, 2, 2] * 6  # all of them, in order
        assert 1.5 < asyncio.get_running_loop().time() - began < 10
        assert await ann.hear_kept() == {"type": "pong"}


async def test_who_is_closed_meanwhile_does_not_wait_for_its_turn(here: Hub) -> None:
    async with listening("ann") as (ann, _):
        for _ in range(100):
            await ann.say("resume", after=0)
        while (await ann.hear())["type"] != "resumed":
            pass
        [connection] = here.presence.listeners["ann"].connections
        connection.close(Farewell(4408, "slow_client"))
        assert await ann.farewell() == (4408, "slow_client")


async def test_a_number_that_was_never_given_is_a_resync() -> None:
    await kill("ann", 3)
    async with listening("ann") as (ann, _):
        await ann.say("resume", after=4)
        assert await ann.hear_kept() == {"type": "resync", "data": {"last_seq": 3}}
        await kill("ann")
        assert await ann.numbers(4) == [4]
