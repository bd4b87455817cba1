"""The deployment's time zone, for players without one of their own: a history in the database, like a player's.

`migrate` (without a broker, `serve` too) records the zone that TIME_ZONE names, and every process uses what is
recorded. So a change applies from the end of the open period, for all at once, whenever each process restarts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Definitions, Units
from gamification.kernel.core.encoding import instant
from progress.models import HomeZone


class Home(tuple[tuple[str, str], ...]):
    """The deployment's zone history, as `periods.Zones`. A part of the rules, so that a batch reads it with them."""

    __slots__ = ()


def compile_home(definitions: Definitions, units: Units) -> Home:
    recorded = HomeZone.objects.order_by("id").values_list("since", "name")
    return Home((instant(since) if since else "", name) for since, name in recorded) or Home((("", "UTC"),))


def recorded() -> str | None:
    """The zone that was recorded last; None: none was yet."""
    return HomeZone.objects.order_by("-id").values_list("name", flat=True).first()


def record(name: str, now: datetime) -> None:
    """Record that the deployment's zone is `name` from now on, unless it is. The first one holds for the past too."""
    with transaction.atomic():
        publishing.lock()
        before = recorded()
        if before != name:
            HomeZone.objects.create(since=now if before else None, name=name)
            publishing.renew()


def record_after_migrate(sender: Any = None, using: str = "default", **kwargs: Any) -> None:
    """Record the `TIME_ZONE` of the settings, unless a migration stopped where there was no table for it yet."""
    if HomeZone._meta.db_table in connections[using].introspection.table_names():
        record(settings.PLAYER_TIME_ZONE, timezone.now())
