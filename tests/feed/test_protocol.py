"""What is said on a player's socket, by whom, and when it is closed. One process; the layer is the deployment's."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import jwt
import pytest
from django.conf import settings as conf
from pytest_django import Settings

from gamification.feed.connection import Farewell
from gamification.feed.hub import Hub
from gamification.feed.models import Message
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.web.tokens import TOKEN_LIFETIME, Token
from tests.support.callers import game_server, player
from tests.support.content import achievement, metric, publish, requirement
from tests.support.sockets import Client, HandClock, a_game, a_hub, apart, kill, listening, token

pytestmark = [pytest.mark.django_db(transaction=True)]

SOON = timedelta(seconds=1.5)


@pytest.fixture(autouse=True)
async def here() -> AsyncIterator[Hub]:
    await apart(a_game)
    async with a_hub() as here:
        yield here


async def forget(player_id: str, upto: int) -> None:
    await apart(lambda: Message.objects.filter(player_id=player_id, seq__lte=upto).delete())


async def assert_silence(client: Client, seconds: float = 0.4) -> None:
    """Nothing that is kept comes."""
    while not await client.receive_nothing(seconds):
        assert (await client.hear())["type"] == "achievement.progressed"


# -- messages ----------------------------------------------------------------------------------------------------------


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


async def test_five_hundred_completions_at_once_are_told_one_by_one() -> None:
    await apart(lambda: publish(*(achievement(f"a-{n}", requirement("COUNT", "kills", 1)) for n in range(500))))
    async with listening("ann") as (ann, _):
        await kill("ann")
        assert await ann.numbers(501) == list(range(1, 502))  # and the one of each kill
        await ann.say("resume", after=0)
        assert await ann.numbers(501) == list(range(1, 502))
        assert (await ann.hear_kept())["type"] == "resumed"


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


# -- progress ----------------------------------------------------------------------------------------------------------


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


# -- what a client says ------------------------------------------------------------------------------------------------


async def test_a_ping_is_answered_with_a_pong() -> None:
    async with listening("ann") as (ann, _):
        await ann.say("ping")
        assert await ann.hear() == {"type": "pong"}


NONSENSE = [
    ("", "bad_json"),
    ("{", "bad_json"),
    ('"\\ud800"', "bad_json"),
    ("[]", "invalid"),
    ("{}", "invalid"),
    ('{"type": 1}', "invalid"),
    ('{"type": "subscribe", "player_id": "bob"}', "unknown_type"),
    ('{"type": "resume"}', "invalid"),
    ('{"type": "resume", "after": "0"}', "invalid"),
    ('{"type": "resume", "after": true}', "invalid"),
    ('{"type": "resume", "after": -1}', "invalid"),
    ('{"type": "resume", "after": 1.0}', "invalid"),
    ('{"type": "resume", "after": 9223372036854775807}', "invalid"),
    ('{"type": "resume", "after": 0, "player_id": "bob"}', "unknown_field"),
    ('{"type": "ping", "id": 7}', "unknown_field"),
    ("[" * 30_000, "bad_json"),
]


async def test_anything_else_is_an_error_and_the_socket_goes_on() -> None:
    for text, code in NONSENSE:
        async with listening("ann") as (ann, _):
            await ann.send_text(text)
            answer = await ann.hear()
            assert answer["type"] == "error"
            assert set(answer["data"]) == {"code", "detail"}
            assert (text, answer["data"]["code"]) == (text, code)
            await ann.say("ping")
            assert await ann.hear() == {"type": "pong"}


async def test_bytes_are_an_error() -> None:
    async with listening("ann") as (ann, _):
        await ann.send_input({"type": "websocket.receive", "bytes": b'{"type": "ping"}'})
        assert (await ann.hear())["data"]["code"] == "bad_json"


async def test_after_ten_errors_it_is_closed() -> None:
    async with listening("ann") as (ann, _):
        for _ in range(9):
            await ann.send_text("?")
            assert (await ann.hear())["type"] == "error"
        await ann.say("ping")
        assert await ann.hear() == {"type": "pong"}
        await ann.send_text("?")
        assert (await ann.hear())["type"] == "error"
        assert await ann.farewell() == (1008, "too_many_errors")


# -- who may come in ---------------------------------------------------------------------------------------------------


def signed(key: str | None = None, algorithm: str = "HS256", **changes: Any) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {"sub": "ann", "iss": conf.TOKEN_ISSUER, "aud": conf.TOKEN_AUDIENCE, "iat": now, "exp": now + 60}
    return jwt.encode(claims | changes, conf.TOKEN_KEY if key is None else key, algorithm=algorithm)


async def test_without_a_token_that_is_good_here_one_is_closed_at_once() -> None:
    await kill("ann")
    for bearer, reason in [
        (None, "not_authenticated"),
        ("nonsense", "invalid_token"),
        (signed("another secret that is long enough"), "invalid_token"),
        (signed("", "none"), "invalid_token"),
        (signed(aud="another service"), "invalid_token"),
        (signed(iss="another issuer"), "invalid_token"),
        (signed(sub="me"), "invalid_token"),
        (signed(sub=".."), "invalid_token"),
        (signed(exp=99_999_999_999), "invalid_token"),
        (token("ann", datetime.now(UTC) - TOKEN_LIFETIME - timedelta(seconds=1)), "expired_token"),
    ]:
        client = Client(bearer)
        assert (await client.connect())["type"] == "websocket.accept"
        assert await client.receive_output() == {"type": "websocket.close", "code": 4401, "reason": reason}
        await client.say("resume", after=0)
        assert await client.receive_nothing()
        await client.go()


async def test_a_token_in_the_url_is_none() -> None:
    for name in ("token", "access_token", "authorization", "bearer"):
        client = Client(None, path=f"{conf.WS_PATH}?{name}={token('ann')}")
        await client.connect()
        assert await client.farewell() == (4401, "not_authenticated")
        await client.go()


async def test_an_api_key_opens_no_socket() -> None:
    client = Client(None, headers=[(b"authorization", b"Api-Key abc.def")])
    await client.connect()
    assert await client.farewell() == (4401, "not_authenticated")


async def test_a_browser_shows_its_token_as_a_subprotocol_and_is_answered_with_the_other_one() -> None:
    client = Client(None, subprotocols=["gamification.v1", f"bearer.{token('ann')}"])
    assert await client.connect() == {"type": "websocket.accept", "subprotocol": "gamification.v1"}
    assert (await client.hear())["type"] == "hello"
    await client.go()


async def test_a_subprotocol_is_not_answered_to_who_did_not_offer_it() -> None:
    client = Client(token("ann"))
    assert await client.connect() == {"type": "websocket.accept", "subprotocol": None}
    assert (await client.hear())["type"] == "hello"
    await client.go()


async def test_a_token_counts_beside_our_subprotocol_and_alone() -> None:
    bearer = f"bearer.{token('ann')}"
    for offered in ([bearer], ["gamification.v1"], ["gamification.v1", bearer, bearer]):
        client = Client(None, subprotocols=offered)
        await client.connect()
        assert await client.farewell() == (4401, "not_authenticated")
        await client.go()


async def test_a_page_of_another_origin_is_refused_before_the_handshake() -> None:
    for origin in (b"https://evil.example", b"null", b"http://localhost:3000.evil.example", b""):
        client = Client(token("ann"), headers=[(b"origin", origin)])
        assert (await client.connect())["type"] == "websocket.close"
    own = conf.ALLOWED_ORIGINS[0].encode()
    client = Client(token("ann"), headers=[(b"origin", own)])
    assert (await client.connect())["type"] == "websocket.accept"
    assert (await client.hear())["type"] == "hello"
    await client.go()


async def test_another_path_is_no_feed() -> None:
    for path in ("/", "/game-events/", "/other"):
        assert (await Client(token("ann"), path=path).connect())["type"] == "websocket.close"


async def test_a_token_that_ends_closes_the_socket() -> None:
    ending = Client(token("ann", datetime.now(UTC) - TOKEN_LIFETIME + SOON))
    await ending.connect()
    async with listening("ann") as (lasting, _):
        assert (await ending.hear())["type"] == "hello"
        assert await ending.farewell() == (4401, "expired_token")
        await lasting.say("ping")
        assert await lasting.hear() == {"type": "pong"}


async def test_a_ban_closes_the_players_sockets_at_once_and_keeps_them_out() -> None:
    server = await apart(game_server)
    async with listening("ann") as (one, _), listening("ann") as (other, _), listening("bob") as (bob, _):
        answer = await apart(server.patch, "/api/v1/players/ann", {"banned": True})
        assert answer.status_code == 200
        assert await one.farewell(within=2) == await other.farewell(within=2) == (4403, "banned")
        again = Client(token("ann"))
        await again.connect()
        assert await again.farewell() == (4403, "banned")
        await bob.say("ping")
        assert await bob.hear() == {"type": "pong"}


async def test_a_ban_whose_hint_got_lost_closes_the_sockets_a_little_later(settings: Any) -> None:
    server = await apart(game_server)
    async with listening("ann") as (ann, _):
        settings.ENABLE_REAL_TIME = False
        await apart(server.patch, "/api/v1/players/ann", {"banned": True})
        settings.ENABLE_REAL_TIME = True
        assert await ann.farewell(within=10) == (4403, "banned")


async def test_a_token_that_is_ended_closes_the_sockets_it_opened_and_opens_no_more() -> None:
    server = await apart(game_server)
    ended = token("ann")
    async with listening("ann") as (one, _), listening("ann") as (other, _), listening("bob") as (bob, _):
        assert (await apart(server.delete, "/api/v1/players/ann/token")).status_code == 204
        assert await one.farewell(within=2) == await other.farewell(within=2) == (4401, "revoked_token")
        again = Client(ended)
        await again.connect()
        assert await again.farewell() == (4401, "revoked_token")
        new = Client((await apart(server.post, "/api/v1/players/ann/token")).json()["token"])
        await new.connect()
        assert (await new.hear())["type"] == "hello"
        await new.go()
        await bob.say("ping")
        assert await bob.hear() == {"type": "pong"}


async def test_an_end_of_tokens_whose_hint_got_lost_closes_the_sockets_a_little_later(settings: Any) -> None:
    server = await apart(game_server)
    async with listening("ann") as (ann, _):
        settings.ENABLE_REAL_TIME = False
        await apart(server.delete, "/api/v1/players/ann/token")
        settings.ENABLE_REAL_TIME = True
        assert await ann.farewell(within=10) == (4401, "revoked_token")


async def test_a_token_from_before_a_ban_opens_no_socket_after_it() -> None:
    server, before = await apart(game_server), token("ann")
    for banned in (True, False):
        await apart(server.patch, "/api/v1/players/ann", {"banned": banned})
    again = Client(before)
    await again.connect()
    assert await again.farewell() == (4401, "revoked_token")


async def test_an_erased_player_is_closed_and_stays_out() -> None:
    server = await apart(game_server)
    await kill("ann")
    async with listening("ann") as (ann, _):
        assert (await apart(server.delete, "/api/v1/players/ann")).status_code == 204
        assert await ann.farewell(within=2) == (4403, "player_erased")
    again = Client(token("ann"))
    await again.connect()
    assert await again.farewell() == (4403, "player_erased")


async def test_more_sockets_than_a_node_may_hold_find_no_place_until_one_is_free(settings: Any, here: Hub) -> None:
    settings.WS_MAX_CONNECTIONS = 2
    async with listening("ann"):
        async with listening("bob") as (bob, _):
            third = Client(token("cat"))
            await third.connect()
            code, reason = await third.farewell()
            assert code == 4429
            assert 1 <= float(reason.removeprefix("retry-after=")) <= 10
            await third.go()
            await bob.go()
        async with listening("cat"):
            assert here.presence.count == 2
    assert here.presence.count == 0
    assert here.presence.listeners == {}


async def test_switched_off_there_is_no_feed_and_nobody_is_told(settings: Any) -> None:
    settings.ENABLE_REAL_TIME = False
    assert (await Client(token("ann")).connect())["type"] == "websocket.close"


# -- what it costs -----------------------------------------------------------------------------------------------------


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
