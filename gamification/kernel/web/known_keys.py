"""The API keys that this process has looked up: looked up again after KEY_CACHE seconds, and good for longer while the
database does not answer.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q

from gamification.kernel.models import ApiKey
from gamification.kernel.storage import database_timeout

STALE_IF_ERROR = 300.0
"""Seconds for which a key that was looked up is good while the database does not answer."""
LOOKUP_TIMEOUT = 0.8
"""Seconds that looking up a known key may take: whoever posts events to a broker needs nothing else of the database."""
LAST_USED_STEP = timedelta(minutes=1)
"""How exact `last_used_at` is: a key in constant use costs one write a minute."""

_known: dict[str, tuple[float, ApiKey]] = {}


def find(prefix: str) -> ApiKey | None:
    since, key = _known.get(prefix, (float("-inf"), None))
    age = time.monotonic() - since
    if age < settings.KEY_CACHE:
        return key
    if age >= STALE_IF_ERROR:
        return _look_up(prefix)
    try:
        with _within_lookup_timeout():
            return _look_up(prefix)
    except (OperationalError, InterfaceError):
        return key


def is_known(prefix: str) -> bool:
    """Whether it was looked up before, and was there."""
    return prefix in _known


def at_hand(prefix: str, now: datetime) -> ApiKey | None:
    """The key, where it was looked up lately and its use was noted: without the database."""
    since, key = _known.get(prefix, (float("-inf"), None))
    if key is None or time.monotonic() - since >= settings.KEY_CACHE or _is_stale(key, now):
        return None
    return key


def note_use(key: ApiKey, now: datetime) -> None:
    """Once a minute; and not at all while the database does not answer."""
    if _is_stale(key, now):
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_STEP)
        key.last_used_at = now
        with suppress(OperationalError, InterfaceError), _within_lookup_timeout():
            ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def _is_stale(key: ApiKey, now: datetime) -> bool:
    return key.last_used_at is None or now - key.last_used_at >= LAST_USED_STEP


def _within_lookup_timeout() -> AbstractContextManager[None]:
    return database_timeout.within(min(LOOKUP_TIMEOUT, settings.DB_TIMEOUT))


def _look_up(prefix: str) -> ApiKey | None:
    at = time.monotonic()
    key = ApiKey.objects.filter(prefix=prefix).first()
    if key is None:
        _known.pop(prefix, None)
    else:
        _known[prefix] = at, key
    return key
