"""Who is connected to this node: the sockets of each player, how many there may be, and whose are closed by whom."""

from __future__ import annotations

import gc

from django.conf import settings

from gamification.feed.clock import Clock
from gamification.feed.connection import Backlog, Connection, Farewell, Push, Send
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.web.tokens import REVOKED, Token
from progress.queries import KnownHead

FREEZE_AFTER = 256
"""The collector stops looking at sockets when there are this many more than ever before."""
FREEZE_EVERY = 60
"""Seconds after which it also stops looking at sockets that took the place of others."""

EXPIRED = Farewell(4401, "expired_token")
ENDED = Farewell(4401, REVOKED)
ONE_TOO_MANY = Farewell(4410, "too_many_connections")
LOCKED_OUT = 4403


class Listener:
    """A player with sockets on this node."""

    __slots__ = ("completed", "connections", "last_seq", "metrics", "player_id", "read_again_at", "shown")

    def __init__(self, player_id: PlayerId) -> None:
        self.player_id = player_id
        self.connections: list[Connection] = []
        self.last_seq = 0
        """The highest number of a message that this node has heard of."""
        self.metrics: set[str] | None = None
        """The metrics that had samples since this player's progress was last read."""
        self.completed: set[str] | None = None
        """The achievements that were completed since then."""
        self.shown: dict[str, float] | None = None
        """The progress that the player was shown last, by achievement."""
        self.read_again_at = 0.0
        """The earliest moment at which this player's progress is read again."""


class Presence:
    def __init__(self, clock: Clock, backlog: Backlog) -> None:
        self.listeners: dict[PlayerId, Listener] = {}
        self.count = 0
        """The number of sockets, which may be more than that of players."""
        self._clock = clock
        self._backlog = backlog
        self._frozen, self._frozen_at = 0, 0.0

    @property
    def is_full(self) -> bool:
        return self.count >= settings.WS_MAX_CONNECTIONS

    def enter(self, token: Token, send: Send, push: Push | None) -> Connection:
        connection = Connection(token, send, push, self._backlog)
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
        connection.close_in(max(0.0, (token.expires_at - self._clock.now()).total_seconds()), EXPIRED)
        return connection

    def leave(self, connection: Connection) -> bool:
        """Whether this was the player's last socket here."""
        listener = self.listeners.get(connection.player_id)
        if listener is None or connection not in listener.connections:
            return False
        listener.connections.remove(connection)
        self.count -= 1
        if listener.connections:
            return False
        del self.listeners[connection.player_id]
        return True

    def known_head(self, player_id: PlayerId) -> KnownHead | None:
        """What the sockets of a player were told, at least. None: there are none that were let in."""
        listener = self.listeners.get(player_id)
        told = [c.cursor for c in listener.connections if c.cursor is not None] if listener else []
        if listener is None or not told:
            return None
        return player_id, min(told), min(c.generation for c in listener.connections)

    def lock_out(self, player_id: PlayerId, why: str) -> None:
        """Close every socket of a player who may not come in."""
        listener = self.listeners.get(player_id)
        for connection in list(listener.connections) if listener else ():
            connection.close(Farewell(LOCKED_OUT, why))

    def end_tokens(self, player_id: PlayerId, generation: int) -> None:
        """Close the sockets that came in by a token of an older generation."""
        listener = self.listeners.get(player_id)
        for connection in list(listener.connections) if listener else ():
            if connection.generation < generation:
                connection.close(ENDED)

    def _keep_from_the_collector(self) -> None:
        """Sockets live long. With thousands of them, a full collection would look at all of them and stall everybody's
        messages meanwhile; it does not look at what is frozen. A frozen object is still freed once nobody refers to it.
        """
        grown = self.count >= self._frozen + FREEZE_AFTER
        now = self._clock.monotonic()
        if grown or (self.count >= FREEZE_AFTER and now - self._frozen_at > FREEZE_EVERY):
            self._frozen, self._frozen_at = max(self._frozen, self.count), now
            gc.collect(1)
            gc.freeze()
