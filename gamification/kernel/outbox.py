"""The outbox: facts wait here, written in the transaction that decided them, until they are on their way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gamification.kernel import sql
from gamification.kernel.messages import Fact
from gamification.kernel.models import OutboxFact


def put(facts: Sequence[Fact], now: datetime) -> None:
    """Put facts out to be published, in the order they were stated, in one statement."""
    rows = [(fact.id, fact.player_id, fact.type, fact.data, fact.timestamp) for fact in facts]
    sql.insert(OutboxFact, ("fact_id", "player_id", "type", "data", "timestamp"), rows)
