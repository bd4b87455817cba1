"""The exchanges and queues in RabbitMQ: whoever publishes to, consumes from or examines them asks here.

    game servers, POST /events ──game.event──▶ <exchange>.in ──▶ <exchange>.events ──▶ workers
                                                    │ any other key     │ parked, or delivered too often
                                                    ▼                   ▼
                                                    <exchange>.events.dead ──▶ manage.py deadletters
    the relay ──achievement.completed …──▶ <exchange> ──▶ whoever binds a queue of their own

Two exchanges, so that whoever may send events may not send facts, and a listener to all facts hears no events. Events
sent to <exchange> with the key `game.event`, which was their way once, arrive as well.

Declaring is safe to repeat; a queue that is there with other arguments is refused by RabbitMQ, never changed.
"""

from __future__ import annotations

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


def events() -> Queue:
    """What game servers publish, for the workers."""
    return Queue(
        f"{settings.RABBITMQ_EXCHANGE}.events",
        incoming(),
        routing_key=EVENT_KEY,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": dead().exchange.name,
            # A message leaves its queue only once its parking is confirmed, which RabbitMQ ties to `reject-publish`.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
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
    queue = events()(channel)
    queue.declare()
    queue.bind_to(exchange(), EVENT_KEY)
