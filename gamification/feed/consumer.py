"""A player's socket: who may come in, and what a client may say."""

from __future__ import annotations

import asyncio
from random import uniform
from typing import Any, cast

import msgspec
import prometheus_client
from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.conf import settings

from gamification.feed import hub
from gamification.feed.connection import PUSH, Connection, Farewell, Send
from gamification.kernel.web.strict_fields import shown_id
from gamification.kernel.web.tokens import BadToken, read_claims

SUBPROTOCOL = "gamification.v1"
BEARER = "bearer."
MAX_ERRORS = 10
MAX_RESUMES = 10
"""How many resumes a client may send at once; after them, one a second. Each reads the database, and a client needs one
only after it has lost messages."""
MAX_SEQ = 2**63 - 101
RETRY_AFTER = (1.0, 10.0)
"""Seconds after which a client that found no place may try again: each is told a random moment between the two."""

NO_STATUS = 1005
"""What RFC 6455 calls a close without a code."""

_open = prometheus_client.Gauge("gamification_sockets", "Sockets of players that are open", multiprocess_mode="livesum")
_closed = prometheus_client.Counter(
    "gamification_sockets_closed", "Sockets that were closed, or refused, by RFC 6455's code", ["code"]
)

Message = dict[str, Any]


class Misunderstood(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class FeedConsumer(AsyncConsumer):
    """The base class gives each socket a channel of its own and three tasks, and makes a thread look at database
    connections before every message. The hub needs none of that, so both of its methods are plainer here."""

    _connection: Connection | None = None
    _hub: hub.Hub | None = None
    _errors = 0
    _code = 0
    """With which code the socket was refused, or the client left it."""
    _resumes_until = 0.0
    """When the resumes so far would have been sent, at one a second."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.base_send = scope, send
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        finally:
            if self._hub is not None and self._connection is not None:
                _open.dec()
                self._code = self._connection.closed.code if self._connection.closed else self._code
                self._hub.leave(self._connection)
            _count_close(self._code)

    async def dispatch(self, message: Any) -> None:
        await getattr(self, get_handler_name(message))(message)

    # -- coming in -----------------------------------------------------------------------------------------------------

    async def websocket_connect(self, message: Message) -> None:
        scope: Any = self.scope
        del self.scope  # nothing of it is needed again
        push = scope.get("extensions", {}).pop(PUSH, None)  # which refers back to what the scope belongs to
        headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        offered = list(scope.get("subprotocols", []))
        if not settings.ENABLE_REAL_TIME or not _is_allowed([v for n, v in headers if n == b"origin"]):
            await self.send({"type": "websocket.close", "code": 4403})
            self._code = 4403
            raise StopConsumer
        # Whatever else is wrong, the socket is accepted and then closed: a browser shows its page no other reason.
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        await self.send({"type": "websocket.accept", "subprotocol": chosen})
        try:
            token = read_claims(_credential([v for n, v in headers if n == b"authorization"], offered))
        except BadToken as bad:
            return await self._refuse(4401, bad.code)
        here = hub.here()
        if here.presence.is_full:
            return await self._refuse(4429, f"retry-after={uniform(*RETRY_AFTER):.1f}")  # noqa: S311 - not a secret
        self._hub = here
        _open.inc()
        self._connection = here.enter(token, cast(Send, self.base_send), push)
        await here.let_in(self._connection)
        return None

    async def _refuse(self, code: int, reason: str) -> None:
        self._code = code
        await self.send({"type": "websocket.close", "code": code, "reason": reason})

    # -- what a client says --------------------------------------------------------------------------------------------

    async def websocket_receive(self, message: Message) -> None:
        connection = self._connection
        if connection is None or self._hub is None or connection.closed:
            return
        try:
            said = _understood(message.get("text"))
            if said["type"] == "ping":
                connection.tell("pong")
            else:
                await self._in_turn(connection)
                await self._hub.resume(connection, said["after"])
        except Misunderstood as what:
            self._errors += 1
            connection.tell("error", {"code": what.code, "detail": what.detail})
            if self._errors >= MAX_ERRORS:
                await connection.close_after_all(Farewell(1008, "too_many_errors"))

    async def _in_turn(self, connection: Connection) -> None:
        """Wait until the next `resume` is due. Until then nothing else is read, so messages keep their order."""
        loop = asyncio.get_running_loop()
        due = max(self._resumes_until, loop.time() - MAX_RESUMES + 1)
        self._resumes_until = due + 1
        if due > loop.time():
            ready = connection.ready = loop.create_future()
            loop.call_at(due, connection.read_on)
            await ready

    async def websocket_disconnect(self, message: Message) -> None:
        self._code = self._code or message.get("code", NO_STATUS)
        raise StopConsumer


def _count_close(code: int) -> None:
    """Codes of ours, and RFC 6455's; whatever else a client makes up counts as one."""
    _closed.labels(str(code) if 1000 <= code <= 1015 or 4400 <= code < 4500 else "other").inc()


def _is_allowed(origins: list[str]) -> bool:
    """Browsers say from which page they come, and other clients send no Origin."""
    return all(origin in settings.ALLOWED_ORIGINS for origin in origins)


def _credential(authorizations: list[str], offered: list[str]) -> str:
    """The token: from the header, or from a browser, which can send none, among the subprotocols. Raises BadToken."""
    bearers = [name.removeprefix(BEARER) for name in offered if name.startswith(BEARER)]
    if authorizations:
        words = [text.split() for text in authorizations]
        bearers = [pair[1] for pair in words if len(pair) == 2 and pair[0].lower() == "bearer"]
    elif SUBPROTOCOL not in offered:
        bearers = []
    if len(bearers) != 1 or len(authorizations) > 1:
        raise BadToken("not_authenticated", "One token is needed.")
    return bearers[0]


def _understood(text: str | None) -> Message:
    """`{"type": "ping"}` or `{"type": "resume", "after": n}`. Raises Misunderstood."""
    if text is None:
        raise Misunderstood("bad_json", "Text is expected, not bytes.")
    try:
        said = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Misunderstood("bad_json", "This is not JSON.") from None
    if not isinstance(said, dict) or not isinstance(said.get("type"), str):
        raise Misunderstood("invalid", "An object with a type is expected.")
    fields = {"ping": {"type"}, "resume": {"type", "after"}}.get(said["type"])
    if fields is None:
        raise Misunderstood("unknown_type", f"There is no {shown_id(said['type'])}: send resume or ping.")
    if unknown := sorted(said.keys() - fields):
        raise Misunderstood("unknown_field", f"There is no field {shown_id(unknown[0])}.")
    after = said.get("after")
    if said["type"] == "resume" and not (type(after) is int and 0 <= after <= MAX_SEQ):
        raise Misunderstood("invalid", "`after` is the number of the last message that is known, or 0.")
    return said
