import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from gamification.intake.decoding import decode
from gamification.kernel.content import publishing
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, GameEvent
from gamification.kernel.messaging import outbox
from gamification.kernel.models import Event, OutboxFact, PublicationHead, RejectedEvent
from gamification.kernel.storage import inbox

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 30, 18, 0, tzinfo=UTC)


def event(id_: str = "e1", *, player: str = "ada", data: Any = None, ago: float = 60, type_: str = "kill") -> GameEvent:
    return GameEvent(id_, player, type_, {"n": 1} if data is None else data, NOW - timedelta(seconds=ago))


def admit(events: list[GameEvent], now: datetime) -> inbox.Admission:
    """As the pipeline does, which has read the latest cut with the rules."""
    return inbox.admit(events, now, publishing.ask_head()().retention_cut)


def test_a_new_event_is_kept_as_it_came() -> None:
    came = event(data={"b": [1, 2.5], "a": None})
    admission = admit([came], NOW)
    assert admission.fresh == [came]
    kept = Event.objects.get()
    assert (kept.player_id, kept.event_id, kept.type, kept.data) == ("ada", "e1", "kill", {"b": [1, 2.5], "a": None})
    assert (kept.timestamp, kept.received_at, kept.state) == (came.timestamp, NOW, Event.State.COUNTED)
    found = inbox.find("ada", "e1")
    assert found is not None
    assert (found.type, found.data, found.timestamp, found.digest()) == (
        came.type,
        came.data,
        came.timestamp,
        came.digest(),
    )


def test_an_event_that_arrives_again_is_a_duplicate() -> None:
    admit([event(data={"a": 1, "b": 2.0})], NOW)
    again = event(data={"b": 2, "a": 1.0})
    admission = admit([again], NOW)
    assert (admission.fresh, admission.duplicates, admission.reused) == ([], [again], [])
    assert Event.objects.count() == 1


ONE_VALUE = [
    ["1", "1.0", "1e0", "10e-1"],
    ["1e300", "1" + "0" * 300, str(int(1e300)), "1.0E+300", "10e299"],
    ["1e22", "1" + "0" * 22],
    ["-1e19", "-1" + "0" * 19],
    ["12345678901234567000", "1.2345678901234567e19", str(int(1.2345678901234567e19))],
    ["0", "-0", "-0.0", "0e9"],
    ['{"a": 1, "b": [2.0]}', '{"b": [2], "a": 1.0}'],
]
"""The same JSON value, written in several ways."""


@pytest.mark.parametrize("texts", ONE_VALUE)
def test_one_json_value_is_one_however_it_is_written(texts: list[str]) -> None:
    for read in (json.loads, msgspec.json.decode):
        assert len({event(data={"n": read(text)}).digest() for text in texts}) == 1


def test_integers_next_to_each_other_are_two() -> None:
    ids = [9007199254740992, 9007199254740993, 76561197960287930, 76561197960287931, 2**64, 2**64 + 1, 10**300 + 1]
    assert len({event(data={"n": n}).digest() for n in [*ids, 10**300, "1e300", True, 1, "1"]}) == len(ids) + 5


def test_an_instant_is_one_to_the_microsecond() -> None:
    def digest(text: str) -> bytes:
        [(_, found)] = decode(
            json.dumps({"id": "e", "player_id": "p", "type": "t", "data": {}, "timestamp": text}).encode(), now=NOW
        ).good
        return found.digest()

    same = ["2026-05-30T12:00:00.1234567Z", "2026-05-30T14:00:00.123456+02:00", "2026-05-30t12:00:00.12345600z"]
    assert len({digest(text) for text in same}) == 1
    assert digest("2026-05-30T12:00:00.123457Z") != digest(same[0])


@pytest.mark.parametrize(
    "other", [event(data={"n": 2}), event(data={"n": "1"}), event(ago=60.000001), event(type_="death")]
)
def test_an_id_used_for_something_else_is_reused(other: GameEvent) -> None:
    admit([event()], NOW)
    admission = admit([other], NOW)
    assert (admission.fresh, admission.duplicates, admission.reused) == ([], [], [other])
    assert [code for _, code, _ in admission.refused] == ["id_reused"]
    assert Event.objects.get().data == {"n": 1}


def test_two_players_may_use_one_id() -> None:
    assert len(admit([event(player="ada"), event(player="bob")], NOW).fresh) == 2


def test_of_one_identity_twice_in_a_batch_the_first_to_arrive_is_the_one() -> None:
    first, same, other = event(ago=10), event(ago=10), event(ago=99)
    admission = admit([first, other, same], NOW)
    assert (admission.fresh, admission.duplicates, admission.reused) == ([first], [same], [other])


def test_a_batch_is_compared_with_what_is_kept_and_not_only_with_itself() -> None:
    admit([event(data={"n": 1})], NOW)
    other, same = event(data={"n": 2}), event(data={"n": 1})
    admission = admit([other, same], NOW)
    assert (admission.fresh, admission.duplicates, admission.reused) == ([], [same], [other])


def test_known_and_new_events_are_told_apart_within_one_batch() -> None:
    admit([event("known")], NOW)
    known, new, again, other = event("known"), event("new"), event("new"), event("new", ago=1)
    admission = admit([known, new, again, other], NOW)
    assert (admission.fresh, admission.duplicates, admission.reused) == ([new], [known, again], [other])


def test_arrival_order_is_kept() -> None:
    batch = [event(id_) for id_ in ("c", "a", "b")]
    assert admit(batch, NOW).fresh == batch


def test_what_was_refused_is_named_in_the_order_in_which_it_came() -> None:
    admit([event("kept")], NOW)
    new, other = event("new"), event("kept", data={"n": 2})
    reused, again = event("new", data={"n": 2}), event("kept", data={"n": 3})
    admission = admit([new, reused, other, again], NOW)
    assert (admission.fresh, admission.reused) == ([new], [reused, other, again])


def test_events_beyond_retention_are_too_old(settings: Settings) -> None:
    settings.EVENT_RETENTION_DAYS = 1
    edge, old = event("edge", ago=86_400), event("old", ago=86_400.000001)
    admission = admit([edge, old], NOW)
    assert (admission.fresh, admission.too_old) == ([edge], [old])
    assert [code for _, code, _ in admission.refused] == ["too_old"]
    assert Event.objects.get().event_id == "edge"


def test_a_cut_once_made_is_remembered_when_retention_grows(settings: Settings) -> None:
    PublicationHead.objects.update_or_create(pk=1, defaults={"retention_cut": NOW - timedelta(days=3)})
    settings.EVENT_RETENTION_DAYS = 0
    assert admit([event("a", ago=3 * 86_400 + 1)], NOW).too_old
    settings.EVENT_RETENTION_DAYS = 30
    assert admit([event("b", ago=3 * 86_400 + 1)], NOW).too_old
    settings.EVENT_RETENTION_DAYS = 1
    assert admit([event("c", ago=86_401)], NOW).too_old
    assert admit([event("d", ago=86_399)], NOW).fresh


def test_a_batch_of_500_asks_no_more_queries_than_a_batch_of_5() -> None:
    for size in (5, 500):
        batch = [event(f"{size}-{n}", player=f"p{n % 7}") for n in range(size)]
        with CaptureQueriesContext(connection) as new:
            admit(batch, NOW)
        with CaptureQueriesContext(connection) as known:
            admit([*batch, event(f"more-{size}")], NOW)
        assert (len(new), len(known)) == (2, 3)


def test_an_own_event_is_kept_once_and_may_be_restated() -> None:
    own = event("~1")
    inbox.keep([own, event("~2")], NOW)
    inbox.keep([event("~1", data={"other": True})], NOW)
    assert sorted(Event.objects.values_list("event_id", "data__n")) == [("~1", 1), ("~2", 1)]
    inbox.restate([("ada", "~1")], Event.State.HELD)
    assert dict(Event.objects.values_list("event_id", "state")) == {"~1": Event.State.HELD, "~2": Event.State.COUNTED}


def test_what_was_refused_is_noted() -> None:
    inbox.reject([(event("x"), "id_reused", "why")], NOW)
    row = RejectedEvent.objects.get()
    assert (row.player_id, row.event_id, row.type, row.code, row.detail) == ("ada", "x", "kill", "id_reused", "why")
    assert (row.timestamp, row.rejected_at) == (NOW - timedelta(seconds=60), NOW)


def test_facts_wait_in_the_order_they_were_stated() -> None:
    facts = [Fact(f"f{n}", "ada", FactType.ACHIEVEMENT_COMPLETED, {"id": n}, NOW) for n in (2, 1, 3)]
    outbox.put(facts, NOW)
    rows = OutboxFact.objects.order_by("id").values_list("fact_id", "player_id", "type", "data", "timestamp")
    assert list(rows) == [(f.id, "ada", "achievement.completed", f.data, NOW) for f in facts]


def test_an_event_and_all_of_a_player_are_found_by_the_index() -> None:
    admit([event(f"e{n}", player=player) for player in ("ann", "bob") for n in range(50)], NOW)
    with CaptureQueriesContext(connection) as queries:
        assert Event.objects.filter(player_id="ann").count() == 50
        assert Event.objects.filter(player_id__in=["ann", "bob"]).count() == 100
        assert inbox.find("ann", "e7") is not None
        inbox.restate([("ann", "e7")], Event.State.HELD)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # a table as small as this would be read whole
            cursor.execute("SET LOCAL enable_seqscan = off")
        for query in queries:
            if " times: " in query["sql"]:  # SQLite's UPDATE of many rows, noted without its parameters
                continue
            cursor.execute(f"{'EXPLAIN' if connection.vendor == 'postgresql' else 'EXPLAIN QUERY PLAN'} {query['sql']}")
            plan = str(cursor.fetchall())
            assert "one_event_once" in plan or "sqlite_autoindex_kernel_event" in plan, query["sql"]
    assert Event.objects.get(state=Event.State.HELD).event_id == "e7"


def test_no_two_rows_are_one_event() -> None:
    admit([event("e1", player="ann")], NOW)
    with pytest.raises(IntegrityError):
        Event.objects.create(player_id="ann", event_id="e1", type="t", data={}, timestamp=NOW, received_at=NOW)
