import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from gamification import pipeline
from gamification.kernel.models import Event, IdempotencyKey, OutboxFact, PseudonymKey, RejectedEvent
from gamification.kernel.storage.pseudonyms import pseudonym_key
from gamification.players import erasing
from gamification.players.erasing import tables
from progress.erasure import erased
from progress.models import ErasedPlayer, Player
from rewards import erasure
from rewards.models import Transfer, Wallet
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db

ADA = "/api/v1/players/ada"


def play() -> None:
    publish(
        metric("kills"),
        reward("coin"),
        reward("hat", "ITEM", 0, items=[{"id": "hat", "type": "hat", "quantity": 1, "metadata": {}}]),
        reward("archer", "BADGE", 0),
        achievement("first", requirement("COUNT", "kills", 1), rewards=["coin", "hat", "archer"]),
        achievement("daily", requirement("COUNT", "kills", 4), repeat="DAILY"),
        achievement("x-7", requirement("COUNT", "kills", 4), type="SECRET"),
    )
    batch = [event(f"{who}{n}", player=who, at=n) for who in ("ada", "bob") for n in range(3)]
    pipeline.process(batch, now=NOON)


def rows_of(player_id: str) -> dict[type[Model], int]:
    counts = {model: model._default_manager.filter(player_id=player_id).count() for model in tables()}
    return {model: count for model, count in counts.items() if count}


def anywhere(text: str) -> list[str]:
    """Tables in which `text` still stands somewhere."""
    from django.apps import apps

    return [
        model._meta.label
        for model in apps.get_models()
        if any(text in str(row) for row in model._default_manager.values())
    ]


def test_erasing_leaves_no_row_but_transfers_under_a_random_name() -> None:
    play()
    before = Transfer.objects.get(player_id="ada")
    assert {Player, Event, OutboxFact, Transfer} <= set(rows_of("ada"))
    bob = rows_of("bob")
    assert game_server().delete(ADA).status_code == 204
    assert rows_of("ada") == {}
    assert rows_of("bob") == bob
    after = Transfer.objects.exclude(player_id="bob").get()
    assert after.player_id.startswith("~")
    assert len(after.player_id) == 33
    assert (after.debit_account, after.credit_account) == ("issuance", f"player:{after.player_id}")
    assert (after.amount, after.currency, after.created_at) == (before.amount, before.currency, before.created_at)
    assert anywhere("'ada'") == anywhere("ada0") == []


def test_of_an_erased_players_transfers_no_text_stays_and_no_id_from_which_the_player_could_be_worked_out() -> None:
    play()
    server = game_server()
    said = {"amount": 2, "reason": "a hat for Ada Lovelace"}
    spent = server.post(f"{ADA}/wallet/gold/spend", said, format="json", headers={"Idempotency-Key": "ada-hat"})
    assert spent.status_code == 200
    before = set(Transfer.objects.filter(player_id="ada").values_list("pk", flat=True))
    server.delete(ADA)
    after = Transfer.objects.exclude(player_id="bob")
    assert len(set(after.values_list("player_id", flat=True))) == 1
    assert sorted(after.values_list("cause", "amount")) == [("claim", 5), ("spend", 2)]
    assert not before & set(after.values_list("pk", flat=True))
    assert anywhere("Lovelace") == anywhere("ada-hat") == []


def test_what_stays_of_the_name_is_a_hash_under_a_key_of_its_own(settings: Any) -> None:
    play()
    game_server().delete(ADA)
    assert len(ErasedPlayer.objects.get().hash) == 64
    settings.SECRET_KEY = "another"
    pseudonym_key.cache_clear()  # as in another process
    assert erased(["ada", "bob"]) == {"ada"}
    assert_problem(game_server().patch(ADA, {"display_name": "Ada"}), 409, "player_erased")


@pytest.mark.django_db(transaction=True)
def test_the_key_is_made_once_however_many_ask_for_it_first() -> None:
    PseudonymKey.objects.all().delete()
    begun = threading.Barrier(8)

    def ask(_: int) -> bytes:
        try:
            begun.wait(timeout=30)
            return pseudonym_key.__wrapped__()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert PseudonymKey.objects.count() == 1


def spend(server: Any, who: str, key: str) -> Any:
    said = {"amount": 1, "reason": "ale"}
    return server.post(
        f"/api/v1/players/{who}/wallet/gold/spend", said, format="json", headers={"Idempotency-Key": key}
    )


def test_erasing_deletes_the_answers_about_a_player_and_no_other() -> None:
    play()
    server = game_server()
    pipeline.process([event("g0", player="gold"), event("s0", player="spending")], now=NOON)
    first = {who: spend(server, who, f"{who}-1").json() for who in ("ada", "bob", "gold")}
    for who in ("gold", "spending"):  # words that stand in everybody's answers
        assert server.delete(f"/api/v1/players/{who}").status_code == 204
    assert spend(server, "ada", "ada-1").json() == first["ada"]
    assert spend(server, "bob", "bob-1").json() == first["bob"]
    assert Wallet.objects.get(player_id="ada").balance == 4
    assert list(IdempotencyKey.objects.order_by("key").values_list("key", flat=True)) == ["ada-1", "bob-1"]


def test_the_answer_to_a_batch_goes_with_each_player_whom_it_is_about() -> None:
    play()
    server = game_server()
    events: list[dict[str, Any]] = [
        {"id": f"{who}-x", "player_id": who, "type": "enemy.killed", "data": {}, "timestamp": "2026-11-20T12:00:00Z"}
        for who in ("ada", "bob", "cleo")
    ]
    for key, batch in (("all", events), ("two", events[1:])):
        server.post("/api/v1/events", {"events": batch}, format="json", headers={"Idempotency-Key": key})
    server.delete(ADA)
    assert IdempotencyKey.objects.get().key == "two"
    server.post("/api/v1/events", {"events": events}, format="json", headers={"Idempotency-Key": "late"})
    assert anywhere("'ada'") == anywhere("ada-x") == []  # who was erased is not written down again


def test_an_erased_player_reads_as_unseen_and_is_not_made_again() -> None:
    play()
    server, ada = game_server(), player("ada")
    server.delete(ADA)
    assert server.get(ADA).json()["statistics"]["points"] == 0
    assert_problem(server.delete(ADA), 404, "not_found")
    assert_problem(server.get(f"{ADA}/export"), 404, "not_found")
    assert_problem(server.patch(ADA, {"display_name": "Ada"}), 409, "player_erased")
    assert_problem(server.post(f"{ADA}/token"), 409, "player_erased")
    assert_problem(ada.get("/api/v1/players/me"), 401, "player_erased")
    assert not Player.objects.filter(pk="ada").exists()


def test_later_events_of_an_erased_player_are_refused() -> None:
    play()
    game_server().delete(ADA)
    outcome = pipeline.process([event("new", player="ada")], now=NOON + timedelta(minutes=1))
    assert outcome.accepted == 0
    assert not Event.objects.filter(player_id="ada").exists()
    assert not Player.objects.filter(pk="ada").exists()
    assert RejectedEvent.objects.filter(code="player_erased").exists()


def test_what_was_refused_of_an_erased_player_is_found_by_their_id_and_does_not_name_them() -> None:
    play()
    server = game_server()
    server.delete(ADA)
    pipeline.process([event("new", player="ada"), event("ada-2", player="ada")], now=NOON)
    rows = server.get("/api/v1/events/rejected?player_id=ada&code=player_erased").json()["results"]
    assert len({row["player_id"] for row in rows}) == 1
    assert rows[0]["player_id"] != "ada"
    assert {row["event_id"] for row in rows} == {"new", rows[0]["player_id"]}
    assert server.get("/api/v1/events/rejected?player_id=bob").json()["results"] == []


def test_who_was_never_seen_can_be_neither_erased_nor_exported() -> None:
    server = game_server()
    assert_problem(server.delete("/api/v1/players/nobody"), 404, "not_found")
    assert_problem(server.get("/api/v1/players/nobody/export"), 404, "not_found")
    assert not Player.objects.exists()
    assert not ErasedPlayer.objects.exists()


def test_an_export_holds_every_row_of_the_player_and_none_of_others() -> None:
    play()
    rows = rows_of("ada")
    export = game_server().get(f"{ADA}/export").json()
    assert export["player_id"] == "ada"
    held = {label: len(rows) for label, rows in export["data"].items() if rows}
    assert held == {model._meta.label_lower: count for model, count in rows.items()}
    assert all(row["player_id"] == "ada" for rows in export["data"].values() for row in rows)
    assert [row["timestamp"] for row in export["data"]["kernel.event"] if row["event_id"] == "ada0"] == [
        "2026-11-20T12:00:00Z"
    ]
    assert "bob" not in json.dumps(export)


def test_an_export_for_the_player_tells_nothing_of_what_is_hidden() -> None:
    play()
    assert "x-7" in json.dumps(game_server().get(f"{ADA}/export").json())
    assert "x-7" not in json.dumps(player("ada").get("/api/v1/players/me/export").json())


def test_however_much_there_is_it_goes_in_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    play()
    server = game_server()
    for n in range(5):
        spend(server, "ada", f"ada-{n}")
    monkeypatch.setattr(erasing, "CHUNK", 2)
    monkeypatch.setattr(erasure, "CHUNK", 2)
    with CaptureQueriesContext(connection) as captured:
        assert server.delete(ADA).status_code == 204
    assert rows_of("ada") == {}
    assert Transfer.objects.filter(player_id__startswith="~").count() == 6
    deleted = [q["sql"] for q in captured if q["sql"].startswith('DELETE FROM "kernel_event"')]
    assert len(deleted) > 2
