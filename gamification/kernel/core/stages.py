"""How long the stages of a batch take and how much a batch does, for `/metrics`. Nothing here costs time per event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from time import perf_counter
from typing import Literal, ParamSpec, TypeVar, get_args

import prometheus_client

from gamification.kernel.core.messages import Outcome

P = ParamSpec("P")
T = TypeVar("T")

Stage = Literal["lock", "admit", "read", "screen", "decide", "write", "commit", "after_commit"]
"""In the order in which a batch goes through them; a command has no `admit`."""
EventOutcome = Literal["accepted", "duplicate", "refused", "invalid", "parked"]

_SECONDS = prometheus_client.Histogram(
    "gamification_stage_seconds",
    "Seconds that one stage of a batch or a command took",
    ["stage"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_stages = {stage: _SECONDS.labels(stage) for stage in get_args(Stage)}
_events = prometheus_client.Histogram(
    "gamification_batch_events",
    "Events that came in one batch",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
)
_rounds = prometheus_client.Histogram(
    "gamification_batch_rounds",
    "Rounds in which a batch or a command and what it caused were counted",
    buckets=(1, 2, 3, 4, 5, 6, 7, 8),
)
_by_outcome = prometheus_client.Counter(
    "gamification_events",
    "Events, by what became of them: accepted, known already, refused by what is stored, invalid by themselves, or "
    "parked as dead letters",
    ["outcome"],
)
_outcomes = {outcome: _by_outcome.labels(outcome) for outcome in get_args(EventOutcome)}
_facts = prometheus_client.Counter("gamification_facts_total", "Facts that were stated and committed")
_held = prometheus_client.Counter("gamification_events_held_total", "Events that were held and wait for a person")


def timed(stage: Stage) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Each call is one passing of this stage, also where it fails."""

    def decorate(work: Callable[P, T]) -> Callable[P, T]:
        @wraps(work)
        def passing(*args: P.args, **kwargs: P.kwargs) -> T:
            began = perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                took(stage, began)

        return passing

    return decorate


def took(stage: Stage, began: float) -> None:
    """A stage that is no call of its own: it began at that moment of `perf_counter` and ends now."""
    _stages[stage].observe(perf_counter() - began)


def count_batch(outcomes: Iterable[Outcome], *, facts: int, rounds: int, held: int) -> None:
    """What was committed as one. A command brings no events."""
    fresh = duplicates = refused = 0
    for outcome in outcomes:
        fresh += outcome.accepted
        duplicates += outcome.duplicates
        refused += len(outcome.refused)
    if events := fresh + duplicates + refused:
        _events.observe(events)
        count_events("accepted", fresh)
        count_events("duplicate", duplicates)
        count_events("refused", refused)
    if rounds:
        _rounds.observe(rounds)
    _facts.inc(facts)
    _held.inc(held)


def count_events(outcome: EventOutcome, events: int) -> None:
    if events:
        _outcomes[outcome].inc(events)
