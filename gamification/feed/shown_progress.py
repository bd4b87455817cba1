"""The progress that connected players are shown: how far their achievements have come, at most once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from datetime import datetime

from achievements.reading import Touched, progressed
from gamification.feed.clock import Clock
from gamification.feed.presence import Listener, Presence
from gamification.feed.reading import Reader
from gamification.kernel.core.encoding import dumps, instant
from gamification.kernel.core.messages import PlayerId

PROGRESS_INTERVAL = 1.0
"""Seconds between two readings of one player's progress: no achievement is shown more often."""
PROGRESS_CHUNK = 100
"""Players whose progress is read in one query; messages are read in between."""
PROGRESS_PAUSE = 0.1
"""Seconds between two readings of anybody's progress."""


class ShownProgress:
    """Remembers whose progress may have changed, reads it, and shows what is new. A value that is not read is not
    missed: a newer one follows."""

    def __init__(self, presence: Presence, reader: Reader, clock: Clock) -> None:
        self._presence = presence
        self._reader = reader
        self._clock = clock
        self._touched: dict[PlayerId, Listener] = {}
        self._something_touched = asyncio.Event()

    def sampled(self, listener: Listener, metrics: Iterable[str]) -> None:
        """These metrics had samples of the player."""
        listener.metrics = (listener.metrics or set()).union(metrics)
        self._touch(listener)

    def completed(self, listener: Listener, achievements: Collection[str]) -> None:
        """The player was told that these achievements are completed, so what they led up to may show progress."""
        if achievements:
            listener.completed = (listener.completed or set()).union(achievements)
            self._touch(listener)

    def forget(self, player_id: PlayerId) -> None:
        self._touched.pop(player_id, None)

    def _touch(self, listener: Listener) -> None:
        self._touched[listener.player_id] = listener
        self._something_touched.set()

    async def show_on(self) -> None:
        """Show progress as it comes, without end."""
        while True:
            await self._something_touched.wait()
            self._something_touched.clear()
            now = self._clock.monotonic()
            due = [listener for listener in self._touched.values() if listener.read_again_at <= now]
            if due:
                await self._read(due[:PROGRESS_CHUNK])
                await self._clock.sleep(PROGRESS_PAUSE)
            if self._touched:
                self._something_touched.set()
                if len(due) <= PROGRESS_CHUNK:
                    soonest = min(listener.read_again_at for listener in self._touched.values())
                    await self._clock.sleep(max(PROGRESS_PAUSE, soonest - self._clock.monotonic()))

    async def _read(self, due: Iterable[Listener]) -> None:
        asked: dict[PlayerId, Touched] = {}
        for listener in due:
            asked[listener.player_id] = Touched(listener.metrics or (), listener.completed or ())
            listener.metrics = listener.completed = None
            del self._touched[listener.player_id]
        now = self._clock.now()
        answer = await self._reader.ask(progressed, asked, now)
        again = self._clock.monotonic() + PROGRESS_INTERVAL
        for player_id in asked:
            listener_now = self._presence.listeners.get(player_id)
            if listener_now is not None:
                listener_now.read_again_at = again
                self._show(listener_now, answer.get(player_id, {}), now)

    def _show(self, listener: Listener, progress: dict[str, float], now: datetime) -> None:
        shown = listener.shown = listener.shown or {}
        overtaken = listener.completed or ()  # told as completed while this was read, so it was progress before that
        for id_, value in progress.items():
            if shown.get(id_, 0) == value or id_ in overtaken:
                continue
            shown[id_] = value
            message = {
                "type": "achievement.progressed",
                "player_id": listener.player_id,
                "data": {"id": id_, "progress": value},
                "timestamp": instant(now),
            }
            text = dumps(message)
            for connection in listener.connections:
                connection.tell_if_free(text)
