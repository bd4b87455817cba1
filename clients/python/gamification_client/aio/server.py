"""A game's server at the gamification service: it says what happened, and asks what it came to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gamification_client import models
from gamification_client.aio.rest import Rest
from gamification_client.aio.sending import Rejected, Sender, Trouble, log_it, warn
from gamification_client.calls import Body, Query, part
from gamification_client.ids import uuid7
from gamification_client.queue import DiskQueue, Json

LOOK_AGAIN = 1.0
"""Seconds, at the end of the log of facts."""


class AsyncGameServer:
    """With a key, which belongs on a server of yours. A player's own device uses `AsyncPlayer`, with a token."""

    def __init__(
        self,
        service: str,
        key: str,
        *,
        queue: str | Path | DiskQueue | None = None,
        on_rejected: Rejected = warn,
        on_trouble: Trouble = log_it,
    ) -> None:
        """`queue`: the file that keeps events until the service has them; without one they last as long as the process.
        `on_rejected` hears of events that the service refused, `on_trouble` of what could not be sent yet.
        """

        async def authorize() -> str:
            return f"Api-Key {key}"

        self._rest = Rest(service, authorize)
        kept = queue if isinstance(queue, DiskQueue) else DiskQueue(queue)
        self._sender = Sender(kept, self._send_kept, on_rejected, on_trouble)

    async def __aenter__(self) -> Self:
        self._sender.start()
        return self

    async def __aexit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Sends what is kept, if that can be done at once, and lets go of the file and the connections."""
        await self._sender.close()
        await self._rest.close()

    # -- events --------------------------------------------------------------------------------------------------------

    def track(
        self,
        player: str,
        type: str,
        data: Mapping[str, Any] | None = None,
        *,
        id: str | None = None,
        timestamp: datetime | None = None,
    ) -> models.GameEvent:
        """Something happened. Once this has returned the event is kept, and will be sent until the service has it; it
        counts once. Without `id` and `timestamp`: a new id, and now.
        """
        at = timestamp or datetime.now(UTC)
        if at.tzinfo is None:
            raise ValueError("a timestamp needs a zone: datetime.now(UTC)")
        event: models.GameEvent = {
            "id": id or uuid7(),
            "player_id": player,
            "type": type,
            "data": dict(data or {}),
            "timestamp": at.isoformat(),
        }
        self._sender.add(event)
        return event

    async def flush(self) -> None:
        """Sends what is kept, now. Raises Problem, and then it stays kept."""
        await self._sender.flush()

    async def send(self, events: Sequence[models.GameEvent]) -> models.Settled:
        """Sends these now, past what is kept, and answers what they came to. At most 1,000; when it raises, send the
        same again, with the same ids.
        """
        answer: models.Settled = await self._rest.request(
            "POST", "events", body={"events": list(events)}, headers={"Prefer": "wait"}
        )
        return answer

    async def _send_kept(self, events: list[Json]) -> Mapping[str, Any]:
        # Without an idempotency key, which the service would have to keep: the events' own ids are enough.
        answer: Mapping[str, Any] = await self._rest.request("POST", "events", body={"events": events}, key="", tries=1)
        return answer

    # -- players -------------------------------------------------------------------------------------------------------

    async def token(self, player: str) -> models.Token:
        """What the player's own device signs with: hand it to whoever has signed in as that player."""
        answer: models.Token = await self.post(f"players/{part(player)}/token")
        return answer

    async def profile(self, player: str) -> models.Profile:
        answer: models.Profile = await self.get(f"players/{part(player)}")
        return answer

    async def update(self, player: str, changes: models.PatchedProfileChangesRequest) -> models.Profile:
        """Such as `{"display_name": "Mara", "is_test": True}`."""
        answer: models.Profile = await self._rest.request("PATCH", f"players/{part(player)}", body=changes)
        return answer

    async def achievements(
        self, player: str, state: models.AchievementStandingStateEnum | None = None
    ) -> list[models.AchievementStanding]:
        return await self.all(f"players/{part(player)}/achievements", {"state": state})

    async def quests(self, player: str, state: models.QuestStatusEnum | None = None) -> list[models.QuestStanding]:
        return await self.all(f"players/{part(player)}/quests", {"state": state})

    async def distributions(
        self, player: str, state: models.DistributionStatusEnum | None = None
    ) -> list[models.Distribution]:
        return await self.all(f"players/{part(player)}/distributions", {"state": state})

    async def wallet(self, player: str) -> list[models.Wallet]:
        return await self.all(f"players/{part(player)}/wallet")

    async def inventory(self, player: str) -> list[models.Stack]:
        return await self.all(f"players/{part(player)}/inventory")

    # -- acts ----------------------------------------------------------------------------------------------------------

    async def claim(self, player: str, distribution: str) -> models.Distribution:
        answer: models.Distribution = await self.post(f"rewards/{part(distribution)}/claim", {"player_id": player})
        return answer

    async def start_quest(self, player: str, quest: str) -> models.QuestProgress:
        answer: models.QuestProgress = await self.post(f"quests/{part(quest)}/start", {"player_id": player})
        return answer

    async def abandon_quest(self, player: str, quest: str) -> models.QuestProgress:
        answer: models.QuestProgress = await self.post(f"quests/{part(quest)}/abandon", {"player_id": player})
        return answer

    async def complete_step(self, player: str, quest: str, step: str) -> models.QuestProgress:
        path = f"quests/{part(quest)}/steps/{part(step)}/complete"
        answer: models.QuestProgress = await self.post(path, {"player_id": player})
        return answer

    async def spend(
        self, player: str, currency: str, amount: int, *, reason: str | None = None, key: str | None = None
    ) -> models.Spent:
        """Takes money once for that key: name one that you make of the purchase, and try again with the same."""
        body = {"amount": amount, **({"reason": reason} if reason else {})}
        answer: models.Spent = await self.post(f"players/{part(player)}/wallet/{part(currency)}/spend", body, key=key)
        return answer

    async def grant(self, player: str, reward: str, reason: str, *, key: str | None = None) -> models.Distribution:
        """Gives a reward by hand."""
        body = {"player_id": player, "reason": reason}
        answer: models.Distribution = await self.post(f"rewards/{part(reward)}/distribute", body, key=key)
        return answer

    # -- the log of facts ----------------------------------------------------------------------------------------------

    async def facts(
        self,
        after: int | None = None,
        *,
        types: Sequence[str] = (),
        player: str | None = None,
        share: int | None = None,
        forever: bool = True,
    ) -> AsyncIterator[models.Fact]:
        """What the service states, each once and in order; at its end it waits for what comes, unless it is not to go
        on `forever`. Keep the `position` of the last one that you have dealt with, and begin `after` it the next time.
        """
        filters = {"types": ",".join(types) or None, "player_id": player, "share": share, "page_size": 200}
        while True:
            page = await self.get("facts", {**filters, "after": after})
            for fact in page["results"]:
                yield fact
            after = page["after"]
            if not page["next"]:
                if not forever:
                    return
                if not await self._rest.pauses.wait(LOOK_AGAIN):
                    return

    # -- anything else -------------------------------------------------------------------------------------------------

    async def get(self, path: str, query: Query | None = None) -> Any:
        return await self._rest.request("GET", path, query=query)

    async def post(self, path: str, body: Body | None = None, *, key: str | None = None) -> Any:
        """`key`: the `Idempotency-Key`, by default a random one for all tries of this call."""
        return await self._rest.request("POST", path, body=body, key=key)

    async def all(self, path: str, query: Query | None = None) -> list[Any]:
        """All rows, over all pages."""
        return await self._rest.all(path, query)
