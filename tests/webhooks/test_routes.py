"""Webhooks over HTTP: made, shown, changed, tried, rotated, replayed."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook

from gamification.kernel.models import AuditEntry
from gamification.webhooks.models import Delivery, Endpoint
from tests.support.callers import assert_problem, game_server
from tests.support.webhook_receiver import Answer, Receiver
from tests.support.webhooks import endpoint, follow, send, state

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1/webhooks"


def made(receiver: Receiver, **more: Any) -> dict[str, Any]:
    response = game_server().post(API, {"url": receiver.url(), **more})
    assert response.status_code == 201, response.content
    found: dict[str, Any] = response.json()
    return found


def test_a_secret_is_shown_once(receiver: Receiver) -> None:
    hook = made(receiver, types=["quest.*"])
    assert hook["secret"].startswith("whsec_")
    server = game_server()
    for shown in (server.get(f"{API}/{hook['id']}").json(), *server.get(API).json()["results"]):
        assert "secret" not in shown
        assert shown["types"] == ["quest.*"]
    told = AuditEntry.objects.filter(kind="webhook")
    assert [entry.action for entry in told] == ["create_webhook"]
    assert hook["secret"] not in str([(entry.before, entry.after) for entry in told])


def test_it_takes_a_scope_of_its_own(receiver: Receiver) -> None:
    hook = made(receiver)
    others = game_server("players:write", "facts:read", "content:write")
    assert_problem(others.get(API), 403, "missing_scope")
    assert_problem(others.post(f"{API}/{hook['id']}/replay", {"only_failed": True}), 403, "missing_scope")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://game.example/", "https://", "game.example/hook", "https://name:word@game.example/",
        "https://game.example/#part", "https://10.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest",
        "https://game.example:99999/", "https://game.example/ a", "https://gäme.example/",
    ],
)  # fmt: skip
def test_an_address_that_makes_no_sense_or_is_closed_is_refused(url: str) -> None:
    assert_problem(game_server().post(API, {"url": url}), 400, "invalid", "url")
    assert not Endpoint.objects.exists()


def test_without_networks_that_are_allowed_it_is_https_only(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_SUBNETS = []
    assert_problem(game_server().post(API, {"url": "http://game.example/"}), 400, "invalid", "url")
    assert game_server().post(API, {"url": "https://game.example/"}).status_code == 201


def test_a_type_that_no_fact_has_is_refused() -> None:
    body = {"url": "https://game.example/", "types": ["quest.complted"]}
    assert_problem(game_server().post(API, body), 400, "invalid", "types")


def test_trying_one_says_what_came_of_it(receiver: Receiver) -> None:
    hook = made(receiver)
    tried = game_server().post(f"{API}/{hook['id']}/test", {}).json()
    [found] = receiver.received
    assert tried["succeeded"]
    assert (tried["status"], tried["id"]) == (200, found.id)
    assert Webhook(hook["secret"]).verify(found.body, found.headers)["type"] == "webhook.test"
    receiver.answer = lambda _: Answer(500, body=b"no such place")
    tried = game_server().post(f"{API}/{hook['id']}/test", {}).json()
    assert (tried["succeeded"], tried["error"]) == (False, "no such place")
    assert not Delivery.objects.exists()


def test_a_secret_is_rotated_and_the_new_one_shown_once(receiver: Receiver) -> None:
    hook = made(receiver)
    rotated = game_server().post(f"{API}/{hook['id']}/rotate", {"overlap_seconds": 0}).json()
    assert rotated["secret"] != hook["secret"]
    game_server().post(f"{API}/{hook['id']}/test", {})
    [found] = receiver.received
    Webhook(rotated["secret"]).verify(found.body, found.headers)
    assert " " not in found.headers["webhook-signature"]


def test_what_was_sent_is_listed_and_sent_again(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    receiver.answer = lambda found: Answer(500 if found.message["player_id"] == "ann" else 200)
    ids = [state("ann"), state("bob")]
    follow()
    send(hook)
    server, one = game_server(), f"{API}/{hook.pk}"
    listed = server.get(f"{one}/deliveries").json()["results"]
    assert [(each["id"], each["state"]) for each in listed] == [(ids[1], "DELIVERED"), (ids[0], "PENDING")]
    assert [each["id"] for each in server.get(f"{one}/deliveries?player_id=bob").json()["results"]] == [ids[1]]
    assert [each["id"] for each in server.get(f"{one}/deliveries?state=PENDING").json()["results"]] == [ids[0]]
    receiver.answer = lambda _: Answer()
    receiver.received.clear()
    assert server.post(f"{one}/replay", {"ids": [ids[1]]}).json() == {"queued": 1}
    send(hook)
    assert receiver.ids == [ids[1]]
    assert server.post(f"{one}/replay", {"since": "2026-01-01T00:00:00Z"}).json() == {"queued": 2}
    Delivery.objects.filter(fact_id=ids[0]).update(state="FAILED")
    assert server.post(f"{one}/replay", {"only_failed": True}).json() == {"queued": 1}
    told = AuditEntry.objects.filter(action="replay_webhook").order_by("pk")
    assert [entry.after["queued"] for entry in told if entry.after] == [1, 2, 1]


def test_a_replay_says_of_what() -> None:
    hook = endpoint("https://game.example/")
    assert_problem(game_server().post(f"{API}/{hook.pk}/replay", {}), 400, "invalid", "ids")
    later = {"until": "2026-01-01T00:00:00Z"}
    assert_problem(game_server().post(f"{API}/{hook.pk}/replay", later), 400, "invalid", "ids")


def test_one_that_is_deleted_is_unknown(receiver: Receiver) -> None:
    hook = made(receiver)
    server = game_server()
    assert server.delete(f"{API}/{hook['id']}").status_code == 204
    for response in (server.get(f"{API}/{hook['id']}"), server.post(f"{API}/{hook['id']}/test", {})):
        assert_problem(response, 404, "not_found")
    assert_problem(server.get(f"{API}/{2**70}"), 404, "not_found")


def test_enabling_it_again_forgets_that_it_failed(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    Endpoint.objects.update(
        is_enabled=False, why_disabled="It answered 410 Gone.", failures=9, failing_since=timezone.now()
    )
    changed = game_server().patch(f"{API}/{hook.pk}", {"is_enabled": True}).json()
    assert changed["is_enabled"]
    assert (changed["why_disabled"], changed["failures"], changed["failing_since"]) == ("", 0, None)
