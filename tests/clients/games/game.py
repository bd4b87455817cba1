"""A game's server and a player's device, in Python with our package: first blocking, then with asyncio."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from gamification_client import AsyncGameServer, AsyncPlayer, GameEvent, GameServer, Player, Problem, uuid7


def main(service: str, key: str, file: str) -> None:
    rejected: list[str] = []

    def refused(item: dict[str, Any], code: str, detail: str) -> None:
        rejected.append(f"{item['id']} {code}")

    with GameServer(service, key, queue=file, on_rejected=refused) as game:
        # Events: kept, sent, and what they came to.
        for n in range(3):
            game.track("py", "enemy.killed", {"damage": n})
        game.track("py", "enemy.killed", id="early", timestamp=datetime.now(UTC) + timedelta(days=1))
        game.track("py", "enemy.killed", {"word": "half a pair \ud83d"}, id="half")  # spoils its whole request
        game.flush()
        assert [each.split()[0] for each in rejected] == ["early", "half"], rejected
        event: GameEvent = {
            "id": uuid7(),
            "player_id": "py",
            "type": "enemy.killed",
            "data": {"damage": 3},
            "timestamp": datetime.now(UTC).isoformat(),
        }
        sent = game.send([event])
        assert sent["results"]["py"]["metrics"]["kills"]["count"] == 4, sent
        assert game.send([event])["duplicates"] == 1

        # Money, once for a key; a refusal has a code.
        [before] = game.wallet("py")
        for _ in range(2):
            spent = game.spend("py", "gold", 5, reason="a lantern", key="py-order-1")
            assert spent["transfer"]["amount"] == 5
        assert game.wallet("py")[0]["balance"] == before["balance"] - 5
        assert refusal(game) == (409, "insufficient_balance")

        # Rows, a secret one among them, for the player alone; the feed, from the beginning.
        with Player(service, lambda: game.token("py")["token"]) as me:
            rows = me.achievements()
            assert [row["id"] for row in rows if "title" not in row] == ["s-1"]
            assert "Hunter" in [row["title"] for row in rows if "title" in row]
            seqs = []
            for message in me.feed(after=0):
                if message["type"] == "achievement.completed":
                    assert (message["data"]["title"], message["data"]["points"]) == ("Hunter", 10)
                if message["type"] == "reward.claimed" and message["data"]["reward_id"] == "chest":
                    break
                if "seq" in message:
                    seqs.append(message["seq"])
                    if len(seqs) == len(me.messages()):
                        [pending] = [each for each in me.distributions("PENDING") if each["reward_id"] == "chest"]
                        assert me.claim(pending["id"])["status"] == "CLAIMED"
            assert seqs == list(range(1, len(seqs) + 1))
            me.report("walker", {"steps": 5})
            me.flush()
        facts = [fact["type"] for fact in game.facts(types=["achievement.completed"], player="py", forever=False)]
        assert facts == ["achievement.completed"], facts
    asyncio.run(with_asyncio(service, key, f"{file}-async"))


def refusal(game: GameServer) -> tuple[int, str]:
    try:
        game.spend("py", "gold", 1_000_000)
    except Problem as problem:
        return problem.status, problem.code
    raise AssertionError("it was spent")


async def with_asyncio(service: str, key: str, file: str) -> None:
    async with AsyncGameServer(service, key, queue=file) as game:
        for n in range(2):
            game.track("apy", "enemy.killed", {"damage": n})
        await game.flush()
        started = await game.start_quest("apy", "trail")
        assert started["status"] == "IN_PROGRESS", started

        async def token() -> str:
            return (await game.token("apy"))["token"]

        async with AsyncPlayer(service, token) as me:
            async for message in me.feed(after=0):
                if message["type"] == "quest.started" and message["data"]["id"] == "trail":
                    break
            assert me.after == len(await me.messages())
        async for fact in game.facts(types=["quest.started"], player="apy", forever=False):
            assert fact["type"] == "quest.started"
            assert fact["data"]["id"] in ("tour", "trail")


if __name__ == "__main__":
    main(*sys.argv[1:])
