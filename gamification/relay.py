"""The relay: facts leave for RabbitMQ right after the commit that stated them, on a thread that nobody waits for.

It is a follower of the facts (`kernel.followers`), share by share. Each process that commits facts has its thread, and
hints it after the commit; one of them sends at a time. What a killed process or an absent broker left behind is found
by the sweep of the clock, and by the relay itself, which tries again until nothing is left.

The cursor is the id of the last fact that has left. A player's facts leave in the order they were stated: when the
broker *refuses* one (the full queue of a listener), that player's facts from there on are noted as unsent, and the
cursor goes on with everybody else's. Each second the first of them is tried again, and the rest follow once it is
taken. When the broker *says nothing*, the cursor stays before that fact, and what was sent after it goes out again:
delivery is at least once, and receivers know a repeated fact by its id.

A fact that no queue is bound for counts as sent: nobody listens, and what it says is in the tables all the same.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import Enum

from django.conf import settings
from django.db import connection
from django.db.models import Exists, Min, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from gamification.kernel.core.one_a_process import OneAProcess
from gamification.kernel.core.origins import Origin
from gamification.kernel.messaging import broker, outbox
from gamification.kernel.messaging.broker import State
from gamification.kernel.messaging.confirming import Message, Receipt
from gamification.kernel.messaging.followers import FACTS, Follower, Row
from gamification.kernel.models import OutboxFact, UnsentFacts
from gamification.kernel.storage import shares

log = logging.getLogger(__name__)

CONFIRM_TIMEOUT = 5.0
"""Seconds that the broker may take to confirm a chunk."""
CHUNK = 500
"""Facts sent before the next look at the log."""
RETRY_CHUNK = 100
"""Players whose unsent facts are tried in one turn."""
FIRST_PAUSE, MAX_PAUSE = 1.0, 15.0
"""Seconds until the next attempt, while the broker takes nothing or the database is away; doubled each time."""
SHORT_PAUSE = 0.02
"""Seconds until the next look, while batches are under way whose facts have to come first."""
IDLE_TIMEOUT = 30.0
"""Seconds without a fact after which the database connection is given back."""


def _unsent_from() -> int | None:
    since = UnsentFacts.objects.aggregate(since=Min("since"))["since"]
    return None if since is None else int(since) - 1


RELAY = Follower("relay", FACTS, is_on=lambda: bool(settings.RABBITMQ_URL), seen_to=_unsent_from)

_TAKEN = (Receipt.CONFIRMED, Receipt.RETURNED)
_COLUMNS = ("player_id", "fact_id", "type", "timestamp", Cast("data", TextField()), *Origin._fields)
"""`data` as the text that is stored: it is passed on without being parsed."""

Publish = Callable[[Sequence[Message]], Sequence[Receipt]]


class Remaining(Enum):
    """What is still to be sent when a turn has ended."""

    NOTHING = "nothing"
    NEXT = "facts that may leave at once"
    SOON = "facts that come after those of batches under way"
    LATER = "facts that the broker does not take"


def publish_waiting(of_shares: Iterable[int] | None = None) -> Remaining:
    """Publish whatever may leave, of these shares or of all, a chunk of each in turn. Returns what remains."""
    remaining = dict.fromkeys(shares.every() if of_shares is None else of_shares, Remaining.NEXT)
    while Remaining.NEXT in remaining.values():
        for share in [share for share, found in remaining.items() if found is Remaining.NEXT]:
            with shares.within(share):
                remaining[share] = _publish_next()
    for worst in (Remaining.LATER, Remaining.SOON):
        if worst in remaining.values():
            return worst
    return Remaining.NOTHING


def _publish_next() -> Remaining:
    """Publish the next chunk of the share that is named."""
    publisher = broker.publisher()

    def publish(messages: Sequence[Message]) -> Sequence[Receipt]:
        return publisher.publish(messages, timeout=CONFIRM_TIMEOUT)

    if publisher.state in (State.DOWN, State.BLOCKED):
        return Remaining.LATER
    found, gone = send_next(publish)
    if gone < found:
        return Remaining.LATER
    if found == CHUNK:
        return Remaining.NEXT
    while retry(publish):
        pass
    if UnsentFacts.objects.exists():
        return Remaining.LATER
    return Remaining.SOON if has_next() else Remaining.NOTHING


def send_next(publish: Publish, most: int = CHUNK) -> tuple[int, int]:
    """Send the next facts. Returns how many there were, and over how many of them the cursor has moved."""
    with RELAY.alone():
        rows, _ = RELAY.page(_COLUMNS, most)
        if not rows:
            return 0, 0
        unsent = set(UnsentFacts.objects.filter(pk__in={row[1] for row in rows}).values_list("pk", flat=True))
        free = [row for row in rows if row[1] not in unsent]
        receipts = dict(zip((row[0] for row in free), _sent(publish, free), strict=True))
        refused: dict[str, int] = {}
        done = 0
        for pk, player_id, *_ in rows:
            receipt = receipts.get(pk)
            if receipt is Receipt.UNKNOWN:
                break
            if receipt is Receipt.REFUSED:
                refused.setdefault(player_id, pk)
            done += 1
        UnsentFacts.objects.bulk_create(UnsentFacts(player_id=id_, since=pk) for id_, pk in refused.items())
        if done:
            RELAY.move(rows[done - 1][0])
        return len(rows), done


def retry(publish: Publish) -> bool:
    """Send the first unsent fact of some players, and the rest of those whose first is taken. Returns whether any was.

    Only the first: a broker that takes the second and not the first would be sent the second over and over.
    """
    with RELAY.alone():
        cursor = RELAY.cursor()
        players = list(UnsentFacts.objects.order_by("tried_at", "pk")[:RETRY_CHUNK])
        firsts = [_facts_of(player, cursor, 1) for player in players]
        receipts = iter(_sent(publish, [row for rows in firsts for row in rows]))
        moved = False
        for player, rows in zip(players, firsts, strict=True):
            player.tried_at = timezone.now()
            if rows and next(receipts) in _TAKEN:
                player.since = rows[0][0] + 1
                moved = True
                rows = _facts_of(player, cursor, CHUNK)
                for row, receipt in zip(rows, _sent(publish, rows), strict=True):
                    if receipt not in _TAKEN:
                        break
                    player.since = row[0] + 1
            if player.since > cursor or not _facts_of(player, cursor, 1):
                player.delete()
            else:
                player.save()
        return moved


def has_next() -> bool:
    """Whether there are facts after the cursor."""
    return RELAY.log.rows.filter(pk__gt=RELAY.cursor()).exists()


def waiting() -> QuerySet[OutboxFact]:
    """The facts that have not left yet, the oldest first."""
    unsent = UnsentFacts.objects.filter(pk=OuterRef("player_id"), since__lte=OuterRef("pk"))
    return OutboxFact.objects.filter(Q(pk__gt=RELAY.cursor()) | Exists(unsent)).order_by("pk")


def _facts_of(player: UnsentFacts, cursor: int, most: int) -> list[Row]:
    """The player's unsent facts up to the cursor; later ones are sent in their turn."""
    rows = OutboxFact.objects.filter(player_id=player.player_id, pk__gte=player.since, pk__lte=cursor)
    return list(rows.order_by("pk").values_list("pk", *_COLUMNS)[:most])


def _sent(publish: Publish, rows: Sequence[Row]) -> Sequence[Receipt]:
    return publish([outbox.cloud_event(*row[1:]) for row in rows]) if rows else []


class Relay:
    """A thread that publishes when it gets a hint, until nothing remains."""

    def __init__(self) -> None:
        self._hinted = threading.Event()
        self._shares: set[int] = set()
        """Those in which facts may wait."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def hint(self, share: int) -> None:
        self._shares.add(share)
        self._hinted.set()

    def stop(self, timeout: float = 3.0) -> None:
        """Publish what is left, if that can be done in `timeout` seconds."""
        self._stopping = True
        self._hinted.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        remaining, last = Remaining.NOTHING, False
        pause = FIRST_PAUSE
        while not last:
            if remaining is Remaining.SOON:
                time.sleep(SHORT_PAUSE)  # a hint is no reason to look sooner
            elif remaining is not Remaining.NOTHING:
                self._hinted.wait(pause)
            elif not self._hinted.wait(IDLE_TIMEOUT):
                connection.close()
                continue
            self._hinted.clear()
            last = self._stopping
            try:
                remaining, pause = self._publish(), FIRST_PAUSE
            except Exception as problem:  # a database that is away, most likely: it will be tried again
                log.warning("facts were not published, they wait in the outbox", exc_info=problem)
                connection.close()
                remaining, pause = Remaining.LATER, min(2 * pause, MAX_PAUSE)
        connection.close()

    def _publish(self) -> Remaining:
        """Publish what waits in the shares of which hints told; those in which something remains are kept."""
        remaining = Remaining.NOTHING
        for share in sorted(self._shares.copy()):
            self._shares.discard(share)  # before it is looked at: a hint that comes meanwhile stays
            try:
                found = publish_waiting([share])
            except BaseException:
                self._shares.add(share)
                raise
            if found is not Remaining.NOTHING:
                self._shares.add(share)
                remaining = Remaining.LATER if Remaining.LATER in (found, remaining) else found
        return remaining


_relay = OneAProcess(Relay, end=Relay.stop)
stop = _relay.stop
"""Publish what is left and end the thread; the next hint begins another."""


def hint(share: int = 0) -> None:
    """Wake the thread to publish new facts of a share. Call it after the commit; it does not wait."""
    if settings.RABBITMQ_URL:
        _relay().hint(share)


def sweep(now: datetime) -> None:
    """Wake the thread if facts have not left, whichever process has stated them."""
    if not settings.RABBITMQ_URL:
        return
    for share in shares.every():
        with shares.within(share):
            if has_next() or UnsentFacts.objects.exists():
                hint(share)
