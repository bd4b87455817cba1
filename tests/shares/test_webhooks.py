"""Webhooks hear of players of every share."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from django.utils import timezone
from pytest_django import Settings

from gamification.kernel.core.actors import Actor
from gamification.kernel.storage import shares
from gamification.webhooks import following, replaying, sending
from gamification.webhooks.models import Delivery
from gamification.webhooks.replaying import Wanted
from tests.support.sharing import everywhere, one_of_each
from tests.support.waiting import until
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.webhooks import endpoint, state

pytestmark = [pytest.mark.shares, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_SUBNETS = [ip_network("127.0.0.0/8")]
    with receiving() as receiver:
        yield receiver
    sending.stop()


def test_facts_of_every_share_are_sent_and_sent_again_and_forgotten(receiver: Receiver) -> None:
    hook = endpoint(receiver.url())
    stated = set()
    for player in one_of_each():
        with shares.within_share_of(player):
            stated.add(state(player))
    sending.sweep(timezone.now())
    until(lambda: set(receiver.ids) == stated)
    until(lambda: [row.state for row in everywhere(Delivery.objects.all())] == ["DELIVERED"] * len(stated))
    receiver.received.clear()
    assert replaying.replay(hook, Wanted(ids=sorted(stated)), actor=Actor.key("k"), now=timezone.now()) == len(stated)
    sending.sweep(timezone.now())
    until(lambda: set(receiver.ids) == stated)
    sending.stop()
    hook.delete()
    shares.in_each(following.forget)(timezone.now())
    assert everywhere(Delivery.objects.all()) == []
