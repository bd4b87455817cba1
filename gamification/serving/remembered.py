"""Tells a client that what it has is still so, without working the answer out again.

Most of what clients ask for has not changed since they asked last. What an answer's ETag was is remembered, with the
version of the player it was about; while that is the same, and the hour changes nothing either, the answer would be the
same byte for byte. Only what was answered in whole before is answered so, to the same request of the same caller, who
is known, allowed and counted as ever. Where anything is in doubt the request is answered as if nobody remembered it:
also with 304, if the answer turns out to be the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.http import HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from gamification.kernel.core import request_ids, routes
from gamification.kernel.core.messages import PLAYER_ID, PlayerId
from gamification.kernel.web import known_keys, limiting, limits
from gamification.kernel.web.access import PlayerToken, Principal, bearer
from gamification.kernel.web.lasting import Lasting, Versions
from gamification.kernel.web.limits import Verdict
from gamification.kernel.web.representations import is_named
from gamification.kernel.web.tokens import BadToken, read_claims
from gamification.serving.bodies import Scope, Send

MOST = 50_000
"""Answers that a process remembers, some 1,000 bytes each. Whatever nobody has asked for for longest goes first."""
IN_PATH = re.compile(
    r"/api/v1/players/([^/]+)(?:/(?:achievements|distributions|inventory|metrics|quests|wallet|wallet/transfers))?"
)
"""Addresses whose answers last: of any other nothing is ever remembered, so no version is looked up for it."""
IN_QUERY = re.compile(rb"(?:^|&)player_id=([^&%+]+)")
WHOSE_QUERY = re.compile(r"/api/v1/(?:achievements|quests)/[^/]+/progress")
"""Addresses whose player is named in the query."""
NOT_KEYED = frozenset(
    (
        b"if-none-match", b"x-request-id", b"traceparent", b"tracestate", b"baggage", b"b3", b"x-b3-traceid",
        b"x-b3-spanid", b"x-b3-parentspanid", b"x-b3-sampled", b"x-amzn-trace-id", b"x-cloud-trace-context", b"cf-ray",
        b"x-request-start",
    )
)  # fmt: skip
"""Headers that may differ from one request to the next of the same kind, as clients, tracers and proxies set them: they
change nothing of what is asked for."""
OF_A_BODY = frozenset(("content-type", "content-length", "content-encoding"))
OF_ONE_ANSWER = frozenset(("etag", request_ids.HEADER.lower(), "ratelimit", "ratelimit-policy"))

Headers = tuple[tuple[bytes, bytes], ...]


@lru_cache(maxsize=1024)
def _once(headers: Headers) -> Headers:
    """The same, kept once for all answers that have them: they are most of what is remembered of one."""
    return headers


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer, as far as a 304 needs it."""

    version: Hashable
    about: Lasting
    since: datetime
    tag: str
    headers: Headers
    """All but the tag."""
    route: str

    def holds(self, version: Hashable, now: datetime) -> bool:
        return (
            version is not None
            and self.version == version
            and self.since <= now
            and (self.about.until is None or now < self.about.until)
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A request by a client that has an answer already."""

    key: bytes
    tags: str
    player_id: PlayerId
    caller: Principal
    version: Hashable
    at: datetime


class Memory:
    def __init__(self, look_up: Callable[[Collection[PlayerId]], Awaitable[Versions]]) -> None:
        """`look_up` asks for players' versions, in a thread that may."""
        self._together = Together(look_up)
        self._kept: OrderedDict[bytes, Remembered] = OrderedDict()

    async def asked(self, scope: Scope) -> Asked | None:
        """What a request asks for, where it may be remembered."""
        tags = _if_none_match(scope)
        if tags is None:
            return None
        caller = _caller(scope)
        if caller is None:
            return None
        player_id = _about(scope, caller)
        if player_id is None:
            return None
        version = await self._together.version(player_id)
        return Asked(_key(scope), tags, player_id, caller, version, timezone.now())

    async def tells(self, asked: Asked, scope: Scope, send: Send) -> bool:
        """Answer that nothing has changed, if that is known."""
        kept = self._kept.get(asked.key)
        if kept is None or kept.about.caller != asked.caller or kept.about.player_id != asked.player_id:
            return False
        if not kept.holds(asked.version, asked.at) or not is_named(asked.tags, kept.tag):
            return False
        counted = _count(asked.caller)
        if counted is None:
            return False
        self._kept.move_to_end(asked.key)
        routes.note_again(scope, kept.route)
        name = request_ids.named(_header(scope, b"x-request-id"))
        shown = {"ETag": kept.tag, **limiting.headers(counted), request_ids.HEADER: name}
        more = [(key.lower().encode(), value.encode()) for key, value in shown.items()]
        await send({"type": "http.response.start", "status": 304, "headers": [*kept.headers, *more]})
        await send({"type": "http.response.body"})
        return True

    def keep(self, asked: Asked, scope: Scope, response: HttpResponseBase, about: Lasting | None) -> None:
        """Remember an answer that was worked out after its version was read."""
        if about is None or asked.version is None or about.player_id != asked.player_id or "ETag" not in response:
            return
        left_out = OF_ONE_ANSWER | OF_A_BODY
        headers = tuple(
            (name.lower().encode("ascii"), value.encode("latin-1"))
            for name, value in response.items()
            if name.lower() not in left_out
        )
        route = routes.of(scope)
        tag: str = response["ETag"]
        self._kept[asked.key] = Remembered(asked.version, about, asked.at, tag, _once(headers), route)
        self._kept.move_to_end(asked.key)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)


class Together:
    """Has the players that are asked for at once looked up together: who comes meanwhile is of the next look."""

    def __init__(self, look_up: Callable[[Collection[PlayerId]], Awaitable[Versions]]) -> None:
        self._look_up = look_up
        self._waiting: dict[PlayerId, asyncio.Future[Hashable]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def version(self, player_id: PlayerId) -> Hashable:
        """The player's version, as it is after this was called; None: nothing can be said."""
        found = self._waiting.get(player_id)
        if found is None:
            found = self._waiting[player_id] = asyncio.get_running_loop().create_future()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(found)

    async def _look(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, {}
                found: Versions = {}
                with suppress(Exception):  # the request is worked out then, which says what is wrong
                    found = await self._look_up(list(asked))
                for player_id, waiting in asked.items():
                    if not waiting.done():
                        waiting.set_result(found.get(player_id))
        finally:
            self._waiting, self._looking = {}, None


def _if_none_match(scope: Scope) -> str | None:
    found = [value for name, value in scope["headers"] if name == b"if-none-match"]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")


def _key(scope: Scope) -> bytes:
    """What tells one request from another: all that was said, so that what an answer depends on is among it."""
    said = hashlib.blake2b(digest_size=16)
    for part in (scope["method"], scope["scheme"], scope.get("root_path", ""), scope["path"]):
        said.update(part.encode() + b"\0")
    said.update(scope["query_string"] + b"\0")
    for name, value in scope["headers"]:
        if name not in NOT_KEYED:
            said.update(b"%d %d " % (len(name), len(value)) + name + value)
    return said.digest()


def _caller(scope: Scope) -> Principal | None:
    """Who calls, without the database. None: Django finds out, or says what is wrong.

    Whether a player's token was ended, or the player banned, stands in the player's row, so it is in the version.
    """
    words = _header(scope, b"authorization").split()
    if len(words) != 2 or not words[1].isascii():
        return None
    scheme, credential = words[0].lower(), words[1]
    try:
        if scheme == "bearer":
            return PlayerToken(read_claims(credential).player_id)
        if scheme == "api-key":
            now = timezone.now()
            key = known_keys.at_hand(credential.partition(".")[0], now)
            return None if key is None else bearer(credential, key, now)
    except (AuthenticationFailed, BadToken):
        pass
    return None


def _about(scope: Scope, caller: Principal) -> PlayerId | None:
    """The player whom a request is about, by its address alone."""
    if found := IN_PATH.fullmatch(scope["path"]):
        named = found[1]
    elif not WHOSE_QUERY.fullmatch(scope["path"]):
        return None
    elif in_query := IN_QUERY.search(scope["query_string"]):
        named = in_query[1].decode("latin-1")
    else:
        named = "me"
    if isinstance(caller, PlayerToken):
        return caller.player_id if named in ("me", caller.player_id) else None
    return named if PLAYER_ID.fullmatch(named) else None


def _count(caller: Principal) -> list[Verdict] | None:
    """Count the request against its caller's limit. None: that has to be waited for, or it is one too many."""
    limit, who = limiting.of_reading(caller)
    if not limit.quota:
        return []
    limiter = limits.here()
    if limiter.would_ask(limit, who):
        return None
    verdict = limiter.take(limit, who)
    return [verdict] if verdict.wait is None else None
