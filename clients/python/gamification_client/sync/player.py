"""A player's own device: what it may read and do, and the live feed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from websockets.sync.client import connect

from gamification_client import models
from gamification_client.calls import Body, Query, part
from gamification_client.closing import LOST, STAY_AWAY, TOKEN, Closed, close_of, wait_after
from gamification_client.messages import Message
from gamification_client.problems import Problem
from gamification_client.queue import DiskQueue, Json
from gamification_client.sync.rest import Rest
from gamification_client.sync.sending import Rejected, Sender, Trouble, is_bad_request, log_it, warn
from gamification_client.sync.waiting import given
from gamification_client.tokens import Kept

FEED = "/game-events"
REFUSED = frozenset({403, 404, 409})


def is_refused(problem: Problem) -> bool:
    """A report will never be taken. That the player may not, or what it is of is not there, the service says by a code:
    a page without one is of a proxy in between, and another time there may be no such page.
    """
    return is_bad_request(problem) or (problem.status in REFUSED and problem.code not in ("", "no_answer"))


class Player:
    """With a player's token, or a function that fetches one from the game's own server whenever one is needed."""

    def __init__(
        self,
        service: str,
        token: str | Callable[[], str],
        *,
        queue: str | Path | DiskQueue | None = None,
        on_rejected: Rejected = warn,
        on_trouble: Trouble = log_it,
        feed: str = FEED,
    ) -> None:
        """`queue`: the file that keeps reports until the service has them. `feed`: its path, or its address."""
        self.after: int | None = None
        """The number of the last message that the feed gave."""
        self._give = token
        self._token = Kept()
        self._rest = Rest(service, self._authorize, self._refuse)
        kept = queue if isinstance(queue, DiskQueue) else DiskQueue(queue)
        self._sender = Sender(kept, self._send_report, on_rejected, on_trouble, most=1, is_its_fault=is_refused)
        address = feed if "://" in feed else service.rstrip("/") + feed
        self._address = address.replace("http", "ws", 1) if address.startswith("http") else address

    def __enter__(self) -> Self:
        self._sender.start()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._sender.close()
        self._rest.close()

    # -- the token -----------------------------------------------------------------------------------------------------

    def _authorize(self) -> str:
        return f"Bearer {self._good_token()}"

    def _good_token(self) -> str:
        if self._token.is_good:
            return self._token.text
        give = self._give
        text = give if isinstance(give, str) else given(give)
        if text.strip() == self._token.refused:
            raise Problem(401, "expired_token", "This token has ended.")
        return self._token.take(text)

    def _refuse(self, signed: str) -> bool:
        self._token.refuse(signed.removeprefix("Bearer "))
        return not isinstance(self._give, str)

    # -- the feed ------------------------------------------------------------------------------------------------------

    def feed(self, after: int | None = None) -> Iterator[Message]:
        """Each kept message after that number once and in order, across lost connections and restarts of the service;
        without a number, whatever comes from now on. `resync`: what was missed is no longer kept. Raises Closed when
        the service wants this device to stay away, and Problem when there is no good token any more. It waits
        while whoever fetches tokens cannot be reached; a wait ends with `close`.
        """
        if after is not None:
            self.after = after
        failures = 0
        while True:
            asked, signed = None, ""
            try:
                signed = self._authorize()
                with connect(self._address, additional_headers={"Authorization": signed}, max_size=None) as socket:
                    for text in socket:
                        heard = json.loads(text)
                        failures = 0
                        if isinstance(heard.get("seq"), int):
                            if heard["seq"] == (self.after or 0) + 1:
                                self.after = heard["seq"]
                                yield cast(Message, heard)
                            elif heard["seq"] > (self.after or 0) and asked != self.after:
                                asked = self.after  # something is missing in between
                                socket.send(self._resume())
                        elif heard["type"] == "hello":
                            newest = heard["data"]["last_seq"]
                            self.after = newest if self.after is None else self.after
                            if self.after != newest:
                                asked = self.after
                                socket.send(self._resume())
                        elif heard["type"] == "resync":
                            self.after = heard["data"]["last_seq"]
                            yield {"type": "resync"}
                        elif heard["type"] == "achievement.progressed":
                            yield cast(Message, heard)
                    code, reason = socket.close_code or 1006, socket.close_reason or ""
            except LOST as lost:
                code, reason = close_of(lost)
            except Problem as problem:  # of whoever fetches the token
                if not problem.is_passing:
                    raise
                code, reason = 1006, str(problem)
            if code in STAY_AWAY:
                raise Closed(code, reason)
            if code == TOKEN and not self._refuse(signed):
                raise Problem(401, reason, "This token has ended.")
            failures += 1
            if not self._rest.pauses.wait(wait_after(reason, failures)):
                return

    def _resume(self) -> str:
        return json.dumps({"type": "resume", "after": self.after})

    # -- what the player has -------------------------------------------------------------------------------------------

    def profile(self) -> models.Profile:
        answer: models.Profile = self.get("players/me")
        return answer

    def achievements(
        self, state: models.AchievementStandingStateEnum | None = None
    ) -> list[models.AchievementStandingOrSecretAchievement]:
        """Without a state also what is secret: rows of `id`, `type` and `points` and nothing else."""
        return self.all("players/me/achievements", {"state": state})

    def quests(self, state: models.QuestStatusEnum | None = None) -> list[models.QuestStanding]:
        return self.all("players/me/quests", {"state": state})

    def startable_quests(self) -> list[models.Quest]:
        return self.all("quests", {"available_to": "me"})

    def distributions(self, state: models.DistributionStatusEnum | None = None) -> list[models.Distribution]:
        return self.all("players/me/distributions", {"state": state})

    def wallet(self) -> list[models.Wallet]:
        return self.all("players/me/wallet")

    def inventory(self) -> list[models.Stack]:
        return self.all("players/me/inventory")

    def messages(self, after: int = 0) -> list[models.Message]:
        return self.all("players/me/messages", {"after": after})

    def cases(self) -> list[models.OwnCase]:
        return self.all("players/me/cases")

    # -- what the player may do ----------------------------------------------------------------------------------------

    def claim(self, distribution: str) -> models.Distribution:
        answer: models.Distribution = self.post(f"rewards/{part(distribution)}/claim")
        return answer

    def start_quest(self, quest: str) -> models.QuestProgress:
        answer: models.QuestProgress = self.post(f"quests/{part(quest)}/start")
        return answer

    def abandon_quest(self, quest: str) -> models.QuestProgress:
        answer: models.QuestProgress = self.post(f"quests/{part(quest)}/abandon")
        return answer

    def complete_step(self, quest: str, step: str) -> models.QuestProgress:
        answer: models.QuestProgress = self.post(f"quests/{part(quest)}/steps/{part(step)}/complete")
        return answer

    def mark_read(self, up_to: int) -> models.ReadMark:
        answer: models.ReadMark = self.post("players/me/messages/read", {"up_to": up_to})
        return answer

    def appeal(self, case: int, text: str) -> models.OwnCase:
        answer: models.OwnCase = self.post(f"players/me/cases/{case}/appeal", {"text": text})
        return answer

    def report(self, achievement: str, metrics: Mapping[str, float]) -> None:
        """Reports a sample of each of these metrics, at this moment. Once it has returned the report is kept, and will
        be sent until it is taken, once.
        """
        body = {"metrics": dict(metrics), "timestamp": datetime.now(UTC).isoformat()}
        self._sender.add(
            {"id": secrets.token_hex(16), "path": f"achievements/{part(achievement)}/progress", "body": body}
        )

    def flush(self) -> None:
        """Sends the reports that are kept, now. Raises Problem, and then they stay kept."""
        self._sender.flush()

    def _send_report(self, reports: list[Json]) -> Mapping[str, Any]:
        for report in reports:
            self._rest.request("POST", report["path"], body=report["body"], key=report["id"], tries=1)
        return {}

    # -- anything else -------------------------------------------------------------------------------------------------

    def get(self, path: str, query: Query | None = None) -> Any:
        return self._rest.request("GET", path, query=query)

    def post(self, path: str, body: Body | None = None, *, key: str | None = None) -> Any:
        return self._rest.request("POST", path, body=body, key=key)

    def all(self, path: str, query: Query | None = None) -> list[Any]:
        """All rows, over all pages."""
        return self._rest.all(path, query)
