"""What the table of routes refuses for how things stand: status and code, row by row, and nothing has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from rewards.models import Distribution
from tests.support import game
from tests.support.callers import player
from tests.support.watching import Watcher

pytestmark = pytest.mark.django_db

ANN, EVE = {"player_id": "ann"}, {"player_id": "eve"}
NOW = datetime.now(UTC)
AN_EVENT = game.event("new", "ann", "walked", {"steps": 1})

ROWS: list[tuple[str, Any, int, str]] = [
    # one event alone; of several the bad ones are named and the others count
    ("events", {**AN_EVENT, "id": "~k"}, 400, "bad_id"),
    ("events", {**AN_EVENT, "player_id": ".."}, 400, "bad_player_id"),
    ("events", {**AN_EVENT, "type": "Walked"}, 400, "bad_type"),
    ("events", {**AN_EVENT, "type": "level.reached"}, 400, "reserved_type"),
    ("events", {**AN_EVENT, "type": "metrics.reported"}, 400, "reserved_type"),
    ("events", {**AN_EVENT, "timestamp": "2026-01-01T00:00:00"}, 400, "bad_timestamp"),
    ("events", {**AN_EVENT, "timestamp": (NOW + timedelta(hours=1)).isoformat()}, 400, "from_the_future"),
    ("events", {**AN_EVENT, "data": []}, 400, "bad_data"),
    ("events", {**AN_EVENT, "data": {"a": "x" * 17_000}}, 400, "data_too_large"),
    ("events", {**AN_EVENT, "more": 1}, 400, "unknown_field"),
    ("events", {"events": [AN_EVENT] * 1_001}, 413, "too_many_events"),
    # content
    ("achievements", {"id": "hunter", "title": "Again", "prerequisites": ["walker"]}, 409, "already_exists"),
    ("achievements", {"id": "x", "title": "X"}, 400, "unpublishable"),
    ("achievements/nobody/publish", {}, 404, "not_found"),
    ("achievements/nobody/restore", {}, 404, "not_found"),
    ("DELETE metrics/kills", None, 409, "still_needed"),
    ("DELETE rewards/coins", None, 409, "still_needed"),
    ("DELETE quests/trail", None, 409, "still_needed"),
    ("PATCH achievements/hunter", {"id": "other"}, 400, "immutable"),
    # achievements
    ("achievements/walker/claim", ANN, 409, "not_completed"),
    ("achievements/walker/revoke", {**ANN, "reason": "r"}, 409, "not_completed"),
    ("achievements/nobody/claim", ANN, 404, "not_found"),
    ("achievements/hunter/progress", {**ANN, "metrics": {"spare": 1}}, 400, "invalid"),
    # quests
    ("quests/trail/start", ANN, 409, "already_in_progress"),
    ("quests/tour/start", ANN, 409, "already_completed"),
    ("quests/errand/abandon", ANN, 409, "not_in_progress"),
    ("quests/trail/steps/hunt/complete", ANN, 409, "requirements_not_met"),
    ("quests/trail/steps/nowhere/complete", ANN, 404, "not_found"),
    ("quests/errand/steps/go/complete", ANN, 409, "not_in_progress"),
    ("quests/nobody/start", ANN, 404, "not_found"),
    # rewards
    ("rewards/nobody/distribute", {**ANN, "reason": "r"}, 404, "not_found"),
    ("rewards/00000000-0000-0000-0000-000000000000/claim", ANN, 404, "not_found"),
    ("distributions/00000000-0000-0000-0000-000000000000/revoke", {"reason": "r"}, 404, "not_found"),
    ("players/ann/wallet/gold/spend", {"amount": 10**9}, 409, "insufficient_balance"),
    ("players/ann/wallet/gold/spend", {"amount": 0}, 400, "invalid"),
    ("players/ann/inventory/axe/consume", {"quantity": 99}, 409, "insufficient_items"),
    # players
    ("DELETE players/stranger", None, 404, "not_found"),
    ("GET players/stranger/export", None, 404, "not_found"),
    ("PATCH players/eve", {"display_name": "Eve"}, 409, "player_erased"),
    ("quests/errand/start", EVE, 409, "player_erased"),
    ("rewards/coins/distribute", {**EVE, "reason": "r"}, 409, "player_erased"),
    ("players/ann/messages/read", {"up_to": 10**6}, 400, "invalid"),
    ("held/999999/release", {}, 404, "not_found"),
    ("GET backfills/999999", None, 404, "not_found"),
    ("GET achievements/hunter/progress", None, 400, "invalid"),  # a game server says for whom
]


def test_what_is_refused_for_how_things_stand(server: APIClient, watch: Watcher) -> None:
    for at, body, status, code in ROWS:
        method, _, path = at.rpartition(" ")
        response = getattr(server, (method or "post").lower())(
            f"{game.API}/{path}", body, headers={"Idempotency-Key": "refused"}
        )
        watch.refused((at, body), response, status, code)


def test_what_only_the_store_can_refuse_is_kept(server: APIClient) -> None:
    for event, code in (
        ({**AN_EVENT, "id": "k0", "type": "enemy.killed"}, "id_reused"),
        ({**AN_EVENT, "player_id": "eve"}, "player_erased"),
    ):
        with transaction.atomic():
            refused = server.post(f"{game.API}/events", event)
            assert (refused.status_code, refused.json()["code"]) == (400, code)
            assert server.get(f"{game.API}/events/rejected").json()["results"][0]["code"] == code
            transaction.set_rollback(True)


def test_what_was_decided_or_taken_back_is_no_longer_there_to_be_had(server: APIClient) -> None:
    with transaction.atomic():
        [held] = server.get(f"{game.API}/held?player_id=ann").json()["results"]
        chest = Distribution.objects.get(player_id="ann", reward_id="chest").pk
        assert server.post(f"{game.API}/held/{held['id']}/dismiss").status_code == 200
        refused = server.post(f"{game.API}/held/{held['id']}/release")
        assert (refused.status_code, refused.json()["code"]) == (409, "already_decided")
        for _ in range(2):  # which takes it back once
            assert server.post(f"{game.API}/distributions/{chest}/revoke", {"reason": "r"}).status_code == 200
        refused = server.post(f"{game.API}/rewards/{chest}/claim", ANN)
        assert (refused.status_code, refused.json()["code"]) == (409, "reward_revoked")
        transaction.set_rollback(True)


def test_what_is_not_for_players_is_refused_to_them(server: APIClient, watch: Watcher) -> None:
    ann = player("ann")
    for path, body, status, code in (
        ("quests/trail/steps/hunt/complete", {}, 403, "forbidden"),
        ("achievements/hunter/progress", {"metrics": {"kills": 1}}, 403, "not_for_players"),
        ("achievements/s-1/claim", {}, 404, "not_found"),
        ("achievements/walker/claim", {"player_id": "bob"}, 404, "not_found"),
    ):
        watch.refused(path, ann.post(f"{game.API}/{path}", body), status, code)
