"""The hub, one in each server process: it hears the hints and sends each socket the messages that its player lacks.

Everything here happens on the loop that serves the sockets, but for the database, which one thread asks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from gamification.feed import hints
from gamification.feed.clock import Clock
from gamification.feed.connection import Backlog, Connection, Farewell, Push, Send
from gamification.feed.hints import GROUP, Sender
from gamification.feed.models import MESSAGES_KEPT
from gamification.feed.presence import ENDED, LOCKED_OUT, Listener, Presence
from gamification.feed.reading import PAGE, Answer, Reader, read
from gamification.feed.shown_progress import ShownProgress
from gamification.feed.texts import Numbered
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.web.tokens import Token
from progress.queries import FeedHead

log = logging.getLogger(__name__)

CHECK_ALL_EVERY = 5
"""Seconds in which every connected player's row is compared once, since hints may be lost."""
CHECK_PARTS = 20
"""In so many parts, so that none holds up a message for long."""
FIRST_PAUSE, MAX_PAUSE = 1.0, 5.0
"""Seconds before work that failed is begun anew, doubled each time."""
JOIN_TIMEOUT = 10
"""Seconds for which a socket that comes in may wait for a database that does not answer."""

HELLO_HOLDS = 1.0
"""Seconds for which what was read for a hello answers a resume as well."""

TRY_AGAIN_LATER = Farewell(1013, "retry-after=5.0")
INTERNAL_ERROR = Farewell(1011, "internal_error")


class Hub:
    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock | None = None) -> None:
        self.loop = loop
        self.clock = clock = clock or Clock()
        self.sender = Sender(loop)
        self._backlog = Backlog(clock, self._has_room)
        self.presence = Presence(clock, self._backlog)
        self._reader = Reader(loop)
        self._progress = ShownProgress(self.presence, self._reader, clock)
        self._channel = ""
        self._listening = asyncio.Event()
        self._joining: list[Connection] = []
        self._to_read: dict[Connection, None] = {}
        """The sockets whose next messages are to be read, in the order in which they asked."""
        self._to_check: set[PlayerId] = set()
        self._something_to_read = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        hints.send_by(self.sender)
        for work in (self._listen, self._read_on, self._progress.show_on, self._check_all):
            self._tasks.append(self.loop.create_task(self._for_ever(work)))

    async def stop(self) -> None:
        hints.send_by(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reader.stop()

    async def _for_ever(self, work: Callable[[], Any]) -> None:
        pause = FIRST_PAUSE
        while True:
            began = self.clock.monotonic()
            try:
                await work()
            except Exception as failure:  # a database or a layer that is away comes back
                _stop_if_told_to()
                log.warning("the feed goes on after a failure", exc_info=failure)
                if self.clock.monotonic() - began > 2 * MAX_PAUSE:
                    pause = FIRST_PAUSE
                await self.clock.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE)

    # -- coming and going ----------------------------------------------------------------------------------------------

    def enter(self, token: Token, send: Send, push: Push | None = None) -> Connection:
        """Add a socket to the player's. It is there before the database is read, so nothing in between is missed."""
        return self.presence.enter(token, send, push)

    async def let_in(self, connection: Connection) -> None:
        """Returns when the player was told hello, or is being closed."""
        if not self._listening.is_set():
            with suppress(TimeoutError):  # without the layer there are no hints, but the feed works
                await asyncio.wait_for(self._listening.wait(), timeout=1)
        ready = connection.ready = self.loop.create_future()
        self._joining.append(connection)
        self._something_to_read.set()
        try:
            async with asyncio.timeout(JOIN_TIMEOUT):
                await ready
        except TimeoutError:
            connection.close(TRY_AGAIN_LATER)

    def leave(self, connection: Connection) -> None:
        connection.stop()
        self._to_read.pop(connection, None)
        if self.presence.leave(connection):
            self._progress.forget(connection.player_id)

    async def resume(self, connection: Connection, after: int) -> None:
        """Send all messages after that number, sent before or not; returns when all of them are queued."""
        if connection.closed:
            return
        if self._has_all(connection, after):
            connection.tell("resumed", {"last_seq": after})
            return
        connection.cursor, connection.resuming, connection.behind_since = after, True, None
        ready = connection.ready = self.loop.create_future()
        self._want(connection)
        await ready

    def _has_all(self, connection: Connection, after: int) -> bool:
        """Whether the client misses nothing, as the row says that was read for its hello a moment ago. Most of those
        who come back after a restart have missed nothing, and nothing is read for them once more."""
        is_recent = self.clock.monotonic() - connection.let_in_at < HELLO_HOLDS
        is_known = connection.cursor == after and self.presence.listeners[connection.player_id].last_seq <= after
        return is_recent and is_known and connection.behind_since is None and not connection.in_doubt

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
                ended, told = message.get("tokens_ended", {}), message.get("told", {})  # older nodes say nothing of it
                self.hear(message["last_seq"], message["metrics"], message["locked_out"], ended, told)
        except Exception:
            self._channel = ""
            _stop_if_told_to()
            with suppress(Exception):
                async with asyncio.timeout(1):
                    await layer.flush()  # so that no queue stays behind that nobody reads
            raise

    def hear(
        self,
        last_seq: dict[PlayerId, int],
        metrics: dict[PlayerId, list[str]],
        locked_out: dict[PlayerId, str],
        tokens_ended: dict[PlayerId, int],
        told: Mapping[PlayerId, Sequence[tuple[int, str, str]]] | None = None,
    ) -> None:
        """`told` are messages that the hint brings."""
        for player_id, why in locked_out.items():
            self.presence.lock_out(player_id, why)
        for player_id, generation in tokens_ended.items():
            self.presence.end_tokens(player_id, generation)
        listeners = self.presence.listeners
        for player_id, seq in last_seq.items():
            if player_id in listeners:
                brought = [Numbered(*message) for message in told.get(player_id, ())] if told else []
                self._has_more(listeners[player_id], seq, brought)
        for player_id, names in metrics.items():
            if player_id in listeners:
                self._progress.sampled(listeners[player_id], names)

    def _has_more(self, listener: Listener, last_seq: int, brought: Sequence[Numbered] = ()) -> None:
        listener.last_seq = max(last_seq, listener.last_seq)
        for connection in list(listener.connections):
            is_on_its_way = connection.cursor is None or connection.resuming or connection.behind_since is not None
            if connection.closed or is_on_its_way or (connection.cursor or 0) >= last_seq:
                continue
            with _alone(connection):
                if brought:
                    self._tell_brought(listener, connection, brought)
                if (connection.cursor or 0) < last_seq:
                    self._want(connection)

    def _tell_brought(self, listener: Listener, connection: Connection, brought: Sequence[Numbered]) -> None:
        """Tell what a hint brought and the socket has not had, if it begins where the socket stands and has no gap.
        Hints may overtake each other; the database tells whatever they do not, in order."""
        assert connection.cursor is not None
        page = [message for message in brought if message.seq > connection.cursor]
        if page and page[-1].seq - connection.cursor == len(page):
            connection.tell_page(page)
            self._progress.completed(listener, {message.completed for message in page if message.completed})

    async def _check_all(self) -> None:
        """Check the players, part by part, since hints may be lost, and close clients that do not keep up."""
        while True:
            everybody = list(self.presence.listeners)
            for part in range(CHECK_PARTS):
                await self.clock.sleep(CHECK_ALL_EVERY / CHECK_PARTS)
                self._to_check.update(everybody[part::CHECK_PARTS])
                if self._to_check:
                    self._something_to_read.set()
                self._backlog.close_the_slow()
            if self._channel:  # the layer in memory forgets group members after a day
                await hints.layer().group_add(GROUP, self._channel)

    # -- messages ------------------------------------------------------------------------------------------------------

    def _want(self, connection: Connection) -> None:
        self._to_read[connection] = None
        self._something_to_read.set()

    def _has_room(self, connection: Connection) -> None:
        """Go on with a socket whose queue is empty again: messages may have been left in the database."""
        if not connection.closed and (connection.resuming or connection.behind_since is not None):
            self._want(connection)

    async def _read_on(self) -> None:
        while True:
            await self._something_to_read.wait()
            self._something_to_read.clear()
            await self._read_once()  # a call of its own: its local names hold no connection while this waits

    async def _read_once(self) -> None:
        joining, self._joining = self._joining, []
        to_read, self._to_read = list(self._to_read), {}
        checked, self._to_check = self._to_check, set()
        asking = [*joining, *(connection for connection in to_read if connection.resuming or connection.in_doubt)]
        wants = {c: (c.player_id, c.cursor) for c in to_read if not c.closed and c.cursor is not None}
        heard = {c: self.presence.listeners[c.player_id].last_seq for c in wants}
        known = [each for player_id in checked if (each := self.presence.known_head(player_id)) is not None]
        try:
            answer = await self._reader.ask(read, {c.player_id for c in asking}, set(wants.values()), known)
        except Exception:
            self._joining += joining
            self._to_read |= dict.fromkeys(to_read)
            self._something_to_read.set()
            raise
        for player_id, head in answer.unlike.items():
            self._compare(player_id, head)
        for connection in joining:
            with _alone(connection):
                self._welcome(connection, answer.heads[connection.player_id])
        for connection, (_, after) in wants.items():
            with _alone(connection):
                self._tell(connection, after, heard[connection], answer)

    def _compare(self, player_id: PlayerId, head: FeedHead) -> None:
        if head.locked_out:
            self.presence.lock_out(player_id, head.locked_out)
        elif player_id in self.presence.listeners:
            self.presence.end_tokens(player_id, head.generation)
            self._has_more(self.presence.listeners[player_id], head.last_seq)

    def _welcome(self, connection: Connection, head: FeedHead) -> None:
        if head.locked_out:
            connection.close(Farewell(LOCKED_OUT, head.locked_out))
        elif connection.generation < head.generation:
            connection.close(ENDED)
        if connection.closed:
            return
        connection.cursor, connection.let_in_at = head.last_seq, self.clock.monotonic()
        connection.tell("hello", {"last_seq": head.last_seq})
        connection.read_on()
        if self.presence.listeners[connection.player_id].last_seq > head.last_seq:  # a hint arrived before the answer
            self._want(connection)

    def _tell(self, connection: Connection, after: int, heard: int, answer: Answer) -> None:
        """`heard` is the number of the newest message that was known when the database was asked."""
        if connection.closed:
            return
        if connection.cursor != after:  # the client resumed from elsewhere while we read
            self._want(connection)
            return
        page = answer.pages.get((connection.player_id, after), [])
        listener, head = self.presence.listeners[connection.player_id], answer.heads.get(connection.player_id)
        if not page and heard > after and head is None:
            connection.in_doubt = True
            self._want(connection)
            return
        newest = head.last_seq if head else heard
        if connection.in_doubt:  # the hint named more messages than there are
            connection.in_doubt, listener.last_seq = False, newest
        has_a_gap = page[0].seq != after + 1 if page else newest > after
        if has_a_gap or newest - after > MESSAGES_KEPT or (connection.resuming and after > newest):
            self._resync(connection, max(newest, page[-1].seq if page else 0))
            return
        told_all = connection.tell_page(page)
        if not connection.resuming:
            self._progress.completed(listener, {message.completed for message in page if message.completed})
        if not told_all or len(page) == PAGE:
            if connection.behind_since is None:
                connection.behind_since = self.clock.monotonic()
            if not connection.is_draining:
                self._want(connection)
            return
        connection.behind_since = None
        assert connection.cursor is not None
        if connection.resuming:
            connection.resuming = False
            connection.tell("resumed", {"last_seq": connection.cursor})
            connection.read_on()
        if listener.last_seq > connection.cursor:
            self._want(connection)

    def _resync(self, connection: Connection, last_seq: int) -> None:
        """Have the client read its state over REST and go on from here: what it asked for is no longer kept."""
        connection.cursor, connection.resuming, connection.behind_since = last_seq, False, None
        connection.tell("resync", {"last_seq": last_seq})
        connection.read_on()
        if self.presence.listeners[connection.player_id].last_seq > last_seq:
            self._want(connection)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """A failure closes this connection, and costs nobody else a message."""
    try:
        yield
    except Exception:
        log.exception("a socket could not be told")
        connection.close(INTERNAL_ERROR)


def _stop_if_told_to() -> None:
    """Redis's client may swallow a cancellation while it connects, or make an error of its own of it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


_hub: Hub | None = None


def here() -> Hub:
    """The hub of the loop that runs."""
    global _hub
    loop = asyncio.get_running_loop()
    if _hub is None or _hub.loop is not loop:
        _hub = Hub(loop)
        _hub.start()
    return _hub
