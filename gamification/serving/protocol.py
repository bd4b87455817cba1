"""uvicorn's HTTP protocol, for clients that may be hostile: it limits how much one may send before the application is
called, and how long that may take. Whoever is refused is told why.
"""

from __future__ import annotations

from asyncio import TimerHandle
from asyncio.transports import BaseTransport
from typing import Any, Literal, cast

import httptools
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gamification.serving.refusals import HEAD_TOO_LARGE, SHUTTING_DOWN, TOO_SLOW, UNREADABLE, Refusal

MAX_HEAD = 64 * 1024
"""Bytes of request line and headers together."""
LINGERING_CLOSE = 2.0
"""Seconds for which a client that is still sending may do so after its answer: closing at once would reset the
connection, and the reset would overtake the answer."""

Part = Literal["", "head", "body"]


class HttpProtocol(HttpToolsProtocol):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reading: Part = ""  # the part of a request that is being read
        self._begun = 0  # requests so far
        self._head = 0  # bytes of a head that is not complete yet
        self._body = 0  # bytes of its body so far
        self._frame = 0  # bytes since the last of a body: the framing of chunks, and trailers
        self._waits_for: tuple[int, Part, int] | None = None  # what has to arrive before the deadline
        self._deadline: TimerHandle | None = None
        self._is_closing = False  # what still arrives is thrown away
        self._cycle_transport = _CycleTransport(self)

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(Any, transport))
        self._watch("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return
        self._unset_keepalive_if_required()
        reading, begun, body, size = self._reading, self._begun, self._body, len(data)
        while data and not self._is_closing:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as end_of_head:
                if self._should_upgrade():
                    self._unwatch()
                    self.handle_websocket_upgrade()
                    return
                # The parser stops here for any `Upgrade`, such as h2c, which is only an offer. The request is read
                # once more without it, so that its body is a body and not the next request.
                data = self._head_without_upgrade() + data[end_of_head.args[0] :]
                self.parser = _parser(self)
            except httptools.HttpParserError:
                self.refuse(UNREADABLE)
                return
        if self._reading == "head" and not self._is_closing:
            if self._begun == begun:
                self._head += size
            elif self._begun == begun + 1 and not reading:
                self._head = size
            if self._head > MAX_HEAD:
                self.refuse(HEAD_TOO_LARGE)
        elif self._reading == "body":
            self._frame = self._frame + size if (self._begun, self._body) == (begun, body) else 0
            if self._frame > MAX_HEAD:
                self.refuse(HEAD_TOO_LARGE)
        self._watch(self._reading or ("" if self._is_answering() else "head"))

    # -- what the parser finds -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading, self._head, self._body = "head", 0, 0
        self._begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reading == "head":  # what follows a body in chunks changes nothing any more
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_closing:
            return
        if sum(len(name) + len(value) + 4 for name, value in self.headers) + len(self.url) > MAX_HEAD:
            self.refuse(HEAD_TOO_LARGE)
            return
        if self._ignores_upgrade():
            self.scope["method"] = self.parser.get_method().decode("ascii")
            if self.scope["method"] == "CONNECT":
                self.refuse(UNREADABLE)
            return
        super().on_headers_complete()
        self._reading = "body"
        if self.cycle is not None:
            self.cycle.transport = cast(Any, self._cycle_transport)

    def on_body(self, body: bytes) -> None:
        if not self._is_closing:
            self._body += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_closing or self._ignores_upgrade():
            return
        self._reading = ""
        super().on_message_complete()

    def _should_upgrade(self) -> bool:
        offered = [value.strip().lower() for name, value in self.headers if name == b"upgrade"]
        return offered == [b"websocket"] and self.parser.get_method() == b"GET"

    def _ignores_upgrade(self) -> bool:
        return bool(self.parser.should_upgrade()) and not self._should_upgrade()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over with its head as it was read, to a protocol that takes it so: uvicorn would write it
        and have it read again. What this one refers to is let go, so that no collector has to find it."""
        take_over = getattr(self.ws_protocol_class, "take_over", None)
        if take_over is None:
            super().handle_websocket_upgrade()
            return
        self.connections.discard(self)
        protocol = self.ws_protocol_class(  # type: ignore[call-arg, misc] # uvicorn's own have these, too
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        take_over(protocol, self.transport, self.server, self.client, self.url.decode("ascii"), self.headers)
        self.transport.set_protocol(protocol)
        self.parser = self._cycle_transport = None  # type: ignore[assignment]

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b" ".join([self.scope["method"].encode(), self.url, b"HTTP/" + version])]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    # -- how long it may take ------------------------------------------------------------------------------------------

    def _watch(self, part: Part) -> None:
        """Give each head, and each body, REQUEST_TIMEOUT seconds to arrive; an upload as long for each piece of the
        size that other bodies may have."""
        pieces = self._body // settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        waits_for = (self._begun, part, pieces) if part and not self._is_closing else None
        if waits_for != self._waits_for:
            self._unwatch()
            self._waits_for = waits_for
            if waits_for:
                self._deadline = self.loop.call_later(settings.REQUEST_TIMEOUT, self._time_out)

    def _unwatch(self) -> None:
        self._waits_for = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _time_out(self) -> None:
        waits_for, self._waits_for = self._waits_for, None
        if self.flow.read_paused or (self._reading != "body" and self._is_answering()):
            self._watch(waits_for[1] if waits_for else "")  # we have paused reading, or still answer an earlier request
        elif self._reading:
            self.refuse(TOO_SLOW)
        else:
            self.transport.close()

    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    # -- how it ends ---------------------------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        self.refuse(UNREADABLE)

    def refuse(self, refusal: Refusal) -> None:
        """Answer the request that is being read without asking the application, and close."""
        reads_body = self._reading == "body"
        if self._is_answering() and (self.pipeline or not reads_body):
            self._is_closing = True
            self.transport.close()  # earlier requests of this connection have no answer yet
            return
        self._answer(refusal, begun=reads_body)
        self.close_lingering()

    def give_up(self) -> None:
        """Answer 503 to a request that still waits, because this process ends."""
        if self._is_answering() and not self.pipeline:
            self._answer(SHUTTING_DOWN, begun=True)
        self.close()

    def _answer(self, refusal: Refusal, *, begun: bool) -> None:
        """Answer in place of the application, which may have `begun` but has sent nothing yet."""
        if begun:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                return
        lines = [*self.server_state.default_headers, *refusal.headers()]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
        self.transport.write(STATUS_LINE[refusal.status] + head + b"\r\n" + refusal.body())

    def close_lingering(self) -> None:
        """Close, but read on for a moment (a lingering close): what the client still sends is thrown away."""
        if self._is_closing:
            return
        self._is_closing = True
        self._unwatch()
        self.pipeline.clear()
        if self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.flow.resume_reading()
        self.transport.write_eof()
        self.loop.call_later(LINGERING_CLOSE, self.transport.close)

    def close(self) -> None:
        if self._reading == "body":
            self.close_lingering()
        else:
            self.transport.close()


def _parser(protocol: HttpProtocol) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
    return parser


class _CycleTransport:
    """The transport as uvicorn's cycle sees it. An answer may be complete before its request: then closing lingers."""

    def __init__(self, protocol: HttpProtocol) -> None:
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        self._protocol.transport.write(data)

    def is_closing(self) -> bool:
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        self._protocol.close()
