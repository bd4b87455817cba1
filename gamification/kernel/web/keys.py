"""API keys that will soon expire: a warning in the log, the console and `doctor`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import BigIntegerField, Exists, OuterRef
from django.db.models.functions import Coalesce

from gamification.kernel.models import ApiKey

log = logging.getLogger(__name__)

WARN_BEFORE = timedelta(days=14)
"""How long before it expires a key is warned of."""


def ending(now: datetime) -> Sequence[ApiKey]:
    """Keys at work that end soon and have no successor, the soonest first."""
    line = Coalesce(OuterRef("lineage"), OuterRef("pk"), output_field=BigIntegerField())
    successors = ApiKey.objects.filter(lineage=line, pk__gt=OuterRef("pk"), revoked_at=None)
    at_work = ApiKey.objects.filter(revoked_at=None, expires_at__gt=now, expires_at__lte=now + WARN_BEFORE)
    return list(at_work.exclude(Exists(successors)).order_by("expires_at", "pk"))


def said(key: ApiKey) -> str:
    return f"The API key {key} ends on {key.expires_at:%Y-%m-%d at %H:%M} UTC"


def warn(now: datetime) -> None:
    """A line for each in the log, once a day; without a cache that all share, once a day and process."""
    found = ending(now)
    is_first = True
    with suppress(Exception):  # a cache that is away costs a line more
        is_first = not found or cache.add(f"keys.warned.{now:%Y-%m-%d}", True, timeout=86_400)
    for key in found if is_first else ():
        log.warning("%s: manage.py rotate_api_key %s makes its successor", said(key), key.prefix)
