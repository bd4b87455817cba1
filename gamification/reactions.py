"""What follows from a batch once it is committed. Nothing here is a promise: what must not be lost is in the outbox."""

from __future__ import annotations

import logging

from django.db import DatabaseError, transaction

from gamification.kernel import sql
from gamification.kernel.world import World
from progress.metering import Books

log = logging.getLogger(__name__)


def after_commit(world: World) -> None:
    """Roll up the metrics' health. A failure here is logged and costs nobody an event."""
    if not world[Books].health:
        return
    try:
        with transaction.atomic(), sql.together():
            sql.lightly()
            world[Books].write_health()
    except DatabaseError:
        log.warning("the health of %d metrics was not rolled up", len(world[Books].health), exc_info=True)
