"""Over ASGI, as uvicorn calls it: Django's test client always says how long a body is."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client

from gamification.asgi import application
from gamification.kernel.web.access import create_key
from progress.models import Player


@pytest.fixture
def key(transactional_db: None) -> str:
    return create_key("game", ["players:write"])[1]


async def patch(key: str, *chunks: bytes) -> httpx.Response:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        request = client.build_request("PATCH", "/api/v1/players/ada", content=body())
        assert request.headers["Transfer-Encoding"] == "chunked"
        return await client.send(request)


async def test_a_body_in_chunks_is_read_like_any_other(key: str) -> None:
    response = await patch(key, b'{"display_', b'name": "Ada"}')
    assert (response.status_code, response.json()["display_name"]) == (200, "Ada")
    broken = await patch(key, b"{")
    assert (broken.status_code, broken.json()["code"]) == (400, "bad_json")


async def test_a_body_in_chunks_that_is_too_large_is_a_413(key: str) -> None:
    response = await patch(key, *[b"x" * 100_000] * 14)
    assert (response.status_code, json.loads(response.content)["code"]) == (413, "too_large")
    assert not await Player.objects.aexists()


async def test_only_a_known_session_of_staff_may_bring_more(
    transactional_db: None,
) -> None:
    cookies = {}
    for name, is_staff in (("ada", True), ("eve", False)):
        client = Client()
        await client.aforce_login(await User.objects.acreate_user(name, is_staff=is_staff))
        cookies[name] = client.cookies["sessionid"].value
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]

    async def status(session: str, megabytes: int, path: str = "/admin/packs/") -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            headers = {"Cookie": f"sessionid={session}"}
            return (await client.post(path, content=b"x" * megabytes * 1024 * 1024, headers=headers)).status_code

    assert await status(cookies["ada"], 16) != 413
    assert await status(cookies["ada"], 17) == 413
    assert await status(cookies["ada"], 16, "/admin/other/") == 413
    assert await status(cookies["eve"], 2) == await status("nobody", 2) == 413
