"""Redis may lose everything at any moment: no outcome changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.core.cache import cache
from django.db import models

from achievements.models import Standing
from gamification import clock, pipeline
from gamification.feed.models import Message
from gamification.kernel.models import Event, IdempotencyKey, OutboxFact
from progress.models import Player, Tally
from rewards.models import Distribution, Transfer, Wallet
from tests.support.callers import game_server
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward

pytestmark = [pytest.mark.redis, pytest.mark.django_db]

OWN_DATABASE = 13
"""At Redis, of this file alone: emptying another would empty what other tests have there."""
TABLES = (Event, Tally, Standing, Distribution, Transfer, Wallet, Message, OutboxFact, Player)


@pytest.fixture(autouse=True)
def own_redis(settings: LazySettings) -> Iterator[None]:
    location = settings.REDIS_URL.rsplit("/", 1)[0]
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"{location}/{OWN_DATABASE}"}}
    cache.clear()
    yield
    cache.clear()


CHANCE = ("id", "made_by", "request_id")
"""Columns that hold what the database or chance calls a row, the key by which it came, or the request."""


def rows(model: type[models.Model]) -> list[dict[str, Any]]:
    names = [field.attname for field in model._meta.concrete_fields if field.attname not in CHANCE]
    found = list(model._default_manager.values(*names))
    for row in found:
        if row.get("type") == "currency.spent":  # it is known by its transfer, whose id is random
            del row["fact_id"], row["data"]["id"]
    return sorted(found, key=repr)


def play(between: Callable[[], None]) -> tuple[list[Any], dict[str, list[dict[str, Any]]]]:
    """A bit of everything, and what it came to: the answers, and every table that holds an outcome."""
    answers: list[Any] = []
    client = game_server()

    def ask(method: str, path: str, body: Any = None, **headers: str) -> None:
        between()
        response = getattr(client, method)(f"/api/v1{path}", body, format="json", headers=headers or None)
        answer = response.json()
        answer.pop("transfer", None)  # whose id is random
        answers.append((response.status_code, answer))

    for start in (0, 2, 2, 4):
        between()
        outcome = pipeline.process([event(f"e{n}", at=n) for n in range(start, start + 4)], now=NOON)
        answers.append((outcome.accepted, outcome.duplicates, [fact.type for fact in outcome.facts]))
    for _ in range(2):
        ask("post", "/achievements/hunter/claim", {"player_id": "ann"}, **{"Idempotency-Key": "claim-1"})
        ask("post", "/players/ann/wallet/gems/spend", {"amount": 2, "reason": "hat"}, **{"Idempotency-Key": "spend-1"})
    between()
    clock.tick(NOON)
    ask("get", "/players/ann/wallet")
    ask("get", "/players/ann/messages")
    assert IdempotencyKey.objects.count() == 2
    return answers, {table.__name__: rows(table) for table in TABLES}


def lose_everything() -> None:
    cache.clear()  # FLUSHDB


@time_machine.travel(NOON, tick=False)
def test_emptying_redis_between_all_steps_changes_no_outcome() -> None:
    publish(
        metric("kills"),
        reward("coin", claim="MANUAL"),
        reward("gem", currency="gems"),
        achievement("hunter", requirement("COUNT", "kills", 3), rewards=["coin", "gem"]),
        achievement("slayer", requirement("COUNT", "kills", 6)),
    )
    cache.set("left", "over")
    emptied = play(lose_everything)
    assert cache.get("left") is None
    for table in (*TABLES, IdempotencyKey):
        table._default_manager.all().delete()
    assert play(lambda: None) == emptied
    answers, tables = emptied
    assert [row["balance"] for row in tables["Wallet"]] == [3, 5]
    assert [status for status, *_ in answers[4:]] == [200] * 6
    assert answers[4] == answers[6]
    assert answers[5] == answers[7]
    assert len(tables["Event"]) == 8 + 2 + 2  # two achievements and two claims are events, too
