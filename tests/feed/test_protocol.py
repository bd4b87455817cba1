"""What a client may say on its socket, and how it is answered."""

from __future__ import annotations

import pytest

from tests.support.sockets import listening

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("here")]


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
