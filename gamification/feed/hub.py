"""The hub: one a server process. It holds the sockets by player, hears the hints, and reads for all at once.

Everything here happens on the loop that serves the sockets, but for the database, which one thread asks: its answers
come back in the order of the questions, so nothing older is ever told after something newer.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection as database
from django.utils import timezone

from achievements.standings import Touched, progressed
from gamification.feed import hints
from gamification.feed.connection import SLOW, Connection, Farewell, Push, Send
from gamification.feed.hints import GROUP, Sender
from gamification.feed.models import MESSAGES_KEPT
from gamification.feed.reading import PAGE, Answer, read
from gamification.kernel.core.encoding import dumps, instant
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import patience
from gamification.kernel.web.tokens import REVOKED, Token
from progress.queries import FeedHead

log = logging.getLogger(__name__)
T = TypeVar("T")

LOOKING_ROUND = 5
"""Seconds in which every connected player is looked at once, whatever hints came."""
PROGRESS_EVERY = 1.0
"""Seconds between two readings of one player's progress: no achievement is told of more often."""
PROGRESS_AT_ONCE = 100
"""Players whose progress is read in one go; messages are read in between."""
PROGRESS_PAUSE = 0.1
"""Seconds between two readings of anybody's."""
STALLED = 10
"""Seconds without taking anything that waits for it: this client does not keep up."""
BEHIND = 5
"""A client that in so many seconds never caught up with what came for it does not keep up either."""
FREEZE_AFTER = 256
"""So many sockets more than ever before are taken out of the collector's sight at once."""
FREEZE_EVERY = 60
"""Sockets that took the place of others are taken out of its sight after so many seconds."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 5.0
"""Seconds before work that failed is begun anew, doubled each time."""
PATIENCE = 10
"""Seconds that a database which does not answer may keep a player at the door."""

NOT_NOW = Farewell(1013, "retry-after=5.0")
BROKEN = Farewell(1011, "internal_error")
EXPIRED = Farewell(4401, "expired_token")
ENDED = Farewell(4401, REVOKED)
ONE_TOO_MANY = Farewell(4410, "too_many_connections")
LOCKED_OUT = 4403


class Listener:
    """A player with sockets here."""

    __slots__ = ("completed", "connections", "last_seq", "metrics", "player_id", "read_again_at", "shown")

    def __init__(self, player_id: PlayerId) -> None:
        self.player_id = player_id
        self.connections: list[Connection] = []
        self.last_seq = 0
        """As far as we heard."""
        self.metrics: set[str] | None = None
        self.completed: set[str] | None = None
        self.shown: dict[str, float] | None = None
        """The progress that was told last."""
        self.read_again_at = 0.0


class Hub:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.listeners: dict[PlayerId, Listener] = {}
        self.count = 0
        self.sender = Sender(loop)
        self._channel = ""
        self._listening = asyncio.Event()
        self._joining: list[Connection] = []
        self._hungry: dict[Connection, None] = {}
        """Whose next messages are to be read."""
        self._to_check: set[PlayerId] = set()
        self._something_to_read = asyncio.Event()
        self._draining: set[Connection] = set()
        self._touched: dict[PlayerId, Listener] = {}
        self._something_touched = asyncio.Event()
        self._frozen, self._frozen_at = 0, 0.0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        hints.send_by(self.sender)
        for work in (self._listen, self._read_on, self._tell_progress, self._look_round):
            self._tasks.append(self.loop.create_task(self._for_ever(work)))

    async def stop(self) -> None:
        hints.send_by(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(Exception):
            await asyncio.wrap_future(self._reader.submit(_hang_up))
        self._reader.shutdown(wait=False)

    async def _for_ever(self, work: Callable[[], Any]) -> None:
        pause = FIRST_PAUSE
        while True:
            began = self.loop.time()
            try:
                await work()
            except Exception as failure:  # a database or a layer that is away comes back
                _stop_if_told_to()
                log.warning("the feed goes on after a failure", exc_info=failure)
                if self.loop.time() - began > 2 * LONGEST_PAUSE:
                    pause = FIRST_PAUSE
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _ask(self, question: Callable[..., T], *arguments: Any) -> T:
        return await self.loop.run_in_executor(self._reader, _answered, question, *arguments)

    # -- coming and going ----------------------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        return self.count >= settings.WS_MAX_CONNECTIONS

    def enter(self, token: Token, send: Send, push: Push | None = None) -> Connection:
        """Put a socket on the map. It is there before the database is asked, so whatever happens from then on is
        noticed."""
        connection = Connection(token, send, push, self._has_room, self._draining)
        player_id = token.player_id
        listener = self.listeners.get(player_id)
        if listener is None:
            listener = self.listeners[player_id] = Listener(player_id)
        listener.connections.append(connection)
        self.count += 1
        still_open = [each for each in listener.connections if not each.closed]
        for oldest in still_open[: -settings.WS_MAX_PER_PLAYER]:
            oldest.close(ONE_TOO_MANY)
        self._keep_from_the_collector()
        lasts = max(0.0, (token.expires_at - timezone.now()).total_seconds())
        connection.close_at(self.loop.call_later(lasts, connection.close, EXPIRED))
        return connection

    async def let_in(self, connection: Connection) -> None:
        """Back when the player was told hello, or is being closed."""
        if not self._listening.is_set():
            with suppress(TimeoutError):  # a layer that is away costs hints, not the feed
                await asyncio.wait_for(self._listening.wait(), timeout=1)
        ready = connection.ready = self.loop.create_future()
        self._joining.append(connection)
        self._something_to_read.set()
        try:
            async with asyncio.timeout(PATIENCE):
                await ready
        except TimeoutError:
            connection.close(NOT_NOW)

    def leave(self, connection: Connection) -> None:
        connection.let_go()
        self._hungry.pop(connection, None)
        listener = self.listeners.get(connection.player_id)
        if listener is not None and connection in listener.connections:
            listener.connections.remove(connection)
            self.count -= 1
            if not listener.connections:
                del self.listeners[connection.player_id]
                self._touched.pop(connection.player_id, None)

    async def resume(self, connection: Connection, after: int) -> None:
        """Tell everything after that number, however often it was told already; back when all of it is queued."""
        if connection.closed:
            return
        connection.cursor, connection.resuming, connection.behind_since = after, True, None
        ready = connection.ready = self.loop.create_future()
        self._want(connection)
        await ready

    # -- hints ---------------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        layer = hints.layer()
        try:
            channel = self._channel = await layer.new_channel()
            await layer.group_add(GROUP, channel)
            _stop_if_told_to()
            self._listening.set()
            while True:
                message = await layer.receive(channel)
                ended = message.get("tokens_ended", {})  # an older version of a node says nothing of it
                self.hear(message["last_seq"], message["metrics"], message["locked_out"], ended)
        except Exception:
            self._channel = ""
            _stop_if_told_to()
            with suppress(Exception):
                async with asyncio.timeout(1):
                    await layer.flush()  # begin anew, and leave no queue behind that nobody empties
            raise

    def hear(
        self,
        last_seq: dict[PlayerId, int],
        metrics: dict[PlayerId, list[str]],
        locked_out: dict[PlayerId, str],
        tokens_ended: dict[PlayerId, int],
    ) -> None:
        listeners = self.listeners
        for player_id, seq in last_seq.items():
            if player_id in listeners:
                self._has_more(listeners[player_id], seq)
        for player_id, names in metrics.items():
            if player_id in listeners:
                listener = listeners[player_id]
                listener.metrics = (listener.metrics or set()).union(names)
                self._touch(listener)
        for player_id, why in locked_out.items():
            self._lock_out(player_id, why)
        for player_id, generation in tokens_ended.items():
            self._end_tokens(player_id, generation)

    def _has_more(self, listener: Listener, last_seq: int) -> None:
        listener.last_seq = max(last_seq, listener.last_seq)
        for connection in listener.connections:
            is_on_its_way = connection.cursor is None or connection.resuming or connection.behind_since is not None
            if not is_on_its_way and (connection.cursor or 0) < last_seq:
                self._want(connection)

    def _lock_out(self, player_id: PlayerId, why: str) -> None:
        listener = self.listeners.get(player_id)
        for connection in list(listener.connections) if listener else ():
            connection.close(Farewell(LOCKED_OUT, why))

    def _end_tokens(self, player_id: PlayerId, generation: int) -> None:
        listener = self.listeners.get(player_id)
        for connection in list(listener.connections) if listener else ():
            if connection.generation < generation:
                connection.close(ENDED)

    async def _look_round(self) -> None:
        """Every second: a part of the players, whose hints may have been lost; and the clients that do not keep up."""
        while True:
            everybody = list(self.listeners)
            for part in range(LOOKING_ROUND):
                await asyncio.sleep(1)
                self._to_check.update(everybody[part::LOOKING_ROUND])
                if self._to_check:
                    self._something_to_read.set()
                self._close_the_slow(self.loop.time())
            if self._channel:  # in memory a layer forgets who listens, after a day
                await hints.layer().group_add(GROUP, self._channel)

    def _close_the_slow(self, now: float) -> None:
        for connection in list(self._draining):
            stalled = now - connection.moved_at > STALLED
            behind = connection.behind_since
            if stalled or (behind is not None and not connection.resuming and now - behind > BEHIND):
                connection.close(SLOW)

    # -- messages ------------------------------------------------------------------------------------------------------

    def _want(self, connection: Connection) -> None:
        self._hungry[connection] = None
        self._something_to_read.set()

    def _has_room(self, connection: Connection) -> None:
        """All that waited for it is sent."""
        if not connection.closed and (connection.resuming or connection.behind_since is not None):
            self._want(connection)

    async def _read_on(self) -> None:
        while True:
            await self._something_to_read.wait()
            self._something_to_read.clear()
            await self._read_once()  # whose names hold no connection while we wait

    async def _read_once(self) -> None:
        joining, self._joining = self._joining, []
        hungry, self._hungry = list(self._hungry), {}
        checked, self._to_check = self._to_check, set()
        asking = [*joining, *(connection for connection in hungry if connection.resuming or connection.in_doubt)]
        wants = {c: (c.player_id, c.cursor) for c in hungry if not c.closed and c.cursor is not None}
        heard = {c: self.listeners[c.player_id].last_seq for c in wants}
        try:
            answer = await self._ask(read, checked | {c.player_id for c in asking}, set(wants.values()))
        except Exception:
            self._joining += joining
            self._hungry |= dict.fromkeys(hungry)
            self._something_to_read.set()
            raise
        for player_id in checked:
            self._compare(player_id, answer.heads[player_id])
        for connection in joining:
            with _alone(connection):
                self._welcome(connection, answer.heads[connection.player_id])
        for connection, (_, after) in wants.items():
            with _alone(connection):
                self._tell(connection, after, heard[connection], answer)

    def _compare(self, player_id: PlayerId, head: FeedHead) -> None:
        if head.locked_out:
            self._lock_out(player_id, head.locked_out)
        elif player_id in self.listeners:
            self._end_tokens(player_id, head.generation)
            self._has_more(self.listeners[player_id], head.last_seq)

    def _welcome(self, connection: Connection, head: FeedHead) -> None:
        if head.locked_out:
            connection.close(Farewell(LOCKED_OUT, head.locked_out))
        elif connection.generation < head.generation:
            connection.close(ENDED)
        if connection.closed:
            return
        connection.cursor = head.last_seq
        connection.tell("hello", {"last_seq": head.last_seq})
        connection.hear_on()
        if self.listeners[connection.player_id].last_seq > head.last_seq:  # a hint was faster than the answer
            self._want(connection)

    def _tell(self, connection: Connection, after: int, heard: int, answer: Answer) -> None:
        """`heard`: the number of the newest message, as it was known when the question was asked."""
        if connection.closed:
            return
        if connection.cursor != after:  # it was asked to go elsewhere while we read
            self._want(connection)
            return
        page = answer.pages.get((connection.player_id, after), [])
        listener, head = self.listeners[connection.player_id], answer.heads.get(connection.player_id)
        if not page and heard > after and head is None:
            connection.in_doubt = True
            self._want(connection)
            return
        newest = head.last_seq if head else heard
        if connection.in_doubt:  # who says more than the database is mistaken
            connection.in_doubt, listener.last_seq = False, newest
        has_a_gap = page[0].seq != after + 1 if page else newest > after
        if has_a_gap or newest - after > MESSAGES_KEPT or (connection.resuming and after > newest):
            self._resync(connection, max(newest, page[-1].seq if page else 0))
            return
        told_all = connection.tell_page(page)
        if not connection.resuming:
            self._complete(listener, {message.completed for message in page if message.completed})
        if not told_all or len(page) == PAGE:
            if connection.behind_since is None:
                connection.behind_since = self.loop.time()
            if not connection.is_draining:
                self._want(connection)
            return
        connection.behind_since = None
        assert connection.cursor is not None
        if connection.resuming:
            connection.resuming = False
            connection.tell("resumed", {"last_seq": connection.cursor})
            connection.hear_on()
        if page and listener.last_seq > connection.cursor:
            self._want(connection)

    def _resync(self, connection: Connection, last_seq: int) -> None:
        """What it wants to know is no longer kept: it reads REST, and goes on from here."""
        connection.cursor, connection.resuming, connection.behind_since = last_seq, False, None
        connection.tell("resync", {"last_seq": last_seq})
        connection.hear_on()
        if self.listeners[connection.player_id].last_seq > last_seq:
            self._want(connection)

    # -- progress ------------------------------------------------------------------------------------------------------

    def _complete(self, listener: Listener, achievements: set[str]) -> None:
        if achievements:
            listener.completed = (listener.completed or set()) | achievements
            self._touch(listener)

    def _touch(self, listener: Listener) -> None:
        self._touched[listener.player_id] = listener
        self._something_touched.set()

    async def _tell_progress(self) -> None:
        while True:
            await self._something_touched.wait()
            self._something_touched.clear()
            now = self.loop.time()
            due = [listener for listener in self._touched.values() if listener.read_again_at <= now]
            if due:
                await self._read_progress(due[:PROGRESS_AT_ONCE])
                await asyncio.sleep(PROGRESS_PAUSE)
            if self._touched:
                self._something_touched.set()
                if len(due) <= PROGRESS_AT_ONCE:
                    soonest = min(listener.read_again_at for listener in self._touched.values())
                    await asyncio.sleep(max(PROGRESS_PAUSE, soonest - self.loop.time()))

    async def _read_progress(self, due: Iterable[Listener]) -> None:
        asked: dict[PlayerId, Touched] = {}
        for listener in due:
            asked[listener.player_id] = Touched(listener.metrics or (), listener.completed or ())
            listener.metrics = listener.completed = None
            del self._touched[listener.player_id]
        now = timezone.now()
        answer = await self._ask(progressed, asked, now)
        again = self.loop.time() + PROGRESS_EVERY
        for player_id in asked:
            listener_now = self.listeners.get(player_id)
            if listener_now is not None:
                listener_now.read_again_at = again
                self._show(listener_now, answer.get(player_id, {}), now)

    def _show(self, listener: Listener, progress: dict[str, float], now: datetime) -> None:
        shown = listener.shown = listener.shown or {}
        for id_, value in progress.items():
            if shown.get(id_, 0) == value:
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

    # -- memory --------------------------------------------------------------------------------------------------------

    def _keep_from_the_collector(self) -> None:
        """Sockets live long. Out of the collector's sight, thousands of them no longer make a full collection stall
        everybody's messages. What is frozen is still freed once nobody refers to it."""
        grown = self.count >= self._frozen + FREEZE_AFTER
        now = self.loop.time()
        if grown or (self.count >= FREEZE_AFTER and now - self._frozen_at > FREEZE_EVERY):
            self._frozen, self._frozen_at = max(self._frozen, self.count), now
            gc.collect(1)
            gc.freeze()


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """What goes wrong costs this one its connection, and nobody else a message."""
    try:
        yield
    except Exception:
        log.exception("a socket could not be told")
        connection.close(BROKEN)


def _hang_up() -> None:
    database.close()  # the thread's own, which the name stands for only there


def _stop_if_told_to() -> None:
    """Redis's client may swallow a cancellation while it connects, or make an error of its own of it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _answered(question: Callable[..., T], *arguments: Any) -> T:
    """On the reader's thread, whose connection stays open; one that failed is made anew."""
    try:
        with patience.within(settings.DB_TIMEOUT):
            return question(*arguments)
    except BaseException:
        database.close()
        raise


_hub: Hub | None = None


def here() -> Hub:
    """The hub of the loop that runs."""
    global _hub
    loop = asyncio.get_running_loop()
    if _hub is None or _hub.loop is not loop:
        _hub = Hub(loop)
        _hub.start()
    return _hub
