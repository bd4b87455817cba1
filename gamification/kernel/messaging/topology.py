"""What there is in RabbitMQ, by name: whoever publishes, consumes or examines it asks here.

    game servers, the door ──game.event──▶ <exchange>.in ──▶ <exchange>.events ──▶ workers
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
"""A message that came back so often, because whoever held it was killed each time, is parked by RabbitMQ itself."""
UNLIMITED = 1_000_000_000
"""Reading the parked ones gives them back, too; RabbitMQ 4 would drop them after 20 times."""


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
            # Parking, too, is confirmed before a message leaves its queue; RabbitMQ wants the second for the first.
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
        queue_arguments={"x-queue-type": "quorum", "x-delivery-limit": UNLIMITED},
    )


def declare(channel: Any) -> None:
    """Make sure that all of it is there; raises amqp.PreconditionFailed where something else has the name."""
    dead()(channel).declare()
    exchange()(channel).declare()
    queue = events()(channel)
    queue.declare()
    queue.bind_to(exchange(), EVENT_KEY)
