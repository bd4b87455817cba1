"""The exchanges and queues in RabbitMQ: whoever publishes to, consumes from or examines them asks here.

    game servers, POST /events ──game.event──▶ <exchange>.in ──▶ <exchange>.events ──▶ workers
                                                    │ any other key     │ parked, or delivered too often
                                                    ▼                   ▼
                                                    <exchange>.events.dead ──▶ manage.py deadletters
    the relay ──achievement.completed …──▶ <exchange> ──▶ whoever binds a queue of their own

Two exchanges, so that whoever may send events may not send facts, and a listener to all facts hears no events. Events
sent to <exchange> with the key `game.event`, which was their way once, arrive as well.

With SHARES > 1 each share k has a queue of its own, <exchange>.events.<k>, bound by `game.event.<k>`: one worker at a
time takes from it, so a player's events are processed in the order in which they came. `game.event` then leads to
<exchange>.events.mixed, from which one worker at a time regroups them by share.

Declaring is safe to repeat; a queue that is there with other arguments is refused by RabbitMQ, never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from kombu import Exchange, Queue

EVENT_KEY = "game.event"

DELIVERY_LIMIT = 20
"""A message that was redelivered so often, because each worker that took it was killed, is parked by RabbitMQ."""
NO_DELIVERY_LIMIT = 1_000_000_000
"""Listing parked messages counts as delivering them too: by default RabbitMQ 4 would drop them after 20 times."""


def exchange() -> Exchange:
    """Facts go out through this one."""
    return Exchange(settings.RABBITMQ_EXCHANGE, type="topic")


def incoming() -> Exchange:
    """Events come in through this one. What is sent to it with a key that no queue is bound for is parked."""
    arguments = {"alternate-exchange": dead().exchange.name}
    return Exchange(f"{settings.RABBITMQ_EXCHANGE}.in", type="topic", arguments=arguments)


def event_key(share: int) -> str:
    """The key by which events of a share are published."""
    return EVENT_KEY if settings.SHARES == 1 else f"{EVENT_KEY}.{share}"


def events() -> Queue:
    """What game servers publish, for the workers; with several shares, to be regrouped by them."""
    if settings.SHARES == 1:
        return _of_events(f"{settings.RABBITMQ_EXCHANGE}.events", EVENT_KEY)
    return _of_events(f"{settings.RABBITMQ_EXCHANGE}.events.mixed", EVENT_KEY, {"x-single-active-consumer": True})


def events_of(share: int) -> Queue:
    """The events of one of several shares."""
    name = f"{settings.RABBITMQ_EXCHANGE}.events.{share}"
    return _of_events(name, event_key(share), {"x-single-active-consumer": True})


def all_events() -> list[Queue]:
    """Every queue with events."""
    of_shares = [events_of(share) for share in range(settings.SHARES)] if settings.SHARES > 1 else []
    return [events(), *of_shares]


def _of_events(name: str, key: str, more: Mapping[str, Any] | None = None) -> Queue:
    return Queue(
        name,
        incoming(),
        routing_key=key,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": dead().exchange.name,
            # A message leaves its queue only once its parking is confirmed, which RabbitMQ ties to `reject-publish`.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            **(more or {}),
        },
    )


def dead() -> Queue:
    """What could not be processed, with the reason, for a person."""
    name = f"{settings.RABBITMQ_EXCHANGE}.events.dead"
    return Queue(
        name,
        Exchange(name, type="fanout"),
        queue_arguments={"x-queue-type": "quorum", "x-delivery-limit": NO_DELIVERY_LIMIT},
    )


def declare(channel: Any) -> None:
    """Make sure that all of it is there; raises amqp.PreconditionFailed where something else has the name."""
    dead()(channel).declare()
    exchange()(channel).declare()
    for queue in all_events():
        queue(channel).declare()
    events()(channel).bind_to(exchange(), EVENT_KEY)
