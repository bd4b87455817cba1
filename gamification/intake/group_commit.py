"""Group commit: requests that arrive while a batch commits form the next batch.

A commit costs the same whether it holds one event or a hundred. So one thread a process commits what game servers post
to it: whoever comes alone waits for nobody, and the more come at once, the more share a commit. Each request gets the
answer that it would have got alone, in the order of arrival: it is a batch of its own within the transaction
(`pipeline.process_each`). A group that fails is halved until the request that cannot be processed fails alone. The
answers that go with an `Idempotency-Key` are kept in the group's transaction (`keyed`).

On SQLite, where one connection writes at a time, this also keeps requests from waiting in each other's way.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import prometheus_client
from django.conf import settings
from django.db import connection
from django.utils import timezone

from gamification.intake import in_place, keyed
from gamification.intake.answering import Response
from gamification.intake.decoding import MAX_EVENTS
from gamification.intake.keyed import Keyed
from gamification.kernel.core.halving import Parts
from gamification.kernel.core.messages import GameEvent, Outcome, Refused
from gamification.kernel.storage import database_timeout, shares

MAX_WAITING = 10 * MAX_EVENTS
"""Events that may wait to be committed; whoever comes then is told to come back."""
IDLE_TIMEOUT = 10.0
"""Seconds without a request after which the thread ends and lets go of its connection."""


_requests = prometheus_client.Histogram(
    "gamification_group_commit_requests", "Requests that shared a commit", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 1000)
)
_waited = prometheus_client.Histogram(
    "gamification_group_commit_wait_seconds",
    "Seconds that the first request of a group waited for its commit to begin",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_waiting = prometheus_client.Gauge(
    "gamification_group_commit_waiting_events", "Events that wait to be committed", multiprocess_mode="livesum"
)


class Busy(Refused):
    """More events wait to be committed than this process takes on."""

    code = "busy"
    status = 503
    retry_after = 1


@dataclass(slots=True, eq=False)
class Request:
    """One request's events, those of one share, and whoever waits for what they come to."""

    share: int
    events: Sequence[GameEvent]
    answer: asyncio.Future[Any]
    """What the events came to; of a request with a key, its response."""
    loop: asyncio.AbstractEventLoop
    keyed: Keyed | None = None
    since: float = field(default_factory=time.perf_counter)


Result = tuple[Request, Outcome | Response | Exception]


class Process(Protocol):
    """`pipeline.process_each`."""

    def __call__(
        self,
        batches: Sequence[Sequence[GameEvent]],
        *,
        now: datetime,
        keep: Callable[[Sequence[Outcome]], None] | None = None,
    ) -> list[Outcome]: ...


class GroupCommit:
    """`process` may be called from any event loop; everything else happens in a thread of its own."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._waiting: deque[Request] = deque()
        self._events = 0
        """How many events wait."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    async def process(self, events: Sequence[GameEvent]) -> Outcome:
        """What these events came to, once they are committed. Raises Busy, or what processing them raised; and
        NotAllCommitted, where they are of several shares.
        """
        loop = asyncio.get_running_loop()
        requests = [
            Request(share, part, loop.create_future(), loop)
            for share, part in shares.by_share(events, in_place.player_of).items()
        ]
        self._add(requests, len(events))
        if len(requests) == 1:
            outcome: Outcome = await requests[0].answer
            return outcome
        answers = await asyncio.gather(*(request.answer for request in requests), return_exceptions=True)
        outcomes = [answer for answer in answers if isinstance(answer, Outcome)]
        if len(outcomes) < len(answers):
            raise in_place.NotAllCommitted from next(each for each in answers if isinstance(each, BaseException))
        return in_place.together(outcomes)

    async def answer(self, events: Sequence[GameEvent], request: Keyed) -> Response:
        """The response to a request with a key, once it is committed with what its events, all of one share, came to;
        or the first one again. Raises Busy, what processing raised, KeyReused, and InProgress.
        """
        loop = asyncio.get_running_loop()
        share = next(iter(shares.by_share(events, in_place.player_of)), 0)
        waiting = Request(share, events, loop.create_future(), loop, request)
        self._add([waiting], len(events))
        response: Response = await waiting.answer
        return response

    def _add(self, requests: Sequence[Request], events: int) -> None:
        with self._changed:
            if self._events + events > MAX_WAITING:
                raise Busy("Too many events wait to be committed; try again in a moment.")
            self._waiting.extend(requests)
            self._events += events
            _waiting.set(self._events)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()
            self._changed.notify()

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while group := self._awaited():
            _deliver(self._commit(group))
        connection.close()

    def _awaited(self) -> list[Request]:
        """The next group. An empty one ends this thread: nothing has come for IDLE_TIMEOUT."""
        with self._changed:
            if not self._waiting and not self._changed.wait_for(lambda: self._waiting, IDLE_TIMEOUT):
                self._thread = None
                return []
            return self._next()

    def _next(self) -> list[Request]:
        """The requests that are committed together: those that have waited longest, up to MAX_EVENTS events, all of one
        share.

        One that is too large for the rest of a group is not overtaken: it begins the next.
        """
        group = [self._waiting.popleft()]
        room = MAX_EVENTS - len(group[0].events)
        of_others: list[Request] = []
        while self._waiting and (self._waiting[0].share != group[0].share or len(self._waiting[0].events) <= room):
            request = self._waiting.popleft()
            if request.share != group[0].share:
                of_others.append(request)
                continue
            group.append(request)
            room -= len(request.events)
        self._waiting.extendleft(reversed(of_others))
        self._events -= sum(len(request.events) for request in group)
        _waiting.set(self._events)
        _requests.observe(len(group))
        _waited.observe(time.perf_counter() - group[0].since)
        return group

    def _commit(self, group: Sequence[Request]) -> list[Result]:
        """What each request came to. Halving ends after DB_TIMEOUT: then all that is left fails."""
        deadline = time.monotonic() + settings.DB_TIMEOUT
        results = self._claimed(group)
        settled = {id(request) for request, _ in results}
        parts = Parts(request for request in group if id(request) not in settled)
        while parts:
            part = parts.next
            try:
                outcomes = self._in_one(part)
            except Exception as failure:
                if len(part) > 1 and time.monotonic() < deadline:
                    parts.halve()
                    continue
                results += [(request, failure) for request in part]
                keyed.let_go(request.keyed for request in part if request.keyed is not None)
            else:
                results += zip(part, outcomes, strict=True)
            parts.done()
        return results

    def _claimed(self, group: Sequence[Request]) -> list[Result]:
        """Claim the keys of a group; what is settled by that."""
        with_key = [request for request in group if request.keyed is not None]
        if not with_key:
            return []
        try:
            connection.close_if_unusable_or_obsolete()
            with database_timeout.within(settings.DB_TIMEOUT):
                settled = keyed.claim([request.keyed for request in with_key if request.keyed], timezone.now())
        except Exception as failure:
            return [(request, failure) for request in with_key]
        return [(request, came_to) for request, came_to in zip(with_key, settled, strict=True) if came_to is not None]

    def _in_one(self, part: Sequence[Request]) -> list[Outcome | Response]:
        connection.close_if_unusable_or_obsolete()
        with database_timeout.within(settings.DB_TIMEOUT):
            batches, now = [request.events for request in part], timezone.now()
            with_key = {place: request.keyed for place, request in enumerate(part) if request.keyed is not None}
            if not with_key:
                return list(self._process(batches, now=now))
            responses: dict[int, Response] = {}

            def keep(outcomes: Sequence[Outcome]) -> None:
                responses.update(keyed.keep({place: (each, outcomes[place]) for place, each in with_key.items()}))

            outcomes = self._process(batches, now=now, keep=keep)
            return [responses.get(place, outcome) for place, outcome in enumerate(outcomes)]


def _deliver(results: Iterable[Result]) -> None:
    """Wake each event loop once, however many of its requests are done."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Result]] = {}
    for result in results:
        by_loop.setdefault(result[0].loop, []).append(result)
    for loop, its in by_loop.items():
        try:
            loop.call_soon_threadsafe(_answer, its)
        except RuntimeError:  # it was closed: nobody waits any more
            continue


def _answer(results: Iterable[Result]) -> None:
    for request, came_to in results:
        if request.answer.done():  # the client left
            continue
        if isinstance(came_to, Exception):
            request.answer.set_exception(came_to)
        else:
            request.answer.set_result(came_to)
