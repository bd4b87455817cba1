"""Requests that arrive while a batch commits share the next commit, and each gets its own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from gamification.intake import group_commit
from gamification.intake.decoding import MAX_EVENTS
from gamification.intake.group_commit import MAX_WAITING, Busy, GroupCommit
from gamification.kernel.core.messages import GameEvent, Outcome
from tests.support.waiting import until

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def happened(id_: str, player_id: str = "ann", type_: str = "kill") -> GameEvent:
    return GameEvent(id_, player_id, type_, {}, NOON)


def ids(events: Sequence[GameEvent]) -> list[str]:
    return [event.id for event in events]


class Committing:
    """What a group is processed by: it waits until it may go on, and refuses to commit what is named `bad`."""

    def __init__(self) -> None:
        self.groups: list[list[list[str]]] = []
        self.began, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, batches: Sequence[Sequence[GameEvent]], *, now: datetime, keep: Any = None) -> list[Outcome]:
        self.groups.append([ids(batch) for batch in batches])
        self.began.set()
        assert self.may_go_on.wait(10)
        if any(event.id.startswith("bad") for batch in batches for event in batch):
            raise ValueError("bad")
        return [Outcome(fresh=list(batch)) for batch in batches]


@pytest.fixture
def committing() -> Committing:
    return Committing()


def behind_the_first(committing: Committing, requests: Sequence[Sequence[GameEvent]]) -> list[Outcome | BaseException]:
    """What each of `requests` came to, which all arrived in this order while another was being committed."""

    async def play() -> list[Outcome | BaseException]:
        group = GroupCommit(committing)
        first = asyncio.create_task(group.process([happened("first", "first")]))
        await asyncio.to_thread(committing.began.wait)
        tasks = [asyncio.create_task(group.process(events)) for events in requests]
        await asyncio.sleep(0)
        committing.may_go_on.set()
        await first
        return await asyncio.gather(*tasks, return_exceptions=True)

    outcomes: list[Outcome | BaseException] = run(play())
    return outcomes


def run(play: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(play, 30))


def test_who_comes_alone_waits_for_nobody(committing: Committing) -> None:
    committing.may_go_on.set()
    outcome = run(GroupCommit(committing).process([happened("a")]))
    assert ids(outcome.fresh) == ["a"]
    assert committing.groups == [[["a"]]]


def test_who_comes_while_a_batch_commits_shares_the_next_commit(committing: Committing) -> None:
    outcomes = behind_the_first(committing, [[happened(id_, player_id=id_)] for id_ in "abc"])
    assert committing.groups == [[["first"]], [["a"], ["b"], ["c"]]]
    assert [ids(outcome.fresh) for outcome in outcomes if isinstance(outcome, Outcome)] == [["a"], ["b"], ["c"]]


def test_requests_about_one_player_share_a_commit_in_the_order_in_which_they_came(committing: Committing) -> None:
    requests = [
        [happened("a1", "ann")],
        [happened("b1", "bob")],
        [happened("a2", "ann"), happened("c1", "cid")],
        [happened("c2", "cid")],
        [happened("b2", "bob")],
    ]
    behind_the_first(committing, requests)
    assert committing.groups == [[["first"]], [["a1"], ["b1"], ["a2", "c1"], ["c2"], ["b2"]]]


def test_a_group_holds_no_more_events_than_a_batch(committing: Committing) -> None:
    large = [happened(f"l{n}", f"l{n}") for n in range(MAX_EVENTS - 1)]
    behind_the_first(committing, [[happened("a", "a")], [happened("b", "b")], large, [happened("c", "c")]])
    assert [sum(map(len, group)) for group in committing.groups] == [1, 2, MAX_EVENTS]


def test_what_is_large_has_its_turn_and_is_not_overtaken(committing: Committing) -> None:
    large = [happened(f"l{n}", f"l{n}") for n in range(MAX_EVENTS)]
    behind_the_first(committing, [[happened("a", "a")], large, *([happened(f"s{n}", f"s{n}")] for n in range(5))])
    assert [sum(map(len, group)) for group in committing.groups] == [1, 1, MAX_EVENTS, 5]


def test_a_request_that_cannot_be_processed_fails_alone(committing: Committing) -> None:
    requests = [[happened(id_, player_id=id_)] for id_ in ("a", "b", "c", "bad", "d", "e")]
    outcomes = behind_the_first(committing, requests)
    assert [type(outcome) for outcome in outcomes] == [Outcome] * 3 + [ValueError] + [Outcome] * 2
    assert sorted(id_ for outcome in outcomes if isinstance(outcome, Outcome) for id_ in ids(outcome.fresh)) == [
        "a",
        "b",
        "c",
        "d",
        "e",
    ]


def test_where_the_database_takes_its_time_nobody_waits_for_it_twice(settings: Settings) -> None:
    settings.DB_TIMEOUT = 0.05
    tried = []

    def process(batches: Sequence[Sequence[GameEvent]], *, now: datetime, keep: Any = None) -> list[Outcome]:
        tried.append(len(batches))
        threading.Event().wait(0.06)  # as long as the database takes to say nothing
        raise OperationalError

    async def play() -> list[BaseException]:
        group = GroupCommit(process)
        tasks = [group.process([happened(str(n), str(n))]) for n in range(8)]
        return await asyncio.gather(*tasks, return_exceptions=True)  # type: ignore[return-value]

    assert [type(failure) for failure in run(play())] == [OperationalError] * 8
    assert len(tried) <= 3


def test_more_than_it_takes_on_are_told_to_come_back(committing: Committing) -> None:
    batch = MAX_EVENTS * [happened("a")]
    outcomes = behind_the_first(committing, [batch] * (MAX_WAITING // MAX_EVENTS) + [[happened("b")]])
    assert isinstance(outcomes[-1], Busy)
    assert all(isinstance(outcome, Outcome) for outcome in outcomes[:-1])


def test_a_client_that_left_costs_the_others_nothing(committing: Committing) -> None:
    async def play() -> Outcome:
        group = GroupCommit(committing)
        first = asyncio.create_task(group.process([happened("a", "a")]))
        await asyncio.to_thread(committing.began.wait)
        gone, stays = (asyncio.create_task(group.process([happened(id_, id_)])) for id_ in "bc")
        await asyncio.sleep(0)
        gone.cancel()
        committing.may_go_on.set()
        await first
        return await stays

    assert ids(run(play()).fresh) == ["c"]
    assert committing.groups[1] == [["b"], ["c"]]


def test_a_thread_without_work_ends_and_the_next_request_begins_another(
    committing: Committing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "IDLE_TIMEOUT", 0.01)
    committing.may_go_on.set()
    group = GroupCommit(committing)
    for n in range(3):
        assert ids(run(group.process([happened(str(n))])).fresh) == [str(n)]
        until(lambda: group._thread is None)
