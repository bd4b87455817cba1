"""Over raw sockets, against uvicorn as `manage.py serve` sets it up: what no well-behaved client would send."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from pytest_django import Settings

from gamification.console.management.commands.serve import configured
from gamification.serving.bodies import Bodies
from gamification.serving.protocol import MAX_HEAD

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
"""As Java's HttpClient sends it with everything, if it is not told otherwise."""


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    said = f"{scope['method']} {scope['path']} {body.decode()}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


async def no_uploads(scope: Any) -> int:
    return 0


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(configured(Bodies(echo, uploads=no_uploads)))
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running


SEGMENTS_APART = 0.05
"""Seconds between two writes, so that each arrives as a segment of its own: a network tells nobody when it has."""


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *segments: bytes) -> None:
        for segment in segments:
            self.writer.write(segment)
            await self.writer.drain()
            await asyncio.sleep(SEGMENTS_APART)

    async def answer(self) -> tuple[int, bytes]:
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
            return int(head.split()[1]), await self.reader.readexactly(length)

    async def refused(self) -> tuple[int, str]:
        """The status and code of an answer after which the server says no more."""
        status, body = await self.answer()
        async with asyncio.timeout(20):
            assert await self.reader.read() == b""
        return status, json.loads(body)["code"]


@asynccontextmanager
async def connected() -> AsyncIterator[Client]:
    async with serving() as port:
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        try:
            yield client
        finally:
            client.writer.close()


def patch(body: bytes, headers: bytes = b"") -> bytes:
    return b"PATCH /one HTTP/1.1\r\nHost: x\r\n" + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("body", [b'{"banned":true}', b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"])
@pytest.mark.parametrize("cut", [None, -10, 5], ids=["one-segment", "body-cut", "head-cut"])
async def test_an_offer_to_upgrade_is_ignored_and_the_body_taken(body: bytes, cut: int | None) -> None:
    request = patch(body, H2C)
    async with connected() as client:
        for _ in range(2):  # a connection goes on
            await client.send(*([request] if cut is None else [request[:cut], request[cut:]]))
            assert await client.answer() == (200, b"PATCH /one " + body)


async def test_a_body_in_a_segment_of_its_own_is_no_request() -> None:
    body = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    head = patch(body, H2C).removesuffix(body)
    async with connected() as client:
        await client.send(head, body, b"GET /two HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await client.answer() == (200, b"PATCH /one " + body)
        assert await client.answer() == (200, b"GET /two ")


async def test_what_stands_behind_an_offer_to_upgrade_is_answered_too() -> None:
    chunked = b"POST /two HTTP/1.1\r\nHost: x\r\n" + H2C + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    last = b"GET /three HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with connected() as client:
        await client.send(patch(b"first", H2C) + chunked + last)
        assert await client.answer() == (200, b"PATCH /one first")
        assert await client.answer() == (200, b"POST /two abc")
        assert await client.answer() == (200, b"GET /three ")
        assert await client.reader.read() == b""


async def test_no_websocket_begins_but_with_a_get() -> None:
    offer = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eHg=\r\n"
    async with connected() as client:
        await client.send(patch(b'{"banned":true}', offer))
        assert await client.answer() == (200, b'PATCH /one {"banned":true}')


async def test_curl_may_offer_http_2() -> None:
    async with serving() as port:
        curl = await asyncio.create_subprocess_exec(
            *("curl", "-s", "--http2", "-X", "PATCH", "-d", '{"banned":true}', f"http://127.0.0.1:{port}/players/x"),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await curl.communicate()
    assert said == b'PATCH /players/x {"banned":true}'


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET x:99999999999 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_told_so(head: bytes) -> None:
    async with connected() as client:
        await client.send(head)
        assert await client.refused() == (400, "bad_request")


@pytest.mark.parametrize("path", [b"/healthz", b"/static/x", b"/nowhere"])
async def test_a_body_too_large_is_refused_by_its_length(path: bytes) -> None:
    async with connected() as client:
        await client.send(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 300000000\r\n\r\n")
        for _ in range(80):  # a client that sends on regardless hears the answer all the same
            client.writer.write(b"x" * 100_000)
        assert await client.refused() == (413, "too_large")


async def test_a_body_too_large_is_refused_as_soon_as_that_much_came() -> None:
    async with connected() as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):
            client.writer.write(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
        assert await client.refused() == (413, "too_large")


async def test_a_body_of_the_largest_size_is_taken(settings: Settings) -> None:
    body = b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    async with connected() as client:
        await client.send(patch(body), patch(body))
        assert await client.answer() == await client.answer() == (200, b"PATCH /one " + body)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * MAX_HEAD + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: x\r\n" * (MAX_HEAD // 10) + b"\r\n",
        b"GET /" + b"x" * MAX_HEAD + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Endless: " + b"x" * 8_000_000,
    ],
    ids=["header", "headers", "address", "endless"],
)
async def test_a_head_too_large_is_refused(head: bytes) -> None:
    async with connected() as client:
        client.writer.write(head)
        assert await client.refused() == (431, "headers_too_large")


@pytest.mark.parametrize("framing", [b"1;", b"0\r\nX-Trailer: "], ids=["extension-of-a-chunk", "trailer"])
async def test_what_frames_a_body_is_bounded_as_a_head_is(framing: bytes) -> None:
    async with connected() as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + framing)
        for _ in range(20):
            client.writer.write(b"x" * 100_000)
        assert await client.refused() == (431, "headers_too_large")


async def test_a_large_head_behind_a_body_is_taken() -> None:
    head = b"GET /two HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * (MAX_HEAD - 1_000)
    async with connected() as client:
        await client.send(patch(b"x" * 200_000) + head[:1000], head[1000:] + b"\r\n\r\n")
        assert (await client.answer())[0] == 200
        assert await client.answer() == (200, b"GET /two ")


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", None),
        (b"\r\n", None),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", 408),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", 408),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", 408),
    ],
)
async def test_who_does_not_finish_a_request_is_cut(sent: bytes, answer: int | None, settings: Settings) -> None:
    settings.REQUEST_TIMEOUT = 1
    async with connected() as client:
        for _ in range(3):
            await client.send(sent)
            sent = b"\r\n" if sent == b"\r\n" else b""  # nothing is no beginning, however often it is said
        if answer:
            assert await client.refused() == (answer, "request_timeout")
        else:
            async with asyncio.timeout(20):
                assert await client.reader.read() == b""


def test_an_idle_connection_is_kept_for_longer_than_proxies_keep_theirs() -> None:
    assert configured(echo).timeout_keep_alive > 60


async def test_who_is_silent_between_two_requests_is_not_cut(settings: Settings) -> None:
    settings.REQUEST_TIMEOUT = 1
    async with connected() as client:
        for _ in range(2):
            await client.send(patch(b"x"))
            assert await client.answer() == (200, b"PATCH /one x")
            await asyncio.sleep(1.5 * settings.REQUEST_TIMEOUT)  # the silence that is to do no harm
