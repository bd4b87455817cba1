from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.live import Live
from uuid_utils.compat import uuid7

from gamification.console.sample.errands import Errands
from gamification.console.sample.past import Event, evenings
from gamification.console.sample.play import Flatwalker, Move
from gamification.console.sample.service import Counts, Unwelcome, insist, send
from gamification.kernel.core.encoding import instant
from gamification.kernel.web.access import create_key

TICK = 0.25
"""Seconds between two batches of one game server: a batch holds what happened in between."""
MAX_BATCH = 500
SERVERS = 4
DEVICES = 4
"""How many of a game server's players use their devices at the same moment."""
SCOPES = ("events:write", "players:read", "players:write", "content:read")
CLAIMS_AFTER_A_SESSION = 0.5
SKETCHES_AFTER_A_SESSION = 0.2
LOOKS_AT_THE_BOARD = 0.1
"""How likely a player looks at their quests after a move; at the beginning of a session everybody does."""


class Command(BaseCommand):
    help = "Play the sample game as its servers would, over HTTP."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--players", type=positive, default=50, metavar="N", help="how many play (50)")
        parser.add_argument("--rate", type=positive, default=50, metavar="R", help="events a second, of all (50)")
        parser.add_argument("--seconds", type=positive, default=60, metavar="S", help="for how long (60)")
        parser.add_argument(
            "--days", type=positive, metavar="N", help="weeks instead: what was played in the last N days, at once"
        )
        parser.add_argument("--url", default=f"http://127.0.0.1:{settings.PORT}", help="where the service is")
        parser.add_argument(
            "--key", default=os.environ.get("GAMIFICATION_KEY", ""), help="or GAMIFICATION_KEY; else one is made"
        )
        parser.add_argument("--seed", type=int, help="the same seed plays the same moves")

    def handle(
        self,
        *,
        players: int,
        rate: int,
        seconds: int,
        days: int | None,
        url: str,
        key: str,
        seed: int | None,
        **options: Any,
    ) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every request
        console = Console()
        key = key or create_key(f"simulate {datetime.now(UTC):%Y-%m-%d %H:%M}", SCOPES)[1]
        counts = Counts()
        servers = game_servers(players, random.Random(seed), counts)
        try:
            if days is not None:
                name = f"past-{uuid7()}"[:45] if seed is None else f"past-{seed}"
                past = evenings(players, days, datetime.now(UTC), random.Random(seed), name)
                asyncio.run(play_past(past, url=url, key=key, counts=counts, console=console))
            else:
                asyncio.run(play(servers, rate=rate, seconds=seconds, url=url, key=key, counts=counts, console=console))
        except* Unwelcome as problems:
            raise CommandError(str(problems.exceptions[0])) from None
        except* KeyboardInterrupt:
            console.print("Stopped.")
        console.print(counts.table("What came of it"))
        if counts.lost:
            raise CommandError(f"{counts.lost} event(s) got no answer from {url}")


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


@dataclass
class Seat:
    """A player's place at a game server: who plays, and what is left of the evening."""

    player_id: str
    walker: Flatwalker
    moves: Iterator[Move] = field(default_factory=lambda: iter(()))


@dataclass
class GameServer:
    """One of the game's servers. Its players' events leave it in order, one batch at a time."""

    seats: list[Seat]
    dice: random.Random
    counts: Counts
    outbox: list[dict[str, Any]] = field(default_factory=list)
    ended: list[Seat] = field(default_factory=list)
    """Players whose session has just ended."""
    looking: list[Seat] = field(default_factory=list)
    """Players who look at their quests next."""

    def move(self, now: datetime) -> None:
        """A random player makes the next move."""
        seat = self.dice.choice(self.seats)
        made = next(seat.moves, None)
        if made is None:
            seat.moves = seat.walker.session()
            self.counts.sessions += 1
            made = next(seat.moves)
        type_, data = made
        if type_ == "session.ended":
            self.ended.append(seat)
        elif type_ == "session.started" or self.dice.random() < LOOKS_AT_THE_BOARD:
            self.looking.append(seat)
        self.outbox.append(
            {"id": str(uuid7()), "player_id": seat.player_id, "type": type_, "data": data, "timestamp": instant(now)}
        )


def game_servers(players: int, dice: random.Random, counts: Counts) -> list[GameServer]:
    names = [f"walker-{number:04}" for number in range(1, players + 1)]
    servers = [GameServer([], random.Random(dice.random()), counts) for _ in range(min(SERVERS, players))]
    for place, name in enumerate(names):
        others = dice.sample(names, min(12, players))
        walker = Flatwalker(random.Random(dice.random()), [other for other in others if other != name])
        servers[place % len(servers)].seats.append(Seat(name, walker))
    return servers


async def play(
    servers: list[GameServer], *, rate: int, seconds: int, url: str, key: str, counts: Counts, console: Console
) -> None:
    headers = {"Authorization": f"Api-Key {key}", "Prefer": "wait"}
    async with httpx.AsyncClient(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=20) as http:
        counts.began = time.monotonic()
        ends = counts.began + seconds
        with Live(get_renderable=lambda: counts.table("The Long Ebb"), console=console, transient=True):
            async with asyncio.TaskGroup() as group:
                for place, server in enumerate(servers):
                    delay = place * TICK / len(servers)  # so that they do not all send at the same moment
                    group.create_task(run(server, http, group, share=rate / len(servers), delay=delay, ends=ends))


async def play_past(past: Iterator[list[Event]], *, url: str, key: str, counts: Counts, console: Console) -> None:
    """Send evenings as they were, several in a batch: one after the other, so that each player's come in order."""
    headers = {"Authorization": f"Api-Key {key}", "Prefer": "wait"}
    async with httpx.AsyncClient(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=60) as http:
        counts.began = time.monotonic()
        with Live(get_renderable=lambda: counts.table("The Long Ebb"), console=console, transient=True):
            try:
                batch: list[Event] = []
                for evening in past:
                    counts.sessions += 1
                    batch += evening
                    if len(batch) >= MAX_BATCH:
                        await send(counts, http, batch[:MAX_BATCH])
                        batch = batch[MAX_BATCH:]
                if batch:
                    await send(counts, http, batch)
            except Unwelcome as problem:
                raise ExceptionGroup("the past", [problem]) from None


async def run(
    server: GameServer, http: httpx.AsyncClient, group: asyncio.TaskGroup, *, share: float, delay: float, ends: float
) -> None:
    await asyncio.sleep(delay)
    devices = asyncio.Semaphore(DEVICES)
    errands = Errands(http, server.dice, server.counts)
    due = 0.0
    last = time.monotonic() - TICK
    while time.monotonic() < ends:
        begun = time.monotonic()
        due += (begun - last) * share
        last = begun
        if due > 2 * MAX_BATCH:
            due = MAX_BATCH  # the service is slower than the rate asked for; what is missed is not made up
        while due >= 1:
            due -= 1
            server.move(datetime.now(UTC))
        while server.outbox:
            batch, server.outbox = server.outbox[:MAX_BATCH], server.outbox[MAX_BATCH:]
            await send(server.counts, http, batch)
        ended, server.ended = server.ended, []
        for seat in ended:
            if not devices.locked():  # else this player leaves it for another evening
                group.create_task(wind_down(server, seat, http, devices))
        looking, server.looking = server.looking, []
        for seat in looking:
            if not devices.locked():
                group.create_task(look_at_the_board(errands, seat, devices))
        await asyncio.sleep(max(0.0, TICK - (time.monotonic() - begun)))


async def look_at_the_board(errands: Errands, seat: Seat, devices: asyncio.Semaphore) -> None:
    async with devices:
        try:
            await errands.look_at_the_board(seat.player_id)
        except httpx.TransportError:
            return  # the board is still there next time


async def wind_down(server: GameServer, seat: Seat, http: httpx.AsyncClient, devices: asyncio.Semaphore) -> None:
    """After a session, report a sketch or claim rewards from the player's own device, with a token."""
    draws = server.dice.random() < SKETCHES_AFTER_A_SESSION
    claims = server.dice.random() < CLAIMS_AFTER_A_SESSION
    if not (draws or claims):
        return
    async with devices:
        token = await insist(server.counts, http, f"/players/{seat.player_id}/token", {})
        if token is None or token.is_error:
            return
        own = {"Authorization": f"Bearer {token.json()['token']}"}
        try:
            if draws:
                sketch = {"player_id": seat.player_id, "metrics": {"sketches": 1}}
                await http.post("/achievements/sketchbook/progress", json=sketch, headers=own)
            if claims:
                pending = {"state": "PENDING", "page_size": "20"}
                waiting = await http.get("/players/me/distributions", params=pending, headers=own)
                for distribution in waiting.json().get("results", []):
                    answer = await http.post(f"/rewards/{distribution['id']}/claim", json={}, headers=own)
                    server.counts.claimed += answer.is_success
        except httpx.TransportError:
            return  # the device lost its connection; what it wanted can still be had next time
