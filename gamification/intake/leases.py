"""Which shares a worker takes events of: by leases in the database, which end by themselves when a worker is killed.

Each worker aims at its part of the shares, N over the living, rounded up. It takes leases that have run out until it
has so many, and gives up what it has beyond that. RabbitMQ lets one consumer at a time take from a share's queue: that
is only the guard, for the moment in which two workers believe that they hold the same share.

The database's clock says when a lease ends, so the workers' clocks may differ.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from gamification.kernel.models import ShareLease, WorkerHeartbeat
from gamification.kernel.storage import shares, sql

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=5)
"""How long a lease lasts; it is renewed with each heartbeat, every second."""


class Leases:
    def __init__(self, worker: str) -> None:
        self.worker = worker
        self.held: frozenset[int] = frozenset()
        """The shares that are to be worked on. Whoever does so releases what is in here no more."""
        self.is_taking = False
        """Whether events can be taken: else others are to have the shares."""

    def renew(self) -> None:
        """Renew what is held, and take or give up leases until it is this worker's part."""
        if not self.is_taking:
            return
        with transaction.atomic():
            sql.without_fsync()
            missing = set(shares.every()) - set(ShareLease.objects.values_list("share", flat=True))
            free = [ShareLease(share=share, until=timezone.now()) for share in sorted(missing)]
            ShareLease.objects.bulk_create(free, ignore_conflicts=True)
            ShareLease.objects.filter(worker=self.worker).update(until=Now() + LEASE)
        mine = set(ShareLease.objects.filter(worker=self.worker).values_list("share", flat=True))
        part = -(-shares.number() // self._living())
        if len(mine) < part:
            mine |= self._taken(part - len(mine))
        held = frozenset(sorted(mine)[:part])
        if held != self.held:
            log.info("this worker takes events of the shares %s", sorted(held))
        self.held = held

    def release(self, given_up: Iterable[int]) -> None:
        """Let others take these at once."""
        ShareLease.objects.filter(worker=self.worker, share__in=list(given_up)).update(worker="", until=Now())

    def stop(self) -> None:
        """Take none until `is_taking` is set again. What is held goes to others at once, if the database answers."""
        self.is_taking, self.held = False, frozenset()
        try:
            self.release(shares.every())
        except OperationalError as problem:
            log.warning("shares were not released, their leases will run out: %s", problem)
            connection.close()

    def _living(self) -> int:
        """How many workers there are, this one included."""
        since = timezone.now() - LEASE
        others = WorkerHeartbeat.objects.filter(at__gt=since).exclude(pk=self.worker)
        return others.count() + 1

    def _taken(self, most: int) -> set[int]:
        """Of the leases that have run out, up to so many."""
        found: set[int] = set()
        for share in ShareLease.objects.filter(until__lte=Now()).order_by("until").values_list("share", flat=True):
            if len(found) == most:
                break
            mine = ShareLease.objects.filter(share=share, until__lte=Now())  # another may have been faster
            if mine.update(worker=self.worker, until=Now() + LEASE):
                found.add(share)
        return found
