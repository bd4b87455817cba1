"""How many queries a batch asks."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification import pipeline
from gamification.kernel.content import publishing
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.storage.pseudonyms import pseudonym_key
from tests.support.content import NOON


def queries(batch: Sequence[GameEvent], now: datetime = NOON) -> int:
    return queries_of(lambda: pipeline.process(batch, now=now))


def queries_of(work: Callable[[], object]) -> int:
    publishing.current()  # compiled once a publication, not a batch
    pseudonym_key()  # read once a process
    with CaptureQueriesContext(connection) as captured:
        work()
    return len([q for q in captured.captured_queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))])


MAX_QUERIES = 36
"""Two to begin and end, up to five for the players and the rules, the rest one a table read or written."""
