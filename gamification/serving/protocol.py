"""uvicorn's HTTP protocol, for clients that nobody chose: it bounds what one may send before anything is decided, and
how long that may take; whoever is refused hears why.
"""

from __future__ import annotations

from asyncio import TimerHandle
from asyncio.transports import BaseTransport
from typing import Any, Literal, cast

import httptools
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gamification.serving.refusals import GOING, HEAD_TOO_LARGE, TOO_SLOW, UNREADABLE, Refusal

MAX_HEAD = 64 * 1024
"""Request line and headers together."""
LINGERING_CLOSE = 2.0
"""Seconds for which a client that is still sending may do so after its answer: closing at once would reset the
connection, and the reset would overtake the answer."""

Part = Literal["", "head", "body"]


class HttpProtocol(HttpToolsProtocol):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reading: Part = ""  # of the request that is being read
        self._begun = 0  # requests so far
        self._head = 0  # bytes of a head that is not whole yet
        self._body = 0  # bytes of its body so far
        self._frame = 0  # bytes since, that are none of a body: what chunks are framed by, and trailers
        self._waits_for: tuple[int, Part, int] | None = None  # what the deadline is for
        self._deadline: TimerHandle | None = None
        self._parting = False  # nothing that still comes is read
        self._exit = _Exit(self)

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(Any, transport))
        self._watch("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._parting:
            return
        self._unset_keepalive_if_required()
        reading, begun, body, size = self._reading, self._begun, self._body, len(data)
        while data and not self._parting:
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
        if self._reading == "head" and not self._parting:
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
        if self._parting:
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
            self.cycle.transport = cast(Any, self._exit)

    def on_body(self, body: bytes) -> None:
        if not self._parting:
            self._body += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._parting or self._ignores_upgrade():
            return
        self._reading = ""
        super().on_message_complete()

    def _should_upgrade(self) -> bool:
        offered = [value.strip().lower() for name, value in self.headers if name == b"upgrade"]
        return offered == [b"websocket"] and self.parser.get_method() == b"GET"

    def _ignores_upgrade(self) -> bool:
        return bool(self.parser.should_upgrade()) and not self._should_upgrade()

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
        waits_for = (self._begun, part, pieces) if part and not self._parting else None
        if waits_for != self._waits_for:
            self._unwatch()
            self._waits_for = waits_for
            if waits_for:
                self._deadline = self.loop.call_later(settings.REQUEST_TIMEOUT, self._is_late)

    def _unwatch(self) -> None:
        self._waits_for = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_late(self) -> None:
        waits_for, self._waits_for = self._waits_for, None
        if self.flow.read_paused or (self._reading != "body" and self._is_answering()):
            self._watch(waits_for[1] if waits_for else "")  # it is we who do not read, or are not done with another
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
        """Answer the request that is being read, here and now, and part."""
        reads_body = self._reading == "body"
        if self._is_answering() and (self.pipeline or not reads_body):
            self._parting = True
            self.transport.close()  # it stands behind others that have no answer yet
            return
        self._answer(refusal, begun=reads_body)
        self.part()

    def give_up(self) -> None:
        """This process ends: whoever still waits for an answer is told to come back."""
        if self._is_answering() and not self.pipeline:
            self._answer(GOING, begun=True)
        self.close()

    def _answer(self, refusal: Refusal, *, begun: bool) -> None:
        """In the application's stead, where it has `begun` and said nothing yet."""
        if begun:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                return
        lines = [*self.server_state.default_headers, *refusal.headers()]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
        self.transport.write(STATUS_LINE[refusal.status] + head + b"\r\n" + refusal.body())

    def part(self) -> None:
        """Close, but hear the client out for a moment: what it still sends is thrown away."""
        if self._parting:
            return
        self._parting = True
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
            self.part()
        else:
            self.transport.close()


def _parser(protocol: HttpProtocol) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
    return parser


class _Exit:
    """The transport, as the answering of a request sees it: it may be done before the request was read whole."""

    def __init__(self, protocol: HttpProtocol) -> None:
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        self._protocol.transport.write(data)

    def is_closing(self) -> bool:
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        self._protocol.close()
