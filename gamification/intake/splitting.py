"""Regrouping events by share: what comes in mixed, and what came into another share's queue, is sent to its own.

Sent on before it is acknowledged, with confirms: a crash in between costs a repetition and no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gamification.intake import handover
from gamification.intake.amqp import NotHandedOn
from gamification.intake.confirmed_publisher import ConfirmedPublisher, NotConfirmed
from gamification.intake.decoding import MAX_BODY, MAX_EVENTS
from gamification.intake.worker import Process, count
from gamification.kernel.core import origins
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.messaging import topology
from gamification.kernel.storage import shares


def splitter(publisher: ConfirmedPublisher) -> Process:
    """Sends each event on to its share's queue."""
    return partial(_split, publisher)


def of_share(share: int, publisher: ConfirmedPublisher) -> Process:
    """Lets the events of one share count; others, which somebody published by a wrong key, go to the splitter."""
    return partial(_count_own, share, publisher)


def _split(publisher: ConfirmedPublisher, events: Sequence[GameEvent]) -> None:
    for share, part in shares.by_share(events, lambda event: event.player_id).items():
        _send(publisher, topology.event_key(share), part)


def _count_own(share: int, publisher: ConfirmedPublisher, events: Sequence[GameEvent]) -> None:
    own = [event for event in events if shares.share_of(event.player_id) == share]
    if len(own) < len(events):
        _send(publisher, topology.EVENT_KEY, [e for e in events if shares.share_of(e.player_id) != share])
    if own:
        count(own)


def _send(publisher: ConfirmedPublisher, key: str, events: Sequence[GameEvent]) -> None:
    body = handover.encode(events)
    if len(body) > MAX_BODY or len(events) > MAX_EVENTS:  # the workers take no larger one
        if len(events) == 1:  # its numbers grew by being written again
            count(events)
            return
        middle = len(events) // 2
        _send(publisher, key, events[:middle])
        _send(publisher, key, events[middle:])
        return
    try:
        headers = origins.header(origins.runs([event.origin for event in events]))
        publisher.send(body, exchange=topology.incoming().name, routing_key=key, headers=headers)
    except NotConfirmed as problem:
        raise NotHandedOn(f"{key}: {problem}") from problem
