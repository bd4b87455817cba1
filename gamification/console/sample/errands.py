"""What the sample game's players do about quests, over HTTP: starting, abandoning, completing steps by hand."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import httpx

from gamification.console.sample.service import Counts

ABANDONS = 0.01
"""How likely somebody gives a quest up when they look at it."""
ACCEPTS = 0.6
"""How likely somebody starts what they could; the story goes on in any case."""


@dataclass
class Errands:
    """Of all players of one game server."""

    http: httpx.AsyncClient
    dice: random.Random
    counts: Counts

    async def look_at_the_board(self, player_id: str) -> None:
        """Go on with the quests under way, and perhaps start some of those on offer."""
        for run in await self._results(f"/players/{player_id}/quests", {"state": "IN_PROGRESS"}):
            if self.dice.random() < ABANDONS:
                answer = await self._post(f"/quests/{run['quest_id']}/abandon", {"player_id": player_id})
                self.counts.abandoned += answer is not None
                continue
            for step in run["steps"]:
                if step["id"] in run["active_steps"] and not step["requirements"]:  # else it completes itself
                    await self._complete(player_id, run["quest_id"], step)
        for quest in await self._results("/quests", {"available_to": player_id}):
            if quest["type"] == "MAIN" or self.dice.random() < ACCEPTS:
                answer = await self._post(f"/quests/{quest['id']}/start", {"player_id": player_id})
                self.counts.started += answer is not None

    async def _complete(self, player_id: str, quest_id: str, step: dict[str, Any]) -> None:
        path = f"/quests/{quest_id}/steps/{step['id']}/complete"
        if step["completed_by"] == "PLAYER":  # on a device of their own, with a token that acts as them alone
            token = await self._post(f"/players/{player_id}/token", {})
            if token is None:
                return
            run = await self._post(path, {}, {"Authorization": f"Bearer {token['token']}"})
        else:
            run = await self._post(path, {"player_id": player_id})
        if run is not None and run["status"] == "COMPLETED":
            self.counts.completed += 1
            self.counts.news.append(f"{player_id} completed {quest_id}")

    async def _results(self, path: str, params: dict[str, str]) -> list[dict[str, Any]]:
        answer = await self.http.get(path, params={**params, "page_size": "200"})
        return answer.json()["results"] if answer.is_success else []

    async def _post(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any] | None:
        """The answer; None where it was refused, as a quest is that has ended in the meantime."""
        answer = await self.http.post(path, json=body, headers=headers)
        return answer.json() if answer.is_success else None
