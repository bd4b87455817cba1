"""Who is let in at the socket, and who is closed, with which code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as conf

from gamification.feed.hub import Hub
from gamification.kernel.web.tokens import TOKEN_LIFETIME
from tests.support.callers import game_server
from tests.support.sockets import Client, apart, kill, listening, token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("here")]


SOON = timedelta(seconds=1.5)


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
