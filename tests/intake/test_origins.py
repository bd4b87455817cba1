"""A fact says which request led to it, and the trace that it is part of, whichever way the event came."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import httpx
import pytest
from django.utils import timezone

from gamification.asgi import application
from gamification.intake import handover
from gamification.intake.amqp import Batch, Message
from gamification.intake.decoding import decode
from gamification.intake.worker import count
from gamification.kernel.core import origins, request_ids
from gamification.kernel.core.encoding import dumps
from gamification.kernel.core.logs import Line
from gamification.kernel.core.origins import Origin
from gamification.kernel.messaging import topology
from gamification.kernel.messaging.amqp_reading import body_of
from gamification.kernel.models import OutboxFact
from gamification.kernel.web.access import create_key
from gamification.settings.logs import LOGGING
from tests.support.content import achievement, metric, publish, requirement
from tests.support.rabbit import Listener

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203332-00"
SAID = {"type": "enemy.killed", "data": {}, "timestamp": "2026-05-01T12:00:00Z"}


def first_kill() -> None:
    """Whoever kills for the first time completes an achievement, and with it, in the next round, another."""
    publish(
        metric("kills"),
        metric("done", "achievement.completed"),
        achievement("first", requirement("COUNT", "kills", 1)),
        achievement("again", requirement("COUNT", "done", 1)),
    )


def told() -> set[tuple[str, str, str]]:
    return set(OutboxFact.objects.values_list("player_id", "request_id", "traceparent"))


@pytest.mark.django_db(transaction=True)
def test_of_requests_that_share_a_commit_each_is_named_by_its_own_facts() -> None:
    first_kill()
    headers = {"Authorization": f"Api-Key {create_key('game', ['events:write', 'players:write'])[1]}"}

    async def play() -> None:
        transport = httpx.ASGITransport(cast(Any, application))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:

            async def kill(player: str, **more: str) -> None:
                event = {"id": "e", "player_id": player, **SAID}
                answer = await client.post("/api/v1/events", json=event, headers=more)
                assert answer.status_code == 200

            await kill("ann", **{"X-Request-ID": "by-django", "traceparent": TRACE})  # the key is not known yet
            await asyncio.gather(
                kill("bob", **{"X-Request-ID": "r-1", "traceparent": TRACE}),
                kill("cid", **{"X-Request-ID": "r-2", "traceparent": OTHER}),
                kill("dan", **{"X-Request-ID": "r-3", "traceparent": "00-not-a-trace"}),
            )

    asyncio.run(play())
    assert told() == {("ann", "by-django", TRACE), ("bob", "r-1", TRACE), ("cid", "r-2", OTHER), ("dan", "r-3", "")}


@pytest.mark.rabbitmq
@pytest.mark.django_db(transaction=True)
def test_it_goes_through_rabbitmq_with_the_events_and_leaves_with_the_facts(exchange: str) -> None:
    first_kill()
    with Listener() as listener:
        origins.current.set(Origin("r-1", TRACE))
        try:
            handover.hand_over(decode(dumps({"id": "e", "player_id": "ann", **SAID}).encode(), now=timezone.now()))
        finally:
            origins.current.set(None)
        [message] = listener.take(1, topology.events().name)
    batch = Batch()
    batch.add(Message.read(body_of(message), now=timezone.now(), headers=message.headers), 1)
    batch.settle(count, lambda letter: None)
    assert told() == {("ann", "r-1", TRACE)}


@pytest.mark.django_db
def test_a_game_server_says_it_in_the_headers_of_its_own_message() -> None:
    first_kill()
    body = dumps([{"id": "e", "player_id": player, **SAID} for player in ("ann", "bob")]).encode()
    batch = Batch()
    batch.add(Message.read(body, now=timezone.now(), headers={"traceparent": TRACE, "x-request-id": "r-9"}), 1)
    batch.settle(count, lambda letter: None)
    assert told() == {("ann", "r-9", TRACE), ("bob", "r-9", TRACE)}


def test_several_requests_in_one_message_are_told_apart() -> None:
    of = [Origin("r-1", TRACE), Origin("r-1", TRACE), None, Origin("r-2", "")]
    assert origins.of_message(origins.header(origins.runs(of)), 4) == of
    assert origins.header(origins.runs([None, None])) == {}


def many() -> list[Origin | None]:
    """As many requests as a message may have events, each of which says as much as it may."""
    return [Origin(f"{number:064d}", f"00-{number + 1:032x}-b7ad6b7169203331-01") for number in range(1_000)]


def test_of_more_requests_than_a_header_holds_the_first_are_told() -> None:
    of = many()
    header = origins.header(origins.runs(of))
    assert len(header["x-origins"]) <= origins.MAX_HEADER
    read = origins.of_message(header, 1_000)
    known = read.index(None)
    assert known > 400
    assert read == of[:known] + [None] * (1_000 - known)


@pytest.mark.rabbitmq
def test_a_message_of_very_many_requests_arrives(exchange: str) -> None:
    body = dumps([{"id": f"e{number}", "player_id": "ann", **SAID} for number in range(1_000)]).encode()
    with Listener() as listener:
        why = asyncio.run(handover._published(0, body, origins.runs(many())))
        assert why == ""
        [message] = listener.take(1, topology.events().name)
    assert origins.of_message(message.headers, 1_000)[0] == many()[0]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-origins": 7},
        {"x-origins": "[["},
        {"x-origins": "\ud800"},
        {"x-origins": '[[1000000000,"r-1",""]]'},
        {"x-origins": '[[3,"r-1",""],[-1,"r-2",""]]'},
        {"x-origins": '[[2,"line\\nbreak","00-0-0-0"]]'},
        {"x-request-id": b"bytes", "traceparent": {"a": 1}},
        {"x-request-id": "x" * 65},
    ],
)
def test_headers_that_say_nothing_sensible_say_nothing(headers: dict[str, Any]) -> None:
    assert origins.of_message(headers, 2) == [None, None]


def test_a_line_in_the_log_names_the_request_that_is_answered() -> None:
    line = Line(LOGGING["formatters"]["line"]["format"], style="{")  # type: ignore[index]
    record = logging.LogRecord("app", logging.INFO, "", 0, "hello", (), None)
    token = request_ids.current.set("")
    try:
        assert "request=" not in line.format(record)
        request_ids.current.set("r-1")
        assert "logger=app request=r-1 message='hello'" in line.format(record)
    finally:
        request_ids.current.reset(token)
