from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from itertools import pairwise

import httpx

from gamification.console.management.commands import simulate


async def test_a_batch_without_an_answer_is_sent_again_with_the_same_ids() -> None:
    arrived: list[bytes] = []

    def service(request: httpx.Request) -> httpx.Response:
        arrived.append(request.content)
        if len(arrived) == 1:
            raise httpx.ReadError("the answer was lost")
        if len(arrived) == 2:
            return httpx.Response(503, headers={"Retry-After": "0"})
        events = json.loads(request.content)["events"]
        return httpx.Response(200, json={"accepted": 0, "duplicates": len(events), "rejected": [], "results": {}})

    counts = simulate.Counts()
    async with httpx.AsyncClient(base_url="http://game", transport=httpx.MockTransport(service)) as http:
        await simulate.send(counts, http, [{"id": "1"}, {"id": "2"}])
    assert arrived[0] == arrived[1] == arrived[2]
    assert (counts.sent, counts.duplicates, counts.retries, counts.lost) == (2, 2, 2, 0)


def test_the_same_seed_plays_the_same_moves() -> None:
    def moves(seed: int) -> list[tuple[str, str, object]]:
        servers = simulate.game_servers(9, random.Random(seed), simulate.Counts())
        now = datetime(2026, 1, 1, tzinfo=UTC)
        for server in servers:
            for _ in range(100):
                server.move(now)
        return [(event["player_id"], event["type"], event["data"]) for server in servers for event in server.outbox]

    assert moves(1) == moves(1)
    assert moves(1) != moves(2)


def test_a_player_logs_in_before_anything_else_and_never_meets_themselves() -> None:
    [server] = simulate.game_servers(1, random.Random(3), simulate.Counts())
    for _ in range(300):
        server.move(datetime(2026, 1, 1, tzinfo=UTC))
    types = [event["type"] for event in server.outbox]
    assert types[0] == "session.started"
    for before, after in pairwise(types):
        assert (before == "session.ended") == (after == "session.started")
    assert not {"gift.given", "duel.finished"} & set(types)
    assert len({event["id"] for event in server.outbox}) == 300
