"""What a player's socket is told by itself: every message once, to the right player, and progress now and then."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from pytest_django import Settings

from gamification.feed.hub import Hub
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.web.tokens import Token
from tests.support.callers import player
from tests.support.content import achievement, metric, publish, requirement
from tests.support.sockets import Client, HandClock, a_hub, apart, assert_silence, kill, listening, token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("here")]


SOON = timedelta(seconds=1.5)


async def test_hello_names_the_newest_message_and_later_ones_follow_by_themselves() -> None:
    await kill("ann", 3)
    async with listening("ann") as (ann, last_seq):
        assert last_seq == 3
        await kill("ann")
        assert await ann.hear_kept() == {
            "seq": 4,
            "type": "achievement.completed",
            "player_id": "ann",
            "data": {"id": "each", "title": "Each", "points": 10, "rewards": []},
            "timestamp": "2026-11-20T12:00:00Z",
        }


async def test_a_message_is_the_same_as_rest_shows_it() -> None:
    await kill("ann", 12)
    async with listening("ann") as (ann, _):
        await ann.say("resume", after=0)
        heard = [await ann.hear_kept() for _ in range(13)]
    shown = (await apart(player("ann").get, "/api/v1/players/me/messages")).json()["results"]
    assert heard == [{name: value for name, value in row.items() if name != "is_read"} for row in shown]


async def test_five_hundred_completions_at_once_are_told_one_by_one() -> None:
    await apart(lambda: publish(*(achievement(f"a-{n}", requirement("COUNT", "kills", 1)) for n in range(500))))
    async with listening("ann") as (ann, _):
        await kill("ann")
        assert await ann.numbers(501) == list(range(1, 502))  # and the one of each kill
        await ann.say("resume", after=0)
        assert await ann.numbers(501) == list(range(1, 502))
        assert (await ann.hear_kept())["type"] == "resumed"


async def test_nobody_hears_of_another_player() -> None:
    async with listening("ann") as (ann, _), listening("bob") as (bob, _):
        await kill("bob", 12)
        assert await bob.numbers(13) == list(range(1, 14))
        await ann.say("resume", after=0)
        assert await ann.hear() == {"type": "resumed", "data": {"last_seq": 0}}
        await assert_silence(ann)


async def test_all_sockets_of_a_player_hear_the_same() -> None:
    async with listening("ann") as (one, _), listening("ann") as (other, _):
        await kill("ann", 3)
        assert await one.numbers(3) == await other.numbers(3) == [1, 2, 3]


async def test_what_happens_while_a_player_comes_in_is_told_once() -> None:
    for round_ in range(10):
        posting = asyncio.ensure_future(kill(f"p{round_}", 2))
        async with listening(f"p{round_}") as (client, last_seq):
            await posting
            if last_seq < 2:
                assert await client.numbers(2) == list(range(last_seq + 1, 3))
            await client.say("ping")
            assert await client.hear_kept() == {"type": "pong"}


async def test_a_hint_that_got_lost_is_made_up_for(settings: Any) -> None:
    async with listening("ann") as (ann, _):
        settings.ENABLE_REAL_TIME = False  # for whoever commits: as if it had died before it could tell
        await kill("ann", 3)
        settings.ENABLE_REAL_TIME = True
        await assert_silence(ann)
        assert await ann.hear_kept(within=10)
        assert await ann.numbers(3) == [2, 3]


async def test_a_message_that_was_known_of_and_not_told_is_made_up_for(settings: Any, here: Hub) -> None:
    async with listening("ann") as (ann, _):
        settings.ENABLE_REAL_TIME = False
        await kill("ann", 3)
        settings.ENABLE_REAL_TIME = True
        here.presence.listeners["ann"].last_seq = 3
        assert await ann.hear_kept(within=10)
        assert await ann.numbers(3) == [2, 3]


async def test_a_socket_that_fails_costs_nobody_else_a_message(here: Hub) -> None:
    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    def push(text: str) -> bool:
        if "seq" in json.loads(text):
            raise ValueError("broken")
        return True

    broken = here.enter(Token("ann", datetime.now(UTC) + SOON * 9, 0), send, push)
    await here.let_in(broken)
    async with listening("ann") as (ann, _), listening("bob") as (bob, _):
        await kill("ann", 2)
        await kill("bob", 2)
        assert await ann.numbers(2) == await bob.numbers(2) == [1, 2]
    assert said == [{"type": "websocket.close", "code": 1011, "reason": "internal_error"}]
    here.leave(broken)


async def test_a_hint_of_what_is_not_there_changes_nothing(here: Hub) -> None:
    await kill("ann", 2)
    async with listening("ann") as (ann, _):
        here.hear({"ann": 99}, {"ann": ["never"]}, {}, {})
        await assert_silence(ann)
        await kill("ann")
        assert await ann.numbers(3) == [3]


async def test_progress_is_told_without_a_number_and_of_what_is_unfinished_only() -> None:
    async with listening("ann") as (ann, _):
        await kill("ann", 5)
        assert await ann.numbers(5)
        told = [await ann.hear() for _ in range(2)]
        assert {(m["type"], m["data"]["id"], m["data"]["progress"]) for m in told} == {
            ("achievement.progressed", "ten", 0.5),
            ("achievement.progressed", "hundred", 0.05),
        }
        assert {frozenset(m) for m in told} == {frozenset({"type", "player_id", "data", "timestamp"})}
        await kill("ann", 5)
        heard = [await ann.hear() for _ in range(7)]
        assert [m["data"]["id"] for m in heard if m["type"] == "achievement.progressed"] == ["hundred"]


async def test_progress_is_told_once_a_second_at_most_and_the_newest_wins() -> None:
    """By a clock that the test moves on: 30 kills in 2.4 seconds of it."""
    clock = HandClock()
    async with a_hub(clock), listening("ann") as (ann, _):
        told: list[tuple[datetime, float]] = []

        async def hear_what_is_told() -> None:
            while not told or told[-1][1] != 0.3:
                message = await ann.hear(60)
                if message["data"].get("id") == "hundred":
                    told.append((parse_instant(message["timestamp"]), message["data"]["progress"]))

        hearing = asyncio.ensure_future(hear_what_is_told())
        for _ in range(30):
            await kill("ann")
            clock.move_on(0.08)
        while not hearing.done():
            clock.move_on(0.08)
            await asyncio.sleep(0)
        await hearing
        values = [value for _, value in told]
        assert values == sorted(set(values))
        assert len(told) > 1
        assert all(later - earlier >= timedelta(seconds=1) for (earlier, _), (later, _) in pairwise(told))


async def test_a_secret_shows_no_progress_and_its_unlocking_like_any_other() -> None:
    async with listening("ann") as (ann, _):
        heard: list[dict[str, Any]] = []

        async def hear_until(holds: Callable[[dict[str, Any]], bool]) -> None:
            while not heard or not holds(heard[-1]):
                heard.append(await ann.hear())

        for turn in range(1, 5):
            await kill("ann", 12)
            await hear_until(lambda message: message["data"] == {"id": "hundred", "progress": 0.12 * turn})  # noqa: B023
        await kill("ann", 2)
        await hear_until(lambda message: message["data"].get("id") == "dull-7")
        assert [m["type"] for m in heard if "dull-7" in json.dumps(m)] == ["achievement.completed"]
        assert [m for m in heard if m["type"] == "achievement.progressed" and m["data"]["id"] == "hundred"]


async def test_what_waits_for_an_achievement_comes_forward_when_that_is_completed() -> None:
    target = {"type": "ACHIEVEMENT", "target": "ten"}
    await apart(publish, metric("naps", "nap"), achievement("both", target, requirement("COUNT", "naps", 9)))
    async with listening("ann") as (ann, _):
        await kill("ann", 10)
        while (message := await ann.hear())["data"].get("progress", 0) < 0.5:
            pass
        assert message["data"] == {"id": "both", "progress": 0.5}


async def test_however_many_sockets_one_thread_asks_the_database() -> None:
    before = {thread for thread in threading.enumerate() if not thread.name.startswith("feed")}
    clients = [Client(token(f"p{n}")) for n in range(60)]
    for client in clients:
        await client.connect()
    assert {(await client.hear())["type"] for client in clients} == {"hello"}
    await apart(lambda: [None])
    for n in range(0, 60, 20):
        await kill(f"p{n}", 2)
    for n in range(0, 60, 20):
        assert await clients[n].numbers(2) == [1, 2]
    asking = [thread.name for thread in threading.enumerate() if thread not in before]
    assert len([name for name in asking if name.startswith("feed")]) == 1
    for client in clients:
        await client.go()


async def test_of_too_many_sockets_of_one_player_the_oldest_is_closed(settings: Settings) -> None:
    settings.WS_MAX_PER_PLAYER = 2
    anns = listening("ann"), listening("ann"), listening("ann")
    async with listening("bob") as (bob, _), anns[0] as (first, _), anns[1] as (second, _), anns[2] as (third, _):
        assert await first.farewell() == (4410, "too_many_connections")
        await kill("ann")
        await kill("bob")
        assert await second.numbers(1) == await third.numbers(1) == await bob.numbers(1) == [1]
