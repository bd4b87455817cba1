"""Messages reach receivers that take them, wait for those that do not, and keep nobody else waiting."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.models import AuditEntry, OutboxFact
from gamification.players.erasing import ErasePlayer
from gamification.webhooks import following, messages, sending, transport, trouble
from gamification.webhooks.commands import ChangeWebhook, RotateWebhookSecret
from gamification.webhooks.models import Delivery, Endpoint
from tests.support.content import event, metric, publish
from tests.support.waiting import until
from tests.support.webhook_receiver import Answer, Receiver, receiving
from tests.support.webhooks import endpoint, follow, send, state

pytestmark = pytest.mark.django_db(transaction=True)


def states() -> dict[str, str]:
    return dict(Delivery.objects.values_list("fact_id", "state"))


def test_a_fact_arrives_once_and_is_signed(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    id_ = state("ann", id="hunter", points=5)
    follow()
    assert send(hook) == 1
    assert send(hook) == 0
    [found] = receiver.received
    assert found.id == id_
    message = Webhook(hook.secrets[0]["secret"]).verify(found.body, found.headers)
    assert message == {
        "type": "achievement.completed",
        "timestamp": message["timestamp"],
        "id": id_,
        "player_id": "ann",
        "data": {"id": "hunter", "points": 5},
    }
    [row] = Delivery.objects.all()
    assert row.state == "DELIVERED"
    assert [each["status"] for each in row.attempts] == [200]


def test_an_endpoint_hears_of_the_types_it_asked_for_from_when_it_was_made(receiver: Receiver) -> None:
    state("ann")
    hook = endpoint(receiver.url(), "quest.*", "level.reached")
    wanted = [state("ann", FactType.QUEST_STARTED), state("ann", FactType.LEVEL_REACHED)]
    state("ann", FactType.REWARD_GRANTED)
    follow()
    send(hook)
    assert receiver.ids == wanted


def test_following_twice_or_from_before_makes_no_second_message(receiver: Receiver) -> None:
    endpoint(receiver.url())
    state()
    follow()
    with following.FOLLOWER.alone(), transaction.atomic():
        following.FOLLOWER.move(0)
    follow()
    assert Delivery.objects.count() == 1


def test_a_player_s_messages_are_first_sent_in_the_order_they_were_stated(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    receiver.answer = lambda found: Answer(wait=0.02 if found.message["player_id"] == "ann" else 0.0)
    stated = [state(player) for player in ("ann", "bob", "eve") * 10]
    follow()
    while send(hook):
        pass
    by_player = {player: [each.id for each in receiver.received if each.message["player_id"] == player]
                 for player in ("ann", "bob", "eve")}  # fmt: skip
    assert by_player == {"ann": stated[0::3], "bob": stated[1::3], "eve": stated[2::3]}


def test_a_message_that_fails_is_tried_again_and_may_be_overtaken(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    first, second = state(), state()
    receiver.answer = lambda found: Answer(500, body=b"not now") if found.id == first else Answer()
    follow()
    send(hook)
    row = Delivery.objects.get(fact_id=first)
    assert (row.state, row.tried, row.told()["error"]) == ("PENDING", 1, "not now")
    assert timedelta(seconds=5) <= row.due_at - timezone.now() + timedelta(seconds=1) <= timedelta(seconds=6.5)
    assert states()[second] == "DELIVERED"
    Delivery.objects.filter(pk=row.pk).update(due_at=timezone.now())
    receiver.answer = lambda _: Answer()
    send(hook)
    assert set(states().values()) == {"DELIVERED"}
    assert receiver.ids == [first, second, first]


def test_after_ten_attempts_it_is_given_up(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    state()
    receiver.answer = lambda _: Answer(500)
    follow()
    for _ in range(11):
        Endpoint.objects.update(paused_until=None)
        Delivery.objects.filter(state="PENDING").update(due_at=timezone.now())
        send(hook)
    [row] = Delivery.objects.all()
    assert (row.state, len(row.attempts)) == ("FAILED", 10)
    assert len(receiver.received) == 10


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(302, {"Location": "http://127.0.0.1:1/elsewhere"}), "It leads to"),
        (Answer(cut=True), "RemoteProtocolError"),
        (Answer(headers={"Content-Length": "500"}, body=b"two lengths"), "RemoteProtocolError"),
        (Answer(headers={"Transfer-Encoding": "chunked"}, body=b"no chunk\r\n"), "RemoteProtocolError"),
        (Answer(wait=30), "There was no whole answer within"),
        (Answer(body=b"slow " * 100, drip=0.2), "There was no whole answer within"),
    ],
)
def test_a_receiver_that_misbehaves_has_failed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answer: Answer, said: str
) -> None:
    monkeypatch.setattr(transport.send, "__defaults__", (1.0,))
    hook = endpoint(receiver.url())
    state()
    receiver.answer = lambda _: answer
    follow()
    began = time.monotonic()
    send(hook)
    assert time.monotonic() - began < 5
    assert len(receiver.received) == 1  # nobody was followed anywhere
    [row] = Delivery.objects.all()
    assert (row.state, row.tried) == ("PENDING", 1)
    assert row.told()["error"].startswith(said)


def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    state()
    receiver.answer = lambda _: Answer(body=b"x" * 50_000_000)
    follow()
    send(hook)
    assert list(states().values()) == ["DELIVERED"]


def test_what_leads_to_this_machine_is_not_connected_to(receiver: Receiver, settings: Settings) -> None:
    hook = endpoint(receiver.url("localhost"))
    settings.WEBHOOK_ALLOW_SUBNETS = []
    state()
    follow()
    send(hook)
    assert receiver.received == []
    assert "leads to no address" in Delivery.objects.get().told()["error"]


def test_an_endpoint_that_is_down_is_not_asked_with_each_message(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    for number in range(40):
        state(f"p{number % 4}")
    receiver.answer = lambda _: Answer(503)
    follow()
    send(hook)
    assert 5 <= len(receiver.received) <= 5 + transport.AT_A_TIME
    assert send(hook) == 0  # paused
    untried = Delivery.objects.filter(tried=0).count()
    assert untried == 40 - len(receiver.received)
    Endpoint.objects.update(paused_until=timezone.now())
    receiver.answer = lambda _: Answer()
    assert send(hook) == 1  # one tries whether it is any better
    assert send(hook) == untried - 1


def test_what_was_not_begun_keeps_its_order(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    stated = [state() for _ in range(12)]
    receiver.answer = lambda _: Answer(500)
    follow()
    send(hook)
    receiver.received.clear()
    receiver.answer = lambda _: Answer()
    Endpoint.objects.update(paused_until=timezone.now())
    while send(hook):
        pass
    assert receiver.ids == stated[5:]


def test_an_endpoint_that_is_gone_is_disabled_and_what_waits_is_kept(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    state()
    receiver.answer = lambda _: Answer(410)
    follow()
    send(hook)
    hook.refresh_from_db()
    assert (hook.is_enabled, hook.why_disabled) == (False, "It answered 410 Gone.")
    assert AuditEntry.objects.filter(action="disable_webhook", actor="system").count() == 1
    later = state()
    follow()
    assert send(hook) == 0
    receiver.answer = lambda _: Answer()
    bus.handle(ChangeWebhook(id=hook.pk, changes={"is_enabled": True}), actor=Actor.key("k"), now=timezone.now())
    send(hook)
    assert receiver.ids[1:] == [later]


def test_a_receiver_that_asks_for_time_is_left_alone_for_so_long(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    state()
    receiver.answer = lambda _: Answer(429, {"Retry-After": "60"})
    follow()
    send(hook)
    hook.refresh_from_db()
    assert hook.paused_until is not None
    assert hook.paused_until - timezone.now() > timedelta(seconds=50)
    assert Delivery.objects.get().due_at >= hook.paused_until


def test_while_a_secret_is_rotated_both_sign(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    old = hook.secrets[0]["secret"]
    new = bus.handle(RotateWebhookSecret(id=hook.pk), actor=Actor.key("k"), now=timezone.now()).secret
    state()
    follow()
    send(hook)
    [found] = receiver.received
    for secret in (old, new):
        Webhook(secret).verify(found.body, found.headers)
    later = timezone.now() + timedelta(days=2)
    hook.refresh_from_db()
    assert [each["secret"] for each in hook.secrets if each["until"] is None] == [new]
    assert messages.signing(hook.secrets, later) == [new]


def test_one_sends_at_a_time(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    state()
    follow()
    assert sending.lease(hook.pk, "another") is not None
    assert send(hook) == 0
    sending.release(hook.pk, "another")
    assert send(hook) == 1


def test_an_erased_player_is_in_no_message(receiver: Receiver) -> None:
    publish(metric("hits"))
    hook = endpoint(receiver.url())
    pipeline.process([event("e", "ann")], now=timezone.now())
    state("ann")
    state("bob")
    follow()
    assert Delivery.objects.filter(player_id="ann").count() == 1
    state("ann")
    bus.handle(ErasePlayer(player_id="ann"), actor=Actor.key("k"), now=timezone.now())
    follow()
    send(hook)
    assert [each.message["player_id"] for each in receiver.received] == ["bob"]
    assert not OutboxFact.objects.filter(player_id="ann").exists()


def test_old_messages_are_forgotten_and_those_to_nobody(receiver: Receiver) -> None:
    hook, other = endpoint(receiver.url()), endpoint(receiver.url())
    state()
    follow()
    Delivery.objects.filter(endpoint=hook.pk).update(created_at=timezone.now() - timedelta(days=31))
    other.delete()
    kept = endpoint(receiver.url())
    state()
    follow()
    following.forget(timezone.now())
    assert sorted(Delivery.objects.values_list("endpoint", flat=True)) == [hook.pk, kept.pk]


def test_an_endpoint_that_hangs_keeps_no_other_waiting(receiver: Receiver) -> None:
    """With the threads that a process has."""
    with receiving() as hanging:
        hanging.answer = lambda _: Answer(wait=30)
        endpoint(hanging.url())
        endpoint(receiver.url())
        began = time.monotonic()
        stated = [state(f"p{number}") for number in range(5)]
        sending.sweep(timezone.now())
        until(lambda: sorted(receiver.ids) == sorted(stated))
        assert time.monotonic() - began < 8
        hanging.let_go.set()
        until(lambda: Delivery.objects.filter(state="DELIVERED").count() >= 5)
        sending.stop()


def test_a_hint_sends_at_once(receiver: Receiver) -> None:
    endpoint(receiver.url())
    sending.sweep(timezone.now())
    id_ = state()
    sending.hint()
    until(lambda: receiver.ids == [id_])
    sending.stop()


def test_one_that_nothing_comes_of_is_told_of(receiver: Receiver) -> None:
    now = timezone.now()
    hook = endpoint(receiver.url())
    assert list(trouble.found(now)) == []
    Endpoint.objects.update(failing_since=now - timedelta(hours=2))
    [(found, said)] = trouble.found(now)
    assert (found, "Nothing but failures" in said) == (hook, True)
    Endpoint.objects.update(is_enabled=False, why_disabled="It answered 410 Gone.")
    assert [said for _, said in trouble.found(now)] == [f"The webhook {hook} is disabled. It answered 410 Gone."]
    Endpoint.objects.update(why_disabled="")  # somebody chose so
    assert list(trouble.found(now)) == []
