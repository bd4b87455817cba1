"""The service as the sample game's servers see it: how they send, and what they are told."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

import httpx
from rich.table import Table

GIVE_UP_AFTER = 60
"""Seconds without an answer after which a game server stops trying."""


class Unwelcome(Exception):
    """The service answered, and will not answer otherwise if asked again."""


@dataclass
class Counts:
    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    held: int = 0
    retries: int = 0
    lost: int = 0
    sessions: int = 0
    levels: int = 0
    claimed: int = 0
    started: int = 0
    completed: int = 0
    failed: int = 0
    expired: int = 0
    abandoned: int = 0
    unlocked: Counter[str] = field(default_factory=Counter)
    news: deque[str] = field(default_factory=lambda: deque(maxlen=5))
    began: float = field(default_factory=time.monotonic)

    def table(self, title: str) -> Table:
        passed = max(time.monotonic() - self.began, 0.001)
        table = Table(title=title, title_justify="left", show_header=False)
        table.add_row("events sent", f"{self.sent:,} ({self.sent / passed:,.0f} a second)")
        table.add_row("accepted", f"{self.accepted:,}")
        table.add_row("duplicates", f"{self.duplicates:,}")
        table.add_row("rejected · held", f"{self.rejected:,} · {self.held:,}")
        table.add_row("sent again", f"{self.retries:,}")
        table.add_row("sessions", f"{self.sessions:,}")
        table.add_row("achievements unlocked", f"{self.unlocked.total():,} ({len(self.unlocked)} different)")
        table.add_row("levels reached", f"{self.levels:,}")
        table.add_row("quests started · completed", f"{self.started:,} · {self.completed:,}")
        over = f"{self.failed:,} · {self.expired:,} · {self.abandoned:,}"
        table.add_row("failed · expired · abandoned", over)
        table.add_row("rewards claimed by players", f"{self.claimed:,}")
        for line in self.news:
            table.add_row("", line)
        return table


async def send(counts: Counts, http: httpx.AsyncClient, batch: list[dict[str, Any]]) -> None:
    counts.sent += len(batch)
    response = await insist(counts, http, "/events", {"events": batch})
    if response is None:
        counts.lost += len(batch)
        return
    answer = response.json()
    if response.is_error:
        raise Unwelcome(f"{response.status_code} {answer.get('code', '')}: {answer.get('detail', '')}")
    counts.accepted += answer["accepted"]
    counts.duplicates += answer["duplicates"]
    counts.rejected += len(answer["rejected"])
    for player_id, result in answer.get("results", {}).items():
        counts.held += len(result["held"])
        for fact in result["facts"]:
            hear(counts, player_id, fact)


def hear(counts: Counts, player_id: str, fact: dict[str, Any]) -> None:
    if fact["type"] == "achievement.completed":
        counts.unlocked[fact["data"]["id"]] += 1
        counts.news.append(f"{player_id} unlocked {fact['data'].get('title') or fact['data']['id']}")
    elif fact["type"] == "level.reached":
        counts.levels += 1
        counts.news.append(f"{player_id} reached level {fact['data']['level']}")
    elif fact["type"] == "quest.completed":
        counts.completed += 1
        counts.news.append(f"{player_id} completed {fact['data']['id']}")
    elif fact["type"] == "quest.started":  # by itself
        counts.started += 1
    elif fact["type"] == "quest.failed":
        counts.failed += 1
    elif fact["type"] == "quest.expired":
        counts.expired += 1


async def insist(counts: Counts, http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response | None:
    """Send until there is an answer. The ids are in the body, so that arriving twice counts once."""
    pause = 0.2
    given_up = time.monotonic() + GIVE_UP_AFTER
    while True:
        try:
            response = await http.post(path, json=body)
            if response.status_code not in {429, 500, 502, 503, 504}:
                return response
            pause = max(pause, float(response.headers.get("Retry-After", 0)))
        except httpx.TransportError:
            pass
        if time.monotonic() + pause > given_up:
            return None
        counts.retries += 1
        await asyncio.sleep(pause)
        pause = min(pause * 2, 10)
