"""Endpoints, facts for them, and turns of sending without threads."""

from __future__ import annotations

import asyncio
from itertools import count

from django.utils import timezone

from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact
from gamification.kernel.messaging import outbox
from gamification.webhooks import following, sending, transport
from gamification.webhooks.commands import CreateWebhook
from gamification.webhooks.models import Endpoint
from tests.support.waiting import until

_numbers = count(1)


def endpoint(url: str, *types: str) -> Endpoint:
    command = CreateWebhook(url=url, types=types or ("*",))
    made: Endpoint = bus.handle(command, actor=Actor.key("k"), now=timezone.now()).endpoint
    return made


def state(player_id: str = "ann", type_: FactType = FactType.ACHIEVEMENT_COMPLETED, **data: object) -> str:
    """State a fact; says its id."""
    now = timezone.now()
    id_ = f"~f{next(_numbers)}"
    outbox.put([Fact(id_, player_id, type_, data, now)], now)
    return id_


def follow() -> None:
    """Make messages of all facts that were stated."""

    def done() -> bool:
        following.follow()
        return following.FOLLOWER.behind() == 0

    until(done)  # others write on this server, too


def send(*endpoints: Endpoint, name: str = "me") -> int:
    """One page to each endpoint, as far as it may be sent to. Returns how many messages were sent."""
    sent = 0
    with asyncio.Runner() as runner:
        connections = transport.pool()
        for each in endpoints:
            found = sending.lease(each.pk, name)
            sent += sending.send_page(found, runner, connections) if found else 0
        runner.run(connections.aclose())
    return sent
