"""What is regrouped by share is what workers take."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from gamification.intake.amqp import Message
from gamification.intake.confirmed_publisher import ConfirmedPublisher
from gamification.intake.splitting import splitter
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.core.origins import Origin

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Publisher:
    """Keeps what it is to publish."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Mapping[str, Any]]] = []

    def send(self, body: bytes, *, exchange: str, routing_key: str, headers: Mapping[str, Any]) -> None:
        self.sent.append((body, headers))


def test_more_events_than_one_message_may_hold_go_in_several_with_their_requests() -> None:
    # A batch may be of 499 events when a message of 1,000 more comes, all of them of one share.
    events = [GameEvent(f"e{n}", "ann", "t", {}, NOW, origin=Origin(f"r{n}")) for n in range(1_499)]
    publisher = Publisher()
    splitter(cast(ConfirmedPublisher, publisher))(events)
    came = [Message.read(body, now=NOW, headers=headers) for body, headers in publisher.sent]
    assert [letter.reason for message in came for letter in message.letters] == []
    assert [event.id for message in came for _, event in message.events] == [event.id for event in events]
    assert [event.origin for message in came for _, event in message.events] == [event.origin for event in events]
