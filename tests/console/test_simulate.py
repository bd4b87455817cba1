from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import httpx
import pytest
import time_machine
from asgiref.sync import async_to_sync
from pytest_django import Settings

from gamification.asgi import application
from gamification.console import packs
from gamification.console.management.commands import simulate
from gamification.console.sample import CONTENT, service
from gamification.console.sample.errands import Errands
from gamification.console.sample.play import Flatwalker
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.web.access import create_key
from quests.models import Run


async def test_a_batch_without_an_answer_is_sent_again_with_the_same_ids() -> None:
    arrived: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        arrived.append(request.content)
        if len(arrived) == 1:
            raise httpx.ReadError("the answer was lost")
        if len(arrived) == 2:
            return httpx.Response(503, headers={"Retry-After": "0"})
        events = json.loads(request.content)["events"]
        return httpx.Response(200, json={"accepted": 0, "duplicates": len(events), "rejected": [], "results": {}})

    counts = service.Counts()
    async with httpx.AsyncClient(base_url="http://game", transport=httpx.MockTransport(answer)) as http:
        await service.send(counts, http, [{"id": "1"}, {"id": "2"}])
    assert arrived[0] == arrived[1] == arrived[2]
    assert (counts.sent, counts.duplicates, counts.retries, counts.lost) == (2, 2, 2, 0)


def test_the_same_seed_plays_the_same_moves() -> None:
    def moves(seed: int) -> list[tuple[str, str, object]]:
        servers = simulate.game_servers(9, random.Random(seed), service.Counts())
        now = datetime(2026, 1, 1, tzinfo=UTC)
        for server in servers:
            for _ in range(100):
                server.move(now)
        return [(event["player_id"], event["type"], event["data"]) for server in servers for event in server.outbox]

    assert moves(1) == moves(1)
    assert moves(1) != moves(2)


def test_a_player_logs_in_before_anything_else_and_never_meets_themselves() -> None:
    [server] = simulate.game_servers(1, random.Random(3), service.Counts())
    for _ in range(300):
        server.move(datetime(2026, 1, 1, tzinfo=UTC))
    types = [event["type"] for event in server.outbox]
    assert types[0] == "session.started"
    for before, after in pairwise(types):
        assert (before == "session.ended") == (after == "session.started")
    assert not {"gift.given", "duel.finished"} & set(types)
    assert len({event["id"] for event in server.outbox}) == 300


@pytest.fixture
def key(transactional_db: None, settings: Settings) -> str:
    settings.RABBITMQ_URL = ""
    packs.load(CONTENT, actor=SYSTEM, now=datetime.now(UTC))
    return create_key("simulate", simulate.SCOPES)[1]


async def five_minutes(key: str) -> service.Counts:
    """Of three players, on a clock of their own."""
    counts = service.Counts()
    [server] = simulate.game_servers(1, random.Random(3), counts)
    names = ["walker-0001", "walker-0002", "walker-0003"]
    server.seats = [simulate.Seat(name, Flatwalker(random.Random(name), names)) for name in names]
    headers = {"Authorization": f"Api-Key {key}", "Prefer": "wait"}
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    async with httpx.AsyncClient(base_url="http://testserver/api/v1", transport=transport, headers=headers) as http:
        errands = Errands(http, server.dice, counts)
        with time_machine.travel(datetime(2026, 6, 1, 20, tzinfo=UTC), tick=False) as clock:
            for _ in range(60):  # a batch, and a look at the board, every five seconds
                for _ in range(6):
                    server.move(datetime.now(UTC))
                batch, server.outbox = server.outbox, []
                await service.send(counts, http, batch)
                looking, server.looking = server.looking, []
                for seat in looking:
                    await errands.look_at_the_board(seat.player_id)
                clock.shift(5)
    return counts


def test_players_start_complete_fail_abandon_and_run_out_of_time(key: str) -> None:
    counts = async_to_sync(five_minutes)(key)
    assert (counts.accepted, counts.rejected, counts.lost) == (360, 0, 0)
    runs = Counter(Run.objects.values_list("status", flat=True))
    assert set(runs) == {"IN_PROGRESS", "COMPLETED", "FAILED", "EXPIRED", "ABANDONED"}
    assert counts.started == runs.total()
    assert (counts.completed, counts.failed) == (runs["COMPLETED"], runs["FAILED"])
    assert counts.abandoned == runs["ABANDONED"]
    assert 0 < counts.expired <= runs["EXPIRED"]  # what ended while a player looked at the board told nobody's server
