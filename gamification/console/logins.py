"""Wrong passwords at the console: after some, for one name from one address, a pause that grows with each further one.

An attempt counts as wrong before its password is checked, and is uncounted if it was right: so of many attempts at once
no more are checked than of attempts one after the other. Why this is not django-axes: docs/decisions.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings

from gamification.kernel.core.one_a_process import OneAProcess
from gamification.kernel.web import limits
from gamification.kernel.web.limits import Limit, Verdict

log = logging.getLogger(__name__)

WINDOW = 15 * 60
"""Seconds over which wrong attempts are counted; so long after the last pause they are forgotten."""
FIRST_PAUSE = 30
MAX_PAUSE = 3600
"""Seconds; each wrong attempt after a pause makes the next one twice as long."""


def begin(name: str, address: str) -> Verdict:
    """Count an attempt that is about to be checked. Returns whether it has to wait."""
    limit = Limit("login", settings.RATE_LIMIT_LOGIN, WINDOW)
    if not limit.quota:
        return Verdict(limit, 0, None)
    wrong, wait = _here().begin(_key(name, address), limit.quota)
    return Verdict(limit, max(0, limit.quota - wrong), wait or None)


def was_right(name: str, address: str) -> None:
    if settings.RATE_LIMIT_LOGIN:
        _here().forget(_key(name, address))


def _key(name: str, address: str) -> str:
    """A hash, so that no name stands in the cache."""
    text = f"{unicodedata.normalize('NFKC', name).casefold()}\0{address}"
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _pause(wrong: int, most: int) -> int:
    return 0 if wrong < most else min(MAX_PAUSE, FIRST_PAUSE * 2 ** min(wrong - most, 20))


@dataclass(slots=True)
class Attempts:
    wrong: int = 0
    since: float = 0.0
    until: float = -math.inf
    """No attempt is checked before."""


class InMemory:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._attempts: OrderedDict[str, Attempts] = OrderedDict()

    def begin(self, key: str, most: int) -> tuple[int, int]:
        """Returns how many attempts were wrong, with this one, and how many seconds it has to wait (0: none)."""
        with self._lock:
            now = self._clock()
            attempts = self._attempts.pop(key, None) or Attempts(since=now)
            if now > max(attempts.since, attempts.until) + WINDOW:
                attempts = Attempts(since=now)
            self._attempts[key] = attempts
            if len(self._attempts) > limits.MAX_CALLERS:
                self._attempts.popitem(last=False)
            if now < attempts.until:
                return attempts.wrong, int(attempts.until - now) + 1
            attempts.wrong += 1
            if pause := _pause(attempts.wrong, most):
                attempts.until = now + pause
            return attempts.wrong, 0

    def forget(self, key: str) -> None:
        with self._lock:
            self._attempts.pop(key, None)


class InRedis:
    SCRIPT = """
        local most, window = tonumber(ARGV[1]), tonumber(ARGV[2])
        local first, longest = tonumber(ARGV[3]), tonumber(ARGV[4])
        local now = tonumber(redis.call('TIME')[1])
        local kept = redis.call('HMGET', KEYS[1], 'wrong', 'until')
        local wrong, ends = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
        if now < ends then return {wrong, ends - now} end
        wrong = wrong + 1
        local pause = 0
        if wrong >= most then pause = math.min(longest, first * 2 ^ math.min(wrong - most, 20)) end
        redis.call('HSET', KEYS[1], 'wrong', wrong, 'until', now + pause)
        if wrong == 1 or pause > 0 then redis.call('EXPIRE', KEYS[1], pause + window) end
        return {wrong, 0}
    """

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = f"{prefix}:login:"
        self._script = client.register_script(self.SCRIPT)

    def begin(self, key: str, most: int) -> tuple[int, int]:
        arguments = [most, WINDOW, FIRST_PAUSE, MAX_PAUSE]
        wrong, wait = self._script(keys=[self._prefix + key], args=arguments)
        return int(wrong), int(wait)

    def forget(self, key: str) -> None:
        self._client.delete(self._prefix + key)


class Logins:
    """In Redis, for all processes; while it does not answer, each process counts alone."""

    def __init__(self, shared: InRedis | None) -> None:
        self._shared = shared
        self._own = InMemory()

    def begin(self, key: str, most: int) -> tuple[int, int]:
        try:
            return (self._shared or self._own).begin(key, most)
        except redis.RedisError as failure:
            log.warning("log-ins are counted in this process alone: %r", failure)
            return self._own.begin(key, most)

    def forget(self, key: str) -> None:
        self._own.forget(key)
        if self._shared is not None:
            try:
                self._shared.forget(key)
            except redis.RedisError as failure:
                log.warning("a log-in that succeeded still counts as one that failed: %r", failure)


def _made() -> Logins:
    client = limits.redis_with_timeout()
    return Logins(client and InRedis(client, settings.CACHES["default"]["KEY_PREFIX"]))


_here = OneAProcess(_made)
begin_anew = _here.stop
"""Forget what this process knows; for tests."""
