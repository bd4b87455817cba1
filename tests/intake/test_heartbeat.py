"""What workers say of how far they have come, and what this process concludes for what it has handed over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import amqp
import pytest
from django.utils import timezone
from pytest_django import Settings

from gamification.intake import backlog
from gamification.intake.heartbeat import Unacked
from gamification.kernel.messaging import topology
from gamification.kernel.models import WorkerHeartbeat

NOW = timezone.now().replace(microsecond=0)
SECOND = int(NOW.timestamp())


@pytest.fixture(autouse=True)
def nothing_handed_over() -> Iterator[None]:
    yield
    backlog._handed_over.clear()


def letter(tag: int, *, age: int) -> Any:
    message = amqp.Message(b"", timestamp=SECOND - age)
    message.delivery_info = {"delivery_tag": tag}
    return message


def handed_over_and_not_done() -> dict[int, list[int]]:
    """Share → how many seconds ago."""
    return {share: [SECOND - each for each in seconds] for share, seconds in backlog._handed_over.items() if seconds}


def heartbeat(unacked: Unacked) -> WorkerHeartbeat:
    return WorkerHeartbeat(worker="a", done_to=unacked.done_to, done_of_shares=unacked.done_of_shares())


def test_a_share_that_stands_still_is_not_hidden_by_one_that_moves(settings: Settings) -> None:
    settings.SHARES = 2
    unacked = Unacked()
    unacked.take(topology.events_of(1).name, letter(1, age=10))
    unacked.take(topology.events_of(0).name, letter(1, age=60))  # came later, and had waited for longer
    unacked.done(topology.events_of(1).name, [1])
    assert unacked.oldest() == datetime.fromtimestamp(SECOND - 60, NOW.tzinfo)
    backlog.note([0, 1], SECOND - 60)
    backlog._forget_done([heartbeat(unacked)])
    assert handed_over_and_not_done() == {0: [60]}
    unacked.done(topology.events_of(0).name, [1])
    backlog._forget_done([heartbeat(unacked)])
    assert handed_over_and_not_done() == {}


def test_a_worker_that_does_not_tell_shares_apart_is_believed_of_all(settings: Settings) -> None:
    settings.SHARES = 2
    backlog.note([0, 1], SECOND - 10)
    backlog._forget_done([WorkerHeartbeat(worker="of an older version", done_to=NOW)])
    assert handed_over_and_not_done() == {}


def test_what_was_confirmed_in_the_next_second_is_settled_once_it_is_done() -> None:
    unacked = Unacked()
    unacked.take(topology.events().name, letter(1, age=10))
    unacked.done(topology.events().name, [1])
    assert unacked.done_of_shares() is None
    backlog.note([0], SECOND - 10 + 0.99)
    backlog._forget_done([heartbeat(unacked)])
    assert handed_over_and_not_done() == {}
