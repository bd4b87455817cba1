"""The bulk statements, on whichever database the suite runs on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from gamification.kernel.models import Event
from gamification.kernel.storage import sql
from progress.models import MemberSeen, Metric, MetricCondition, Player
from rewards.models import Distribution, Transfer, Wallet

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT = ["player_id", "event_id", "type", "data", "timestamp", "received_at", "state"]
AWKWARD = ["plain", "", 'a"b', "c\\d", "e,f{g}", "NULL", "null", " h ", "i\x01j", "k\nl", "%s", "é😀", "o'p"]


def event(n: int, **changes: Any) -> list[Any]:
    row = {
        "player_id": f"p{n:05}",
        "event_id": "e",
        "type": "t",
        "data": {"n": n},
        "timestamp": NOON + timedelta(microseconds=n),
        "received_at": NOON,
        "state": 0,
    } | changes
    return [row[column] for column in EVENT]


def whole(model: type[Model]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "id"} for row in model._default_manager.order_by("pk").values()]


def test_rows_are_stored_exactly_as_the_orm_stores_them() -> None:
    values = [
        event(0),
        event(1, data={"deep": [1, 2.5, None, True, 'ü"\\'], "huge": 2**70}),
        event(2, data=[], timestamp=NOON.astimezone().replace(microsecond=7)),
    ]
    sql.insert(Event, EVENT, values)
    bulk = whole(Event)
    raw = stored(Event)
    Event.objects.all().delete()
    Event.objects.bulk_create(Event(**dict(zip(EVENT, row, strict=True))) for row in values)
    assert bulk == whole(Event)
    assert raw == stored(Event)


def stored(model: type[Model]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY id")
        return [row[1:] for row in cursor.fetchall()]


def test_every_text_comes_back_as_it_went_in() -> None:
    rows = [("p", "m", f"{i}", text) for i, text in enumerate(AWKWARD)]
    sql.insert(MemberSeen, ["player_id", "metric_id", "scope", "member"], rows)
    assert list(MemberSeen.objects.order_by("id").values_list("member", flat=True)) == AWKWARD
    found = sql.select_in(MemberSeen, ["scope"], {"member": AWKWARD, "player_id": ["p"] * len(AWKWARD)})
    assert sorted(found) == sorted((f"{i}",) for i in range(len(AWKWARD)))


@pytest.mark.postgres
def test_a_text_that_is_too_long_is_refused_not_cut_short() -> None:
    with pytest.raises(Exception, match="too long"):
        sql.insert(MemberSeen, ["player_id", "metric_id", "scope", "member"], [("p" * 65, "m", "", "x")])


def test_nothing_at_all_values_and_nulls_come_back_by_returning_and_by_select() -> None:
    columns = [field.attname for field in Distribution._meta.concrete_fields]
    full = (UUID(int=7), "p", "r", 3, "GRANT", "g", "0", 1, "CLAIMED", "ITEM", "d", 2, "why", NOON, NOON, NOON, NOON)
    empty = (UUID(int=8), "q", "r", 3, "GRANT", "g", "0", 1, "PENDING", "ITEM", "", 0, "", NOON, None, None, None)
    rows: list[tuple[Any, ...]] = [(*full, "system", "user:a", {"taken": [1]}, True), (*empty, "", "", None, False)]
    assert sorted(sql.insert(Distribution, columns, rows, returning=columns)) == rows
    assert sorted(sql.select_in(Distribution, columns, {"id": [UUID(int=8), UUID(int=7)]})) == rows
    assert Distribution.objects.filter(undone__isnull=True).get().pk == UUID(int=8)


def test_an_insert_says_which_rows_landed() -> None:
    sql.insert(Event, EVENT, [event(1), event(3)])
    landed = sql.insert(
        Event, EVENT, [event(n) for n in (1, 2, 3, 4, 4)], ignore_conflicts=True, returning=["player_id", "data"]
    )
    assert landed == [("p00002", {"n": 2}), ("p00004", {"n": 4})]
    assert Event.objects.count() == 4


def test_a_conflict_that_nobody_ignores_is_an_error() -> None:
    sql.insert(Event, EVENT, [event(1)])
    with pytest.raises(IntegrityError):
        sql.insert(Event, EVENT, [event(1)])


def test_an_upsert_adds_and_overwrites() -> None:
    columns = ["player_id", "currency", "balance", "debt"]
    sql.insert(Wallet, columns, [("p", "gold", 5, 1), ("p", "gems", 2, 0)])
    rows = [("p", "gold", 10, 3), ("q", "gold", 4, 4)]
    given = sql.upsert(
        Wallet, columns, rows, conflict=["player_id", "currency"], set_=["debt"], add=["balance"], returning=["balance"]
    )
    assert given == [(15,), (4,)]
    wallets = Wallet.objects.order_by("player_id", "currency").values_list(*columns)
    assert list(wallets) == [("p", "gems", 2, 0), ("p", "gold", 15, 3), ("q", "gold", 4, 4)]


def test_an_upsert_with_nothing_to_change_leaves_what_is_there() -> None:
    columns = ["player_id", "currency", "balance", "debt"]
    for balance in (1, 2):
        sql.upsert(Wallet, columns, [("p", "gold", balance, 0)], conflict=["player_id", "currency"])
    assert Wallet.objects.get().balance == 1


def test_an_update_sets_and_adds_and_says_how_many_rows_it_found() -> None:
    Wallet.objects.bulk_create(Wallet(player_id=p, currency="gold", balance=10) for p in "abc")
    rows = [("a", "gold", 1, -3), ("c", "gold", 2, 5), ("z", "gold", 9, 9)]
    assert sql.update(Wallet, ["player_id", "currency"], ["debt"], rows, add_columns=["balance"]) == 2
    wallets = Wallet.objects.order_by("player_id").values_list("player_id", "balance", "debt")
    assert list(wallets) == [("a", 7, 1), ("b", 10, 0), ("c", 15, 2)]


def test_an_update_writes_json_bytes_nulls_and_booleans() -> None:
    for name in "ab":
        Player.objects.create(player_id=name)
    sets = ["attributes", "earned", "banned"]
    sql.update(Player, ["player_id"], sets, [("a", {"x": [1]}, b"\x01\\\x00", True), ("b", {}, b"", False)])
    found = sorted(sql.select_in(Player, ["player_id", *sets], {"player_id": ["a", "b"]}))
    assert found == [("a", {"x": [1]}, b"\x01\\\x00", True), ("b", {}, b"", False)]
    assert Player.objects.get(pk="a").banned is True


def test_a_select_joins_on_whole_tuples_and_looks_up_a_repeated_one_once() -> None:
    Wallet.objects.bulk_create(Wallet(player_id=p, currency=c) for p in "ab" for c in ("gold", "gems"))
    keys = {"player_id": ["a", "b", "a"], "currency": ["gold", "gems", "gold"]}
    for for_update in (False, True):
        found = sql.select_in(Wallet, ["player_id", "currency"], keys, for_update=for_update)
        assert sorted(found) == [("a", "gold"), ("b", "gems")]


@pytest.mark.parametrize("for_update", [False, True])
def test_however_large_a_share_of_a_table_is_asked_for_each_row_is_looked_up_by_the_index(for_update: bool) -> None:
    ids = [f"p{n:05}" for n in range(2_000)]
    Player.objects.bulk_create(Player(player_id=id_) for id_ in ids)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as queries:
        assert len(sql.select_in(Player, ["player_id"], {"player_id": ids[:1_500]}, for_update=for_update)) == 1_500
    with connection.cursor() as cursor:
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(f"{explain} {queries[0]['sql']}")
        plan = [" ".join(map(str, row)) for row in cursor.fetchall()]
    assert not [step for step in plan if "Seq Scan on progress_player" in step or "SCAN progress_player" in step], plan
    assert [step for step in plan if "progress_player" in step], plan


def test_rows_are_read_by_what_their_columns_are_in_the_order_of_instants() -> None:
    columns = [field.attname for field in Distribution._meta.concrete_fields]
    for n, later in enumerate([1, 0.15, 0.1, 0]):  # as text, whole seconds and fractions mix
        at = NOON + timedelta(seconds=later)
        row = (UUID(int=n), "p", "r", 3, "GRANT", "g", "0", n, "CLAIMED", "ITEM", "", 0, "", at, at, None, None)
        sql.insert(Distribution, columns, [(*row, "", "", None, False)])
    where = {"player_id": "p", "status": "CLAIMED", "id": [UUID(int=n) for n in (0, 1, 2, 3, 4)]}
    found = sql.select_where(Distribution, ["line", "claimed_at"], where, order_by=["claimed_at", "id"])
    assert [line for line, _ in found] == [3, 2, 1, 0]
    assert found[0] == (3, NOON)
    assert sql.select_where(Distribution, ["line"], {"player_id": "q"}) == []
    assert sql.select_where(Distribution, ["line"], {"player_id": "p", "id": []}) == []


def test_a_change_says_which_rows_it_was_and_finds_none_the_second_time() -> None:
    columns = [field.attname for field in Distribution._meta.concrete_fields]
    for n, status in enumerate(["PENDING", "PENDING", "REVOKED", "PENDING"]):
        row = (UUID(int=n), "p", "r", 3, "GRANT", "g", "0", n, status, "ITEM", "", 0, "", NOON, None, None, None)
        sql.insert(Distribution, columns, [(*row, "", "", None, False)])
    where = {"id": [UUID(int=n) for n in range(3)], "status": "PENDING", "player_id": "p"}
    changes = {"status": "CLAIMED", "claimed_at": NOON}
    given = sql.change(Distribution, changes, where=where, returning=["id", "claimed_at"])
    assert sorted(given) == [(UUID(int=0), NOON), (UUID(int=1), NOON)]
    assert sql.change(Distribution, changes, where=where, returning=["id"]) == []
    assert sql.change(Distribution, changes, where={"id": [], "status": "PENDING"}, returning=["id"]) == []
    statuses = Distribution.objects.order_by("line").values_list("status", flat=True)
    assert list(statuses) == ["CLAIMED", "CLAIMED", "REVOKED", "PENDING"]


def test_a_foreign_key_may_be_named_by_its_column_or_its_field() -> None:
    metric = Metric.objects.create(id="kills", name="Kills", event_type="kill")
    rows = [("kills", 0, "weapon", "eq", "bow"), ("kills", 1, "level", "gt", 3), ("kills", 2, "boss", "exists", None)]
    sql.insert(MetricCondition, ["metric_id", "position", "field", "op", "value"], rows)
    assert [c.value for c in metric.conditions.all()] == ["bow", 3, None]
    found = sql.select_in(MetricCondition, ["value"], {"metric": ["kills"] * 2, "position": [0, 1]})
    assert sorted(found, key=str) == [("bow",), (3,)]


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(LookupError, match="Wallet has no column 'gold'"):
        sql.insert(Wallet, ["gold"], [(1,)])


def test_no_rows_ask_nothing_and_many_rows_ask_once() -> None:
    keys: dict[str, list[str]] = {"player_id": [], "event_id": []}
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert sql.insert(Event, EVENT, [], returning=["id"]) == []
        assert sql.upsert(Event, EVENT, [], conflict=["player_id"]) == []
        assert sql.update(Event, ["player_id"], ["type"], []) == 0
        assert sql.select_in(Event, ["id"], keys) == []
    assert len(queries) == 0
    many = [event(n) for n in range(3000)]
    with CaptureQueriesContext(connection) as queries:
        assert len(sql.insert(Event, EVENT, many, returning=["id"])) == 3000
        assert sql.update(Event, ["player_id", "event_id"], ["type"], [(row[0], "e", "u") for row in many]) == 3000
        sql.insert(Event, EVENT, many, ignore_conflicts=True)
        keys = {"player_id": [row[0] for row in many], "event_id": ["e"] * 3000}
        assert len(sql.select_in(Event, ["id"], keys)) == 3000
    assert len(queries) == 4


def test_more_rows_than_sqlite_binds_parameters_all_land() -> None:
    rows = [(f"p{n}", "m", "", "x") for n in range(10_000)]
    columns = ["player_id", "metric_id", "scope", "member"]
    assert len(sql.insert(MemberSeen, columns, rows, returning=["id"])) == 10_000
    assert len(sql.select_in(MemberSeen, ["id"], {"player_id": [row[0] for row in rows]})) == 10_000


def test_numbers_come_back_exactly() -> None:
    amounts = [1, 2**53 + 1, 2**63 - 1]
    rows = [(UUID(int=n), "p", "issuance", "player:p", "gold", n, "c", NOON) for n in amounts]
    columns = ["id", "player_id", "debit_account", "credit_account", "currency", "amount", "cause", "created_at"]
    sql.insert(Transfer, columns, rows)
    assert sorted(Transfer.objects.values_list("amount", flat=True)) == amounts


def test_what_is_alike_in_all_rows_is_stored_in_each_as_what_differs_is() -> None:
    rows = [event(n, data={"same": [1]}) for n in range(3)]
    rows += [event(3, data={"same": [1.5]}), event(4, data={"same": [True]}), event(5, data={"same": [1.0]})]
    sql.insert(Event, EVENT, rows)
    assert list(Event.objects.order_by("id").values_list("data__same__0", flat=True)) == [1, 1, 1, 1.5, True, 1.0]
    found = sql.select_in(Event, ["player_id", "timestamp"], {"event_id": ["e"] * 6, "player_id": [r[0] for r in rows]})
    assert sorted(found) == [(row[0], row[4]) for row in rows]
    sql.update(Event, ["player_id", "event_id"], ["type", "received_at"], [(row[0], "e", "u", NOON) for row in rows])
    assert set(Event.objects.values_list("type", "received_at")) == {("u", NOON)}


def test_only_rows_above_zero_are_found_where_that_is_asked_for() -> None:
    columns = ["player_id", "currency", "balance", "debt"]
    sql.insert(Wallet, columns, [("p", "gold", 5, 0), ("p", "gems", 2, 3), ("q", "gold", 1, 1)])
    assert sql.select_in(Wallet, columns, {"player_id": ["p"]}, above_zero="debt") == [("p", "gems", 2, 3)]


def test_statements_together_all_take_effect() -> None:
    with sql.pipelined():
        sql.insert(Event, EVENT, [event(1), event(2)])
        sql.update(Event, ["player_id"], ["type"], [("p00002", "u")])
        assert sql.select_in(Event, ["type"], {"player_id": ["p00002"]}) == [("u",)]
        sql.insert(Event, EVENT, [event(3)])
    assert Event.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_an_error_among_statements_together_undoes_them_all() -> None:
    def one_twice() -> None:
        with transaction.atomic(), sql.pipelined():
            for n in (1, 1, 2):
                sql.insert(Event, EVENT, [event(n)])

    with pytest.raises(IntegrityError):
        one_twice()
    assert not Event.objects.exists()
    sql.insert(Event, EVENT, [event(3)])
    assert Event.objects.count() == 1


def locked(player_id: str) -> bool:
    """Whether the row bears the number of a transaction that locked it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmax::text FROM progress_player WHERE player_id = %s", [player_id])
        return bool(cursor.fetchone()[0] != "0")


def test_of_all_or_none_nothing_is_found_and_nothing_locked_where_one_is_missing() -> None:
    Player.objects.bulk_create(Player(player_id=id_, created_at=NOON) for id_ in ("ann", "bob"))

    def ask(*ids: str) -> list[tuple[Any, ...]]:
        keys = {"player_id": ids}
        return sql.ask_in(Player, ["player_id"], keys, for_update=True, all_or_none=True)()

    assert ask("ann", "zoe") == []
    if connection.vendor == "postgresql":
        assert not locked("ann")
    assert sorted(ask("ann", "bob", "ann")) == [("ann",), ("bob",)]
    if connection.vendor == "postgresql":
        assert locked("ann")
        assert locked("bob")


def test_what_is_asked_within_a_pipeline_is_answered_after_it() -> None:
    Player.objects.create(player_id="ann", created_at=NOON)
    with transaction.atomic():
        with sql.pipelined():
            one = sql.ask_in(Player, ["player_id"], {"player_id": ["ann"]})
            none = sql.ask_where(Player, ["player_id"], {"player_id": "zoe"})
            nobody = sql.ask_in(Player, ["player_id"], {"player_id": []})
        assert (none(), one(), nobody()) == ([], [("ann",)], [])
