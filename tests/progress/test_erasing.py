import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model

from gamification import pipeline
from gamification.intake.erasing import tables
from gamification.kernel.models import Event, IdempotencyKey, OutboxFact, RejectedEvent
from progress.models import ErasedPlayer, Player
from rewards.models import Transfer
from tests.callers import assert_problem, game_server, player
from tests.pipeline.content import NOON, achievement, event, metric, publish, requirement, reward

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
    after = Transfer.objects.get(pk=before.pk)
    assert after.player_id.startswith("~")
    assert len(after.player_id) == 33
    assert (after.debit_account, after.credit_account) == ("issuance", f"player:{after.player_id}")
    assert (after.amount, after.currency, after.cause, after.created_at) == (
        before.amount,
        before.currency,
        before.cause,
        before.created_at,
    )
    assert anywhere("'ada'") == anywhere("ada0") == []


def test_all_transfers_of_an_erased_player_bear_the_same_name() -> None:
    play()
    pipeline.process([event("later", player="ada", at=9)], now=NOON)
    for index in range(2):
        Transfer.objects.create(
            id=f"00000000-0000-0000-0000-00000000000{index}",
            player_id="ada",
            debit_account="player:ada",
            credit_account="spending",
            currency="gold",
            amount=1,
            cause="hat",
            created_at=NOON,
        )
    game_server().delete(ADA)
    assert len(set(Transfer.objects.exclude(player_id="bob").values_list("player_id", flat=True))) == 1
    assert not Transfer.objects.filter(debit_account="player:ada").exists()


def test_what_stays_of_the_name_is_a_keyed_hash(settings: Any) -> None:
    play()
    game_server().delete(ADA)
    assert len(ErasedPlayer.objects.get().hash) == 64
    settings.SECRET_KEY = "another"
    from progress.erasure import erased

    assert erased(["ada"]) == set()


def test_answers_kept_for_idempotency_keys_are_erased_too() -> None:
    IdempotencyKey.objects.create(caller="player:ada", key="1", fingerprint="", status=200, body="{}")
    IdempotencyKey.objects.create(caller="key:1", key="1", fingerprint="", status=200, body='{"player_id":"ada"}')
    IdempotencyKey.objects.create(caller="key:1", key="2", fingerprint="", status=200, body='{"player_id":"adam"}')
    Player.objects.create(player_id="ada")
    game_server().delete(ADA)
    assert IdempotencyKey.objects.get().key == "2"


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


def test_who_was_never_seen_can_be_neither_erased_nor_exported() -> None:
    server = game_server()
    assert_problem(server.delete("/api/v1/players/nobody"), 404, "not_found")
    assert_problem(server.get("/api/v1/players/nobody/export"), 404, "not_found")
    assert not Player.objects.exists()
    assert not ErasedPlayer.objects.exists()


def test_an_export_holds_every_row_of_the_player_and_none_of_others() -> None:
    play()
    export = game_server().get(f"{ADA}/export").json()
    assert export["player_id"] == "ada"
    held = {label: len(rows) for label, rows in export["data"].items() if rows}
    assert held == {model._meta.label_lower: count for model, count in rows_of("ada").items()}
    assert all(row["player_id"] == "ada" for rows in export["data"].values() for row in rows)
    assert [row["timestamp"] for row in export["data"]["kernel.event"] if row["event_id"] == "ada0"] == [
        "2026-11-20T12:00:00Z"
    ]
    assert "bob" not in json.dumps(export)


def test_an_export_for_the_player_tells_nothing_of_what_is_hidden() -> None:
    play()
    assert "x-7" in json.dumps(game_server().get(f"{ADA}/export").json())
    assert "x-7" not in json.dumps(player("ada").get("/api/v1/players/me/export").json())
