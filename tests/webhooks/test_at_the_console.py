"""Webhooks at the console: made with a secret that is shown once, tried, disabled, deleted."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gamification.kernel.models import AuditEntry
from gamification.webhooks.models import Delivery, Endpoint
from tests.support.webhook_receiver import Answer, Receiver
from tests.support.webhooks import endpoint, follow, send, state

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/webhooks/endpoint/"


@pytest.fixture
def console() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def act(console: Client, name: str, hook: Endpoint) -> str:
    posted = console.post(LIST, {"action": name, "_selected_action": hook.pk}, follow=True)
    return re.sub(r"<[^>]+>", " ", posted.content.decode())


def test_one_is_made_and_its_secret_shown_once(console: Client, receiver: Receiver) -> None:
    posted = console.post(f"{LIST}add/", {"url": receiver.url(), "types": "quest.*, level.reached", "description": "d"})
    hook = Endpoint.objects.get()
    secret = hook.secrets[0]["secret"]
    assert secret in posted.content.decode().replace("&#x2B;", "+")
    assert "no-store" in posted["Cache-Control"]
    assert hook.types == ["quest.*", "level.reached"]
    for address in (LIST, f"{LIST}{hook.pk}/change/"):
        assert secret not in console.get(address).content.decode()
    assert [(each.action, each.actor) for each in AuditEntry.objects.filter(kind="webhook")] == [
        ("create_webhook", "user:root")
    ]


def test_what_is_wrong_stands_at_its_field(console: Client) -> None:
    posted = console.post(f"{LIST}add/", {"url": "https://10.0.0.1/", "types": "quest.complted"})
    assert set(posted.context["adminform"].form.errors) == {"url", "types"}
    assert not Endpoint.objects.exists()


def test_it_is_changed_by_a_command_that_says_who(console: Client, receiver: Receiver) -> None:
    hook = endpoint("https://game.example/old")
    said = {"url": receiver.url(), "types": "*", "description": "ours"}
    assert console.post(f"{LIST}{hook.pk}/change/", said).status_code == 302
    hook.refresh_from_db()
    assert (hook.url, hook.description) == (receiver.url(), "ours")
    entry = AuditEntry.objects.get(action="change_webhook")
    assert (entry.actor, entry.after) == ("user:root", {"url": receiver.url(), "description": "ours"})


def test_it_is_tried_and_says_what_came_of_it(console: Client, receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    assert "answered 200" in act(console, "test_selected", hook)
    receiver.answer = lambda _: Answer(500, body=b"<b>no</b>")
    page = console.post(LIST, {"action": "test_selected", "_selected_action": hook.pk}, follow=True).content.decode()
    assert "500 &lt;b&gt;no&lt;/b&gt;" in page


def test_it_is_disabled_and_enabled_rotated_and_deleted(console: Client, receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    act(console, "disable_selected", hook)
    assert not Endpoint.objects.get().is_enabled
    act(console, "enable_selected", hook)
    assert Endpoint.objects.get().is_enabled
    assert "whsec_" in act(console, "rotate_selected", hook)
    act(console, "delete_these", hook)
    assert not Endpoint.objects.exists()


def test_messages_are_looked_at_with_what_came_of_each_attempt(console: Client, receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    receiver.answer = lambda _: Answer(500, body=b"not now")
    id_ = state("ann")
    follow()
    send(hook)
    Delivery.objects.update(state="FAILED")
    listed = console.get("/admin/webhooks/delivery/").content.decode()
    assert "500 not now" in listed
    row = Delivery.objects.get()
    assert id_ in console.get(f"/admin/webhooks/delivery/{row.pk}/change/").content.decode()
    assert "1 message(s)" in act(console, "replay_selected", hook)
