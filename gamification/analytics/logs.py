"""The logs that analytics follow, and how far each was followed."""

from __future__ import annotations

from django.conf import settings

from achievements.models import ProgressMark
from gamification.kernel.messaging.followers import EVENTS, FACTS, Follower, Log
from gamification.kernel.models import RejectedEvent

EVENTS_MARK, FACTS_MARK, MARKS_MARK, REJECTED_MARK = (
    f"analytics-{log}" for log in ("events", "facts", "marks", "rejected")
)


def is_on() -> bool:
    return bool(settings.ENABLE_ANALYTICS)


OF_EVENTS = Follower(EVENTS_MARK, EVENTS, is_on=is_on)
"""Whoever acts as it may act as the others too: all of them add to the same players and figures."""
OF_FACTS = Follower(FACTS_MARK, FACTS, is_on=is_on)
OF_MARKS = Follower(MARKS_MARK, Log(ProgressMark), is_on=is_on)
OF_REJECTED = Follower(REJECTED_MARK, Log(RejectedEvent), is_on=is_on)
