"""The application without Django around it answers as Django does, and only what it can answer alike."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db.models import Max
from django.urls import resolve
from django.utils import timezone

from gamification.asgi import application as served
from gamification.intake import group_commit
from gamification.intake.application import PATH, Events, is_for_events
from gamification.intake.views import Events as View
from gamification.kernel.core.encoding import instant
from gamification.kernel.models import ApiKey, Event
from gamification.kernel.web import known_keys
from gamification.kernel.web.access import create_key
from tests.support.content import achievement, metric, publish, requirement
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now().replace(microsecond=0)


def event(id_: str = "a", player_id: str = "ann", **fields: Any) -> dict[str, Any]:
    timestamp = instant(NOW - timedelta(minutes=1))
    return {"id": id_, "player_id": player_id, "type": "enemy.killed", "data": {}, "timestamp": timestamp} | fields


class Django:
    """What stands behind the application, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body"})


Post = Callable[..., httpx.Response]


def post(application: Any, key: str, body: Any, **headers: str) -> httpx.Response:
    async def play() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            said = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json", "X-Request-ID": "r-1"}
            return await client.post(PATH, content=raw, headers=said | headers)

    return asyncio.run(play())


class Endpoint:
    """The application in front of a Django that only counts."""

    def __init__(self, key: str) -> None:
        self.django = Django()
        self.post = partial(post, Events(self.django), key)


@pytest.fixture(autouse=True)
def lets_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's database cannot be thrown away while somebody holds a connection to it."""
    monkeypatch.setattr(group_commit, "IDLE_TIMEOUT", 0.05)
    yield
    until(lambda: not any(thread.name == "group-commit" for thread in threading.enumerate()))


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(settings, "KEY_CACHE", 60)
    publish(metric("kills"), achievement("hunter", requirement("COUNT", "kills", 1)))
    key, text = create_key("game", ["events:write"])
    known_keys.find(key.prefix)
    return text


@pytest.fixture
def endpoint(key: str) -> Endpoint:
    return Endpoint(key)


def test_what_is_plain_is_answered_without_django(endpoint: Endpoint) -> None:
    answer = endpoint.post(event())
    assert (answer.status_code, endpoint.django.asked) == (200, 0)
    assert answer.json()["results"]["ann"]["metrics"]["kills"]["count"] == 1
    assert [fact["type"] for fact in answer.json()["results"]["ann"]["facts"]] == ["achievement.completed"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost"},
        {"Content-Type": "text/plain"},
        {"Content-Encoding": "gzip"},
        {"Accept": "text/html"},
        {"Host": "elsewhere.example"},
        {"Authorization": "Api-Key 0123456789ab.nobody"},
        {"Authorization": "Api-Key"},
        {"Authorization": "Bearer x"},
        {"Authorization": ""},
    ],
    ids=lambda headers: "-".join(f"{name} {value}" for name, value in headers.items()),
)
def test_what_is_not_plain_is_for_django(endpoint: Endpoint, headers: dict[str, str]) -> None:
    assert endpoint.post(event(), **headers).status_code == 299


def test_a_key_with_another_scope_is_for_django(key: str) -> None:
    other, text = create_key("game", ["players:read"])
    known_keys.find(other.prefix)
    assert Endpoint(text).post(event()).status_code == 299


def test_a_key_that_was_revoked_is_for_django(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KEY_CACHE", 0)
    ApiKey.objects.update(revoked_at=NOW)
    assert endpoint.post(event()).status_code == 299


def test_a_key_that_was_not_looked_up_for_a_while_is_looked_up(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "KEY_CACHE", 0)
    assert (endpoint.post(event()).status_code, endpoint.django.asked) == (200, 0)


def test_the_endpoint_stands_where_the_view_is() -> None:
    view: Any = resolve(PATH).func
    assert view.view_class is View
    assert is_for_events({"path": PATH, "method": "POST"})
    assert not is_for_events({"path": PATH, "method": "GET"})


BODIES: dict[str, Any] = {
    "one": event(),
    "several": {"events": [event("a"), event("b", "bob"), event("a")]},
    "none": {"events": []},
    "bad one": event(type="A B"),
    "reserved": event(type="achievement.completed"),
    "bad among others": {"events": [event("a"), event("b", type="A B"), event("c", extra=1)]},
    "id reused": {"events": [event("a"), event("a", data={"other": 1})]},
    "no JSON": b"{",
    "no UTF-8": b'{"id": "\xff"}',
    "no events": {"events": 1},
    "a list": [event()],
    "beside": {"events": [], "more": 1},
    "too many": {"events": [event(str(n)) for n in range(1_001)]},
    "empty": b"",
    "repeated key": b'{"id": "a", "id": "b"}',
}


@pytest.fixture
def whole(key: str) -> Post:
    """Both at once, as they are served: with an `Origin` it is Django that answers."""
    return partial(post, served, key)


@pytest.mark.parametrize("prefer", ["", "wait", "respond-async, wait=5"])
@pytest.mark.parametrize("limit", [0, 1_000])
def test_the_endpoint_and_django_answer_alike(
    whole: Post, prefer: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "RATE_LIMIT_KEY", limit)
    for name, body in BODIES.items():
        whole(body)  # from here on both meet the same events again
        by_django, by_itself = (
            whole(body, Prefer=prefer, Origin="http://elsewhere.example"),
            whole(body, Prefer=prefer),
        )
        assert (by_itself.status_code, by_itself.json()) == (by_django.status_code, by_django.json()), name
        left = [answer.headers.pop("ratelimit", None) for answer in (by_itself, by_django)]
        assert [text is not None for text in left] == [bool(limit)] * 2
        assert dict(by_itself.headers) == dict(by_django.headers), name


def test_who_asks_for_too_much_is_told_so_by_both(whole: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "RATE_LIMIT_KEY", 1)
    assert whole(event()).status_code == 200
    by_itself, by_django = whole(event()), whole(event(), Origin="http://elsewhere.example")
    assert by_itself.status_code == by_django.status_code == 429
    assert by_itself.json() == by_django.json()
    assert dict(by_itself.headers) == dict(by_django.headers)


def test_of_many_at_once_each_gets_the_answer_it_would_have_got_alone(key: str) -> None:
    players, each = [f"p{n}" for n in range(10)], 12

    async def play() -> list[httpx.Response]:
        application: Any = Events(Django())
        transport = httpx.ASGITransport(application)
        said = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
            bodies = [json.dumps(event(f"{player}-{n}", player)) for n in range(each) for player in players]
            return await asyncio.gather(*(client.post(PATH, content=body, headers=said) for body in bodies))

    before = Event.objects.aggregate(newest=Max("id", default=0))["newest"]
    answers = [answer.json() for answer in asyncio.run(play())]
    assert all((answer["accepted"], answer["rejected"]) == (1, []) for answer in answers)
    for place, player in enumerate(players):
        its = [answer["results"][player] for answer in answers[place :: len(players)]]
        its.sort(key=lambda result: result["metrics"]["kills"]["count"])
        assert [result["metrics"]["kills"]["count"] for result in its] == list(range(1, each + 1))
        assert [len(result["facts"]) for result in its] == [1] + [0] * (each - 1)  # completed by the first
    commits = Event.objects.filter(id__gt=before).values("received_at").distinct().count()
    assert commits < len(answers) / 2  # how many come while one commits is up to the machine: 5 to 10, and 3 under load
