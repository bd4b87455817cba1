"""After a commit the nodes that hold players' sockets are told what is new: one hint a batch, through the channel
layer. It says how far each player's numbers go and, as far as there is room, brings the messages. A hint may get lost
or come late; the database is the truth, and every node looks there from time to time.

Whoever commits (a view's thread, the clock's, a worker) knows no socket, and never waits for the layer.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import BaseChannelLayer, channel_layers
from django.conf import settings
from django.db import transaction

from gamification.feed.texts import numbered
from gamification.kernel.core.encoding import json_text
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.one_a_process import OneAProcess

log = logging.getLogger(__name__)

GROUP = "feed"
SEND_TIMEOUT = 2
"""Seconds that the channel layer may take to send a hint."""
MAX_PLAYERS = 50_000
"""Players whose hints may wait for a layer that does not answer. Beyond that hints are dropped: nodes look into the
database every few seconds anyway."""
MAX_MESSAGES, MAX_TEXT = 1_000, 256 * 1024
"""How many messages a hint brings, and how many characters of text. Nodes read the rest."""

Row = tuple[PlayerId, int, str, dict[str, Any], datetime]
"""A message as it was written: its player, number, type, data, and when it happened."""


def layer() -> BaseChannelLayer:
    return channel_layers[DEFAULT_CHANNEL_LAYER]


@dataclass(slots=True)
class Hint:
    last_seq: dict[PlayerId, int] = field(default_factory=dict)
    """Who has new messages, and the number of the newest."""
    metrics: dict[PlayerId, set[str]] = field(default_factory=dict)
    """Who had samples, and of which metrics."""
    locked_out: dict[PlayerId, str] = field(default_factory=dict)
    """Whose sockets are to be closed, and why."""
    tokens_ended: dict[PlayerId, int] = field(default_factory=dict)
    """Of whom only the sockets are to stay whose token is of this generation or a newer one."""
    messages: list[Row] = field(default_factory=list)
    """The new messages, or some of them."""

    def add(self, other: Hint) -> None:
        for player_id, seq in other.last_seq.items():
            self.last_seq[player_id] = max(seq, self.last_seq.get(player_id, 0))
        for player_id, metrics in other.metrics.items():
            self.metrics.setdefault(player_id, set()).update(metrics)
        self.locked_out |= other.locked_out
        for player_id, generation in other.tokens_ended.items():
            self.tokens_ended[player_id] = max(generation, self.tokens_ended.get(player_id, 0))
        if len(self.messages) + len(other.messages) <= MAX_MESSAGES:
            self.messages += other.messages

    def __bool__(self) -> bool:
        return bool(self.last_seq or self.metrics or self.locked_out or self.tokens_ended)

    def __len__(self) -> int:
        return max(len(self.last_seq), len(self.metrics), len(self.locked_out), len(self.tokens_ended))

    def message(self) -> dict[str, Any]:
        metrics = {player_id: list(names) for player_id, names in self.metrics.items()}
        return {
            "type": "feed.hint",
            "last_seq": self.last_seq,
            "metrics": metrics,
            "locked_out": self.locked_out,
            "tokens_ended": self.tokens_ended,
            "told": self._texts(),
        }

    def _texts(self) -> dict[PlayerId, list[tuple[int, str, str]]]:
        """Each player's messages as their sockets are sent them, in the order of their numbers."""
        texts: dict[PlayerId, list[tuple[int, str, str]]] = {}
        room = MAX_TEXT
        for player_id, seq, type_, data, at in sorted(self.messages, key=itemgetter(0, 1)):
            message = numbered(player_id, seq, type_, json_text(data), at)
            room -= len(message.text)
            if room < 0:
                break
            texts.setdefault(player_id, []).append(message)
        return texts


def after_commit(
    *,
    last_seq: Mapping[PlayerId, int],
    metrics: Mapping[PlayerId, Iterable[str]],
    locked_out: Mapping[PlayerId, str],
    tokens_ended: Mapping[PlayerId, int],
    messages: Sequence[Row] = (),
) -> None:
    """Tell the nodes once what is written can be read."""
    touched = {id_: set(names) for id_, names in metrics.items()}
    hint = Hint(dict(last_seq), touched, dict(locked_out), dict(tokens_ended), list(messages[:MAX_MESSAGES]))
    if hint and settings.ENABLE_REAL_TIME:
        transaction.on_commit(partial(tell, hint), robust=True)


def tell(hint: Hint) -> None:
    """Send a hint, from any thread, without waiting for it."""
    if _own_hubs is not None:
        _own_hubs.take(hint)
    elif settings.REDIS_HOST:  # a layer in memory reaches no other process
        _in_a_thread().take(hint)


class Sender:
    """Sends hints from one event loop, for any thread. Those that come while one is being sent become the next one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._lock = threading.Lock()
        self._waiting = Hint()
        self._sending: asyncio.Task[None] | None = None
        self._is_busy = False
        self._is_failing = False

    def take(self, hint: Hint) -> None:
        with self._lock:
            if len(self._waiting) >= MAX_PLAYERS:
                self._waiting = Hint()
            self._waiting.add(hint)
            if self._is_busy:
                return
            self._is_busy = True
        try:
            self.loop.call_soon_threadsafe(self._start)
        except RuntimeError:  # the loop is closed, the process about to end
            self._is_busy = False

    def finish(self) -> None:
        """Wait for what is being sent: a command may end right after its last batch."""
        until = time.monotonic() + SEND_TIMEOUT
        while self._is_busy and time.monotonic() < until:
            time.sleep(0.005)

    def _start(self) -> None:
        self._sending = self.loop.create_task(self._send())

    async def _send(self) -> None:
        while hint := self._next():
            try:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await layer().group_send(GROUP, hint.message())
                self._is_failing = False
            except Exception as failure:  # of whatever layer it is
                if not self._is_failing:  # once, not for every batch
                    log.warning("the channel layer does not take hints: %r", failure)
                self._is_failing = True

    def _next(self) -> Hint | None:
        with self._lock:
            if not self._waiting:
                self._is_busy = False
                return None
            hint, self._waiting = self._waiting, Hint()
            return hint


# -- who sends in this process -----------------------------------------------------------------------------------------

_own_hubs: Sender | None = None
"""Where sockets are served: the sender on the loop that serves them."""


def send_by(sender: Sender | None) -> None:
    """Have a hub's loop send this process's hints."""
    global _own_hubs
    _own_hubs = sender


def _sending_thread() -> Sender:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="hints", daemon=True).start()
    return Sender(loop)


_in_a_thread = OneAProcess(_sending_thread, end=Sender.finish)
"""Elsewhere, with a layer that reaches other processes: the sender on a thread of its own."""
