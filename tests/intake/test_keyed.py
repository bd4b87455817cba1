"""Requests with an Idempotency-Key share commits as all others do; their answers are kept with what they came to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from gamification import pipeline
from gamification.asgi import application as served
from gamification.intake import group_commit
from gamification.intake.application import PATH, Events
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import GameEvent, Outcome
from gamification.kernel.models import AnsweredPlayer, Event, IdempotencyKey
from gamification.kernel.storage import claims
from gamification.kernel.web import known_keys
from gamification.kernel.web.access import create_key
from gamification.players.erasing import ErasePlayer
from tests.support.content import achievement, metric, publish, requirement
from tests.support.playing import count
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now().replace(microsecond=0)


def event(id_: str = "a", player_id: str = "ann", **fields: Any) -> dict[str, Any]:
    timestamp = instant(NOW - timedelta(minutes=1))
    return {"id": id_, "player_id": player_id, "type": "enemy.killed", "data": {}, "timestamp": timestamp} | fields


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("this request was to be answered without Django")


class Service:
    """The application without Django behind it, for one game server."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.application: Any = Events(nobody)

    def post(self, *asked: tuple[str, Any], application: Any = None, **headers: str) -> list[httpx.Response]:
        """What requests get that are sent at once: (Idempotency-Key, body)."""

        async def play() -> list[httpx.Response]:
            transport = httpx.ASGITransport(application or self.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
                return await asyncio.gather(*(self._sent(client, name, body, headers) for name, body in asked))

        return asyncio.run(play())

    async def _sent(self, client: httpx.AsyncClient, name: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        said = {"Authorization": f"Api-Key {self.key}", "Content-Type": "application/json", "Idempotency-Key": name}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.post(PATH, content=raw, headers=said | headers)

    def one(self, name: str, body: Any, **headers: Any) -> httpx.Response:
        [answer] = self.post((name, body), **headers)
        return answer


@pytest.fixture(autouse=True)
def lets_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's database cannot be thrown away while somebody holds a connection to it."""
    monkeypatch.setattr(group_commit, "IDLE_TIMEOUT", 0.05)
    yield
    until(lambda: not any(thread.name == "group-commit" for thread in threading.enumerate()))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr(settings, "KEY_CACHE", 60)
    publish(metric("kills"), achievement("hunter", requirement("COUNT", "kills", 1)))
    key, text = create_key("game", ["events:write"])
    known_keys.find(key.prefix)
    return Service(text)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_same_request_gets_the_first_answer_again_and_counts_once(service: Service) -> None:
    first, again = service.one("k", event()), service.one("k", event())
    assert (first.status_code, first.json()["accepted"], "Idempotent-Replayed" in first.headers) == (200, 1, False)
    assert (again.status_code, again.content, again.headers["Idempotent-Replayed"]) == (200, first.content, "true")
    assert count() == 1


def test_who_sends_it_again_with_another_body_is_refused(service: Service) -> None:
    service.one("k", event("a"))
    assert code(service.one("k", event("b"))) == (422, "idempotency_key_reused")
    assert count() == 1


def test_what_another_process_is_still_at_is_in_progress(service: Service) -> None:
    service.one("k", event())
    IdempotencyKey.objects.update(status=None, body="", created_at=timezone.now())
    refused = service.one("k", event())
    assert (*code(refused), refused.headers["Retry-After"]) == (409, "idempotency_in_progress", "1")


@pytest.mark.parametrize("name", [" ", "a b", "x" * 256])
def test_a_key_that_is_none_is_refused(service: Service, name: str) -> None:
    assert service.one(name, event()).json()["errors"][0]["path"] == "Idempotency-Key"
    assert count() == 0


BODIES: dict[str, Any] = {
    "one": event(),
    "several": {"events": [event("a"), event("b", "bob"), event("a")]},
    "none": {"events": []},
    "bad one": event(type="A B"),
    "bad among others": {"events": [event("a"), event("b", type="A B"), event("c", extra=1)]},
    "id reused": event(data={"other": 1}),
    "no JSON": b"{",
    "a list": [event()],
}


@pytest.mark.parametrize("prefer", ["", "wait"])
def test_django_and_the_application_answer_alike_the_first_time_and_again(service: Service, prefer: str) -> None:
    service.one(
        "before", {"events": [event("a"), event("b", "bob"), event("other")]}
    )  # from here on all meet the same events again
    for name, body in BODIES.items():
        for which in ("first", "again", "other"):
            sent = body if which != "other" else event("other")
            answers = [
                service.one(f"{name} {by}".replace(" ", "-"), sent, application=served, Prefer=prefer, **headers)
                for by, headers in (("itself", {}), ("django", {"Origin": "http://elsewhere.example"}))
            ]
            ours, theirs = answers
            assert (ours.status_code, ours.json()) == (theirs.status_code, theirs.json()), (name, which)
            said = [{k: v for k, v in each.headers.items() if k != "x-request-id"} for each in answers]
            assert said[0] == said[1], (name, which)


def test_an_answer_that_either_gave_is_given_again_by_the_other(service: Service) -> None:
    first = service.one("k", event())
    by_django = service.one("k", event(), application=served, Origin="http://elsewhere.example")
    assert (by_django.content, by_django.headers["Idempotent-Replayed"]) == (first.content, "true")


def test_many_at_once_share_commits_and_each_answer_is_kept(service: Service) -> None:
    asked = [(f"k{n}", event(f"e{n}", f"p{n % 5}")) for n in range(60)]
    before = Event.objects.aggregate(newest=Max("id", default=0))["newest"]
    answers = service.post(*asked)
    assert [answer.json()["accepted"] for answer in answers] == [1] * 60
    assert Event.objects.filter(id__gt=before).values("received_at").distinct().count() < 60 / 4
    again = service.post(*asked)
    assert [answer.content for answer in again] == [answer.content for answer in answers]
    assert {answer.headers["Idempotent-Replayed"] for answer in again} == {"true"}
    assert sum(count(player=f"p{n}") for n in range(5)) == 60


def test_of_many_at_once_with_one_key_one_takes_effect(service: Service) -> None:
    answers = service.post(*[("k", event(f"e{n}")) for n in range(4)], *[("k", event("e0")) for n in range(4)])
    took_effect = [a for a in answers if a.status_code == 200 and "Idempotent-Replayed" not in a.headers]
    assert (len(took_effect), count()) == (1, 1)
    assert {answer.status_code for answer in answers} <= {200, 409, 422}


class Processing:
    """The pipeline, which fails where a batch has an event that is named `bad`."""

    def __call__(self, batches: Sequence[Sequence[GameEvent]], **more: Any) -> list[Outcome]:
        if any(event.id == "bad" for batch in batches for event in batch):
            raise ValueError("bad")
        return pipeline.process_each(batches, **more)


def test_a_request_that_cannot_be_processed_fails_alone_and_its_key_is_free_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.application._group._process = Processing()
    asked = [(id_, event(id_)) for id_ in ("a", "b", "bad", "c")]
    assert [answer.status_code for answer in service.post(*asked)] == [200, 200, 500, 200]
    assert set(IdempotencyKey.objects.values_list("key", "status")) == {("a", 200), ("b", 200), ("c", 200)}
    service.application = Events(nobody)
    assert service.one("bad", event("bad")).json()["accepted"] == 1
    assert count() == 4


def test_what_is_not_kept_has_not_happened(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*args: Any) -> None:
        raise RuntimeError("the process was killed before the commit")

    with monkeypatch.context() as broken:
        broken.setattr(claims, "keep_each", die)
        broken.setattr(claims, "let_go", lambda rows: None)
        assert service.one("k", event()).status_code == 500
    assert count() == 0
    [left] = IdempotencyKey.objects.all()
    assert left.status is None
    assert code(service.one("k", event())) == (409, "idempotency_in_progress")
    IdempotencyKey.objects.update(created_at=timezone.now() - claims.TAKEOVER_AFTER)
    answer = service.one("k", event())
    assert (answer.status_code, answer.json()["accepted"], "Idempotent-Replayed" in answer.headers) == (200, 1, False)


def test_a_holder_whose_claim_was_taken_over_takes_its_own_work_back_and_nobody_elses(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_each = claims.claim_each

    def overtaken(*args: Any) -> Any:
        claimed = claim_each(*args)
        IdempotencyKey.objects.filter(key="slow").update(created_at=timezone.now() + timedelta(seconds=61))
        return claimed

    monkeypatch.setattr(claims, "claim_each", overtaken)
    answers = service.post(("a", event("a")), ("slow", event("slow")), ("b", event("b")))
    assert [answer.status_code for answer in answers] == [200, 409, 200]
    assert sorted(Event.objects.filter(player_id="ann", type="enemy.killed").values_list("event_id", flat=True)) == [
        "a",
        "b",
    ]


def test_erasing_a_player_deletes_the_answers_about_them(service: Service) -> None:
    service.post(("ann", event("a", "ann")), ("bob", event("b", "bob")), ("both", {"events": [event("c", "ann")]}))
    assert AnsweredPlayer.objects.count() == 3
    bus.handle(ErasePlayer(player_id="ann"), actor=SYSTEM, now=timezone.now())
    assert [row.key for row in IdempotencyKey.objects.all()] == ["bob"]
