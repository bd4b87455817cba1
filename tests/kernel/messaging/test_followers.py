"""Whoever works through a log goes on exactly where it was, and misses nothing that commits late."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection, transaction
from django.test import Client

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact
from gamification.kernel.messaging import followers, outbox
from gamification.kernel.messaging.followers import FACTS, FORGETTING, Follower, Horizon, Row
from gamification.kernel.models import FollowerMark, OutboxFact, RejectedEvent
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Follower:
    """A follower whose effect is a row for each fact."""
    monkeypatch.setattr(followers, "_followers", [])
    return followers.register(Follower("notes", FACTS))


def state(*names: str, player_id: str = "ann", at: datetime = NOW) -> None:
    outbox.put([Fact(name, player_id, FactType.REWARD_GRANTED, {}, NOW) for name in names], at)


def note(rows: Sequence[Row]) -> None:
    RejectedEvent.objects.bulk_create(
        RejectedEvent(player_id="p", event_id=id_, type="t", code="c", detail="", timestamp=NOW, rejected_at=NOW)
        for _, id_ in rows
    )


def noted() -> list[str]:
    return list(RejectedEvent.objects.order_by("pk").values_list("event_id", flat=True))


def take_all(follower: Follower, most: int = 2) -> None:
    def all_taken() -> bool:
        while follower.take(("fact_id",), note, most):
            pass
        return follower.behind() == 0

    until(all_taken)  # others write on this server, too


def test_a_follower_takes_each_row_once_in_order(notes: Follower) -> None:
    state("a", "b", "c")
    take_all(notes)
    state("d")
    take_all(notes)
    take_all(notes)
    assert noted() == ["a", "b", "c", "d"]


def test_one_that_fails_or_is_killed_has_neither_its_effect_nor_moved(notes: Follower) -> None:
    state("a", "b", "c")

    def fail(rows: Sequence[Row]) -> None:
        note(rows)
        raise RuntimeError

    until(lambda: FACTS.horizon.look()[0])
    with pytest.raises(RuntimeError):
        notes.take(("fact_id",), fail, 2)
    assert (noted(), notes.behind()) == ([], 3)
    take_all(notes)
    assert noted() == ["a", "b", "c"]


def test_several_processes_take_turns(notes: Follower) -> None:
    names = [f"f{n}" for n in range(60)]
    state(*names)

    def run() -> None:
        take_all(notes, 3)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert noted() == names


def test_a_follower_has_come_as_far_as_it_has_looked_where_nothing_is_left(notes: Follower) -> None:
    state("a", "b")
    OutboxFact.objects.all().delete()  # of an erased player
    state("c")
    take_all(notes)
    OutboxFact.objects.all().delete()
    assert (noted(), notes.behind()) == (["c"], 0)


@pytest.mark.postgres
def test_the_horizon_waits_for_whoever_had_begun_to_write() -> None:
    other = connection.copy()
    other.set_autocommit(False)
    horizon = Horizon(OutboxFact)
    state("a")
    until(lambda: horizon.look()[0] == horizon.look()[1])
    [first] = OutboxFact.objects.values_list("pk", flat=True)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
        state("b")
        assert horizon.look() == (first, first + 1)
        assert horizon.wait(first, seconds=0.05) == first
        other.rollback()
        assert horizon.wait(first, seconds=10) == first + 1
    finally:
        other.close()


@pytest.mark.postgres
def test_what_another_database_of_the_server_is_doing_keeps_nobody_waiting() -> None:
    elsewhere = psycopg.connect(**(connection.get_connection_params() | {"dbname": "postgres", "autocommit": False}))
    try:
        elsewhere.execute("SELECT pg_current_xact_id()")
        state("a")
        horizon = Horizon(OutboxFact)
        until(lambda: horizon.look()[0] == OutboxFact.objects.get().pk)
    finally:
        elsewhere.close()


@pytest.mark.postgres
def test_what_this_very_transaction_wrote_is_no_obstacle() -> None:
    with transaction.atomic():
        state("a")
        until(lambda: FACTS.horizon.look()[0] == OutboxFact.objects.get().pk)


@pytest.mark.postgres
def test_a_follower_whose_turn_lasts_does_not_keep_others_for_ever(
    notes: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "LOCK_TIMEOUT", "10ms")
    inside, over = threading.Event(), threading.Event()

    def stay() -> None:
        with notes.alone():
            inside.set()
            over.wait(20)
        connection.close()

    thread = threading.Thread(target=stay)
    thread.start()
    inside.wait(20)
    with pytest.raises(OperationalError), notes.alone():
        pass
    over.set()
    thread.join()


def test_facts_stay_as_long_as_they_are_to_be_kept_or_somebody_still_needs_them(
    notes: Follower, settings: LazySettings
) -> None:
    settings.FACT_RETENTION_DAYS = 30
    state("old", at=NOW - timedelta(days=31))
    state("new")
    followers.forget_facts(NOW)
    assert OutboxFact.objects.count() == 2
    take_all(notes)
    followers.forget_facts(NOW)
    assert [fact.fact_id for fact in OutboxFact.objects.all()] == ["new"]
    assert followers.missed() == []


def test_a_follower_that_is_switched_off_keeps_nothing(notes: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "_followers", [Follower("off", FACTS, is_on=lambda: False)])
    state("old", at=NOW - timedelta(days=31))
    followers.forget_facts(NOW)
    assert not OutboxFact.objects.exists()


def test_never_more_facts_are_kept_than_so_many(notes: Follower, settings: LazySettings) -> None:
    settings.FACTS_KEPT = 3
    state(*"abcdefg")
    followers.forget_facts(NOW)
    assert [fact.fact_id for fact in OutboxFact.objects.order_by("pk")] == ["e", "f", "g"]


def test_one_that_comes_too_late_begins_at_the_oldest_and_is_told(notes: Follower, settings: LazySettings) -> None:
    state("a")
    take_all(notes)
    settings.FACTS_KEPT = 2
    state("b", "c", "d")
    followers.forget_facts(NOW)
    take_all(notes)
    assert noted() == ["a", "c", "d"]
    assert [said.split(":")[0] for said in followers.missed()] == ["notes was too slow"]
    ready = Client().get("/readyz").json()
    assert (ready["status"], ready["followers"]) == ("degraded", "behind")
    assert "Notes was too slow" in ready["detail"]
    assert FollowerMark.objects.get(pk="notes").cursor == OutboxFact.objects.latest("pk").pk


def test_one_that_begins_later_has_missed_nothing(notes: Follower, settings: LazySettings) -> None:
    settings.FACTS_KEPT = 1
    state("a", "b")
    followers.forget_facts(NOW)
    take_all(notes)
    assert noted() == ["b"]
    assert followers.missed() == []
    assert FORGETTING.cursor() == OutboxFact.objects.get().pk - 1
