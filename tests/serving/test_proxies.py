"""Behind a proxy: whose word counts for where a request comes from, and that links stay within TLS."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from channels.db import database_sync_to_async
from django.conf import LazySettings
from django.core.asgi import get_asgi_application

from gamification.kernel.web.access import create_key
from gamification.serving.proxies import Proxies, seen_through
from tests.support.authoring import designer, metric, send

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]


def seen(client: str | None, type_: str = "http", **forwarded: str) -> tuple[str, str, str]:
    """Scheme, host and client address of a request by plain HTTP from there that says this of itself."""
    headers = [(b"host", b"inside:3000")]
    headers += [(f"x-forwarded-{name.rstrip('_')}".encode(), text.encode()) for name, text in forwarded.items()]
    scheme = "http" if type_ == "http" else "ws"
    scope: Any = {"type": type_, "scheme": scheme, "headers": headers, "client": (client, 1) if client else None}
    found = seen_through(scope, TRUSTED)
    [host] = [value for name, value in found["headers"] if name == b"host"]
    return found["scheme"], host.decode(), (found["client"] or ("",))[0]


def test_a_trusted_proxy_is_believed_and_nobody_else_is() -> None:
    said = {"proto": "https", "host": "game.example", "for_": "203.0.113.7"}
    believed = ("https", "game.example", "203.0.113.7")
    assert seen("10.1.2.3", **said) == believed
    assert seen("::ffff:10.1.2.3", **said) == believed
    assert seen("2001:db8::1", **said) == believed
    assert seen("10.1.2.3", "websocket", **said) == ("wss", *believed[1:])
    for stranger in ("11.0.0.1", "127.0.0.1", "2001:db9::1", "", "unix", None):
        assert seen(stranger, **said) == ("http", "inside:3000", stranger or "")


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db9::7]:4711", "2001:db9::7"),
        ("203.0.113.7, 10.9.9.9", "203.0.113.7"),  # a trusted one between
        ("1.1.1.1, 203.0.113.7", "203.0.113.7"),  # what stands before a stranger is the stranger's word
        ("1.1.1.1, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
        ("10.9.9.8, 10.9.9.9", "10.9.9.8"),
        ("unknown, 10.9.9.9", "10.9.9.9"),
        ("<script>", "10.1.2.3"),
        ("", "10.1.2.3"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_trusted_proxy(said: str, client: str) -> None:
    assert seen("10.1.2.3", for_=said)[2] == client


def test_of_several_words_the_nearest_proxys_counts() -> None:
    assert seen("10.1.2.3", proto="https, http", host="evil.example, game.example")[:2] == ("http", "game.example")
    assert seen("10.1.2.3", proto="javascript")[0] == "http"


def test_in_production_all_is_https_whoever_says_what(settings: LazySettings) -> None:
    settings.PRODUCTION = True
    for client in ("10.1.2.3", "11.0.0.1", None):
        assert seen(client, proto="http")[0] == "https"


def two_metrics() -> str:
    """A list with a second page, and a key that may read it."""
    for id_ in ("kills", "steps"):
        send(designer(), "metrics", metric(id_))
    return create_key("game", ["content:read"])[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("client", ["10.1.2.3", "192.0.2.1"])
async def test_in_production_links_stay_within_tls_and_browsers_too(settings: LazySettings, client: str) -> None:
    key = await database_sync_to_async(two_metrics)()  # which closes that thread's connection: nobody else would
    settings.PRODUCTION, settings.TRUSTED_PROXIES, settings.SECURE_HSTS_SECONDS = True, TRUSTED, 3600
    settings.ALLOWED_HOSTS = ["game.example"]
    application: Any = Proxies(get_asgi_application())
    transport = httpx.ASGITransport(app=application, client=(client, 1))
    headers = {"Authorization": f"Api-Key {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://game.example", headers=headers) as http:
        answer = await http.get("/api/v1/metrics?page_size=1")
    assert answer.json()["next"].startswith("https://game.example/api/v1/metrics?")
    assert answer.headers["Strict-Transport-Security"] == "max-age=3600"
