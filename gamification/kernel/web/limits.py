"""Rate limits: how many requests each caller may send.

A limit is a bucket that holds `quota` requests and is full again after `window` seconds. With Redis the bucket stands
there, for all processes; a process takes a *lease* out of it, at most what a second fills in, and counts against that
by itself, so that a busy caller costs one question a second and not one a request. Without Redis, and while it does
not answer, each process keeps buckets of its own: a limit is never worth a failed request.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from gamification.kernel.core.one_a_process import OneAProcess

log = logging.getLogger(__name__)

MAX_CALLERS = 50_000
"""How many callers a process remembers. Whoever has asked for nothing for longest is forgotten first, and begins with a
full bucket."""
LEASE = 1.0
"""Seconds for which a lease is good; what is left of it then goes back into the bucket."""
REDIS_TIMEOUT = 0.2
"""Seconds that Redis may take for an answer."""
REDIS_RETRY_AFTER = 5.0
"""Seconds for which Redis is not asked again after it took longer than that."""


class Limit(NamedTuple):
    """`name` is what answers call it. A `quota` of 0 limits nothing."""

    name: str
    quota: int
    window: float

    @property
    def rate(self) -> float:
        return self.quota / self.window

    @property
    def policy(self) -> str:
        return f'"{self.name}";q={self.quota};w={math.ceil(self.window)}'


class Verdict(NamedTuple):
    limit: Limit
    remaining: int
    wait: int | None
    """Seconds after which it is worth asking again; None: it is granted."""

    @property
    def state(self) -> str:
        """The header's text; `t` says when the bucket is full again."""
        full_in = math.ceil((self.limit.quota - self.remaining) / self.limit.rate)
        return f'"{self.limit.name}";r={self.remaining};t={full_in}'


def per_second(name: str, rate: int, burst: int = 1) -> Limit:
    return Limit(name, rate * burst, burst)


def per_minute(name: str, number: int) -> Limit:
    return Limit(name, number, 60)


class Store(Protocol):
    """Where the buckets are kept."""

    def draw(self, key: str, limit: Limit, wanted: int, returned: int) -> tuple[int, float]:
        """Take up to `wanted` out of a bucket, after `returned` went back in: how many, and what is left."""


class InMemory:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def draw(self, key: str, limit: Limit, wanted: int, returned: int) -> tuple[int, float]:
        now = self._clock()
        tokens, at = self._buckets.pop(key, (float(limit.quota), now))
        tokens = min(limit.quota, tokens + (now - at) * limit.rate + returned)
        granted = min(wanted, math.floor(tokens))
        self._buckets[key] = (tokens - granted, now)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return granted, tokens - granted


class InRedis:
    """Redis' own clock, so that the nodes' need not agree."""

    SCRIPT = """
        local quota, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
        local wanted, returned = tonumber(ARGV[3]), tonumber(ARGV[4])
        local time = redis.call('TIME')
        local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
        local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
        local tokens, at = tonumber(bucket[1]) or quota, tonumber(bucket[2]) or now
        tokens = math.min(quota, tokens + math.max(0, now - at) * rate + returned)
        local granted = math.min(wanted, math.floor(tokens))
        tokens = tokens - granted
        redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', now))
        redis.call('PEXPIRE', KEYS[1], math.ceil(quota / rate * 1000) + 1000)
        return {granted, string.format('%.6f', tokens)}
    """

    def __init__(self, client: Any, prefix: str) -> None:
        self._prefix = prefix
        self._script = client.register_script(self.SCRIPT)

    def draw(self, key: str, limit: Limit, wanted: int, returned: int) -> tuple[int, float]:
        arguments = [limit.quota, repr(limit.rate), wanted, returned]
        granted, tokens = self._script(keys=[f"{self._prefix}:limit:{key}"], args=arguments)
        return int(granted), float(tokens)


@dataclass(slots=True)
class Lease:
    ends: float = 0.0
    tokens: int = 0
    """Requests that may still be granted without asking."""
    granted: int = 0
    """Requests granted since the lease began: the next one asks for as many."""
    left: float = 0.0
    """What was left in the bucket when it was last asked."""
    refused_until: float = 0.0


class Limiter:
    """What one process knows of its callers."""

    def __init__(self, shared: Store | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._own = InMemory(clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._leases: OrderedDict[str, Lease] = OrderedDict()
        self._ask_again_at = 0.0

    def take(self, limit: Limit, caller: str) -> Verdict:
        """Count one request of `caller`. May be called from any thread."""
        key = f"{limit.name}:{caller}"
        with self._lock:
            now = self._clock()
            lease = self._leases.pop(key, None) or Lease()
            self._leases[key] = lease
            if len(self._leases) > MAX_CALLERS:
                self._leases.popitem(last=False)
            returned = 0
            if lease.ends <= now:
                returned, lease.tokens, lease.ends = lease.tokens, 0, now + LEASE
                wanted, lease.granted = lease.granted, 0
            else:
                wanted = lease.granted
            if lease.tokens:
                return self._grant(limit, lease)
            if lease.refused_until > now:
                return self._refuse(limit, lease, now)
            shared = self._shared if now >= self._ask_again_at else None
            if shared is None:
                lease.tokens, lease.left = self._own.draw(key, limit, 1, returned)
                return self._judge(limit, lease, now)
        wanted = max(1, min(wanted, int(limit.rate * LEASE)))
        granted, left = self._draw(shared, key, limit, wanted, returned)  # others need not wait for Redis meanwhile
        with self._lock:
            lease.tokens, lease.left = lease.tokens + granted, left
            return self._judge(limit, lease, self._clock())

    def would_ask(self, limit: Limit, caller: str) -> bool:
        """Whether `take` would ask the shared store, and so perhaps wait."""
        with self._lock:
            now = self._clock()
            if self._shared is None or now < self._ask_again_at:
                return False
            lease = self._leases.get(f"{limit.name}:{caller}")
            return lease is None or lease.ends <= now or (not lease.tokens and lease.refused_until <= now)

    def _draw(self, shared: Store, key: str, limit: Limit, wanted: int, returned: int) -> tuple[int, float]:
        try:
            return shared.draw(key, limit, wanted, returned)
        except redis.RedisError as failure:
            with self._lock:
                if self._clock() >= self._ask_again_at:
                    log.warning("limits are counted in this process alone: %r", failure)
                self._ask_again_at = self._clock() + REDIS_RETRY_AFTER
                return self._own.draw(key, limit, 1, returned)

    def _judge(self, limit: Limit, lease: Lease, now: float) -> Verdict:
        if lease.tokens:
            return self._grant(limit, lease)
        lease.refused_until = now + (1 - lease.left) / limit.rate
        return self._refuse(limit, lease, now)

    def _grant(self, limit: Limit, lease: Lease) -> Verdict:
        lease.tokens -= 1
        lease.granted += 1
        return Verdict(limit, min(limit.quota, lease.tokens + int(lease.left)), None)

    def _refuse(self, limit: Limit, lease: Lease, now: float) -> Verdict:
        return Verdict(limit, 0, max(1, math.ceil(lease.refused_until - now)))


def redis_with_timeout() -> Any:
    """A client that fails after REDIS_TIMEOUT; None: there is no Redis. A connection that was closed while it was idle
    is made anew."""
    if not settings.REDIS_URL:
        return None
    once_more = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    timeouts = {"socket_timeout": REDIS_TIMEOUT, "socket_connect_timeout": REDIS_TIMEOUT}
    options = settings.CACHES["default"]["OPTIONS"] | timeouts
    return redis.Redis.from_url(settings.REDIS_URL, retry=once_more, **options)


def _in_redis() -> Store | None:
    client = redis_with_timeout()
    return client and InRedis(client, settings.CACHES["default"]["KEY_PREFIX"])


here = OneAProcess(lambda: Limiter(_in_redis()))
"""This process's limiter."""
begin_anew = here.stop
"""Forget what this process knows; for tests."""
