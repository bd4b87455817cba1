"""Processing in place: events of several shares in one request, a transaction each.

Whoever waits is answered once all are committed. Where one fails, the others have counted: the request is refused with
503, and sent again its events are known there and count where they did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from gamification import pipeline
from gamification.kernel.core.messages import GameEvent, Outcome, Refused
from gamification.kernel.storage import shares


class NotAllCommitted(Refused):
    """Some of a request's events have counted and others may not have."""

    code = "not_all_committed"
    status = 503
    retry_after = 1

    def __init__(self) -> None:
        super().__init__("Not all events could be committed; send the request again, those that were count no more.")


def process(events: Sequence[GameEvent], now: datetime) -> Outcome:
    """What these events came to. Raises what processing them raised; NotAllCommitted, where they are of several
    shares."""
    parts = shares.by_share(events, player_of)
    if len(parts) == 1:
        return pipeline.process(events, now=now)
    try:
        return together([pipeline.process(part, now=now) for _, part in sorted(parts.items())])
    except Exception as problem:
        raise NotAllCommitted from problem


def player_of(event: GameEvent) -> str:
    return event.player_id


def together(outcomes: Iterable[Outcome]) -> Outcome:
    """What batches came to that have no player in common."""
    whole = Outcome()
    for each in outcomes:
        whole.fresh += each.fresh
        whole.repeated += each.repeated
        whole.refused += each.refused
        whole.facts += each.facts
        whole.metrics = {**whole.metrics, **each.metrics}
        whole.held |= each.held
    return whole
