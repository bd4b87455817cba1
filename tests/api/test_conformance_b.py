"""Promises of the contract, seen from outside: rewards, callers, players and what stays of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from gamification import backfilling
from gamification.console.packs import LoadContent
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import ApiKey, IdempotencyKey
from gamification.kernel.web.access import create_key
from progress.models import Backfill
from tests.support.callers import assert_problem, game_server, player

pytestmark = pytest.mark.django_db
API = "/api/v1"
Json = dict[str, Any]


@pytest.fixture
def server() -> APIClient:
    return game_server()


def create(server: APIClient, plural: str, **body: Any) -> Json:
    response = server.post(f"{API}/{plural}", body)
    assert response.status_code == 201, response.content
    return response.json()  # type: ignore[no-any-return]


def achievement(server: APIClient, id_: str, *, of: int = 1, **fields: Any) -> None:
    need = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": of}
    create(server, "achievements", id=id_, title=id_.title(), requirements=[need], **fields)


def kill(server: APIClient, *ids: str, player_id: str = "ann") -> None:
    at = datetime.now(UTC).isoformat()
    said = [{"id": id_, "player_id": player_id, "type": "enemy.killed", "data": {}, "timestamp": at} for id_ in ids]
    assert server.post(f"{API}/events", {"events": said}).json()["accepted"] == len(ids)


def give(server: APIClient, reward: str, player_id: str = "ann") -> Json:
    response = server.post(f"{API}/rewards/{reward}/distribute", {"player_id": player_id, "reason": "gift"})
    assert response.status_code == 201, response.content
    return response.json()  # type: ignore[no-any-return]


# -- content -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "status"), [(10**12, 201), (10**12 + 1, 400)])
def test_a_reward_is_worth_a_million_millions_at_most(server: APIClient, value: int, status: int) -> None:
    response = server.post(f"{API}/rewards", {"id": "much", "type": "POINTS", "value": value})
    assert response.status_code == status


@pytest.mark.parametrize(("days", "status"), [(3650, 201), (3651, 400)])
def test_a_time_frame_lasts_3650_days_at_most(server: APIClient, days: int, status: int) -> None:
    create(server, "metrics", id="kills", event_type="enemy.killed")
    need = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 3}
    need["timeframe"] = {"duration": days, "unit": "days"}
    response = server.post(f"{API}/achievements", {"id": "slow", "title": "Slow", "requirements": [need]})
    assert response.status_code == status


@pytest.mark.parametrize("text", ["false", "False", "FALSE"])
def test_a_filter_takes_false_however_a_client_spells_it(server: APIClient, text: str) -> None:
    create(server, "metrics", id="kills", event_type="enemy.killed")
    achievement(server, "on")
    achievement(server, "off", is_enabled=False)
    found = server.get(f"{API}/achievements", {"is_enabled": text}).json()["results"]
    assert [row["id"] for row in found] == ["off"]


def test_levels_that_pass_each_other_by_their_rewards_may_be_many(server: APIClient) -> None:
    levels = [{"level": n, "xp": (n - 1) * 10, "rewards": ["ten"]} for n in range(2, 602)]
    rewards = [{"id": "ten", "type": "XP", "value": 10, "claim": "AUTO"}]
    packs = [("", {"rewards": rewards, "levels": levels})]
    bus.handle(LoadContent(packs=packs), actor=SYSTEM, now=datetime.now(UTC))
    give(server, "ten")
    assert server.get(f"{API}/players/ann").json()["statistics"]["level"] == 601
    reached = server.get(f"{API}/players/ann/distributions", {"page_size": 1}).json()["results"]
    assert [row["source"] for row in reached] == ["LEVEL"]


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2999-01-01T00:00:00Z", "from_the_future"),
        ("1899-12-31T23:59:59Z", "bad_timestamp"),
    ],
)
def test_a_report_of_an_impossible_time_is_refused_as_an_event_would_be(server: APIClient, at: str, code: str) -> None:
    create(server, "metrics", id="kills", event_type="enemy.killed")
    achievement(server, "first")
    body = {"player_id": "ann", "metrics": {"kills": 1}, "timestamp": at}
    assert_problem(server.post(f"{API}/achievements/first/progress", body), 400, code, "timestamp")
    assert server.get(f"{API}/players/ann/metrics").json()["results"] == []


# -- what was retired --------------------------------------------------------------------------------------------------


def retired(server: APIClient, **fields: Any) -> None:
    """An achievement that ann has completed and bob has begun, taken out of play."""
    create(server, "metrics", id="kills", event_type="enemy.killed")
    create(server, "rewards", id="chest", type="POINTS", value=7)
    achievement(server, "veteran", of=2, points=5, rewards=["chest"], **fields)
    kill(server, "1", "2")
    kill(server, "1", player_id="bob")
    assert server.delete(f"{API}/achievements/veteran").status_code == 204


def test_players_keep_an_achievement_that_is_retired(server: APIClient) -> None:
    retired(server)
    for client, path in ((server, "ann"), (player("ann"), "me")):
        [row] = client.get(f"{API}/players/{path}/achievements").json()["results"]
        assert (row["id"], row["state"], row["is_completed"], row["progress"]) == ("veteran", "COMPLETED", True, 1)
        assert (row["title"], row["points"], row["version"]) == ("Veteran", 5, 1)
        shown = client.get(f"{API}/players/{path}/achievements", {"state": "COMPLETED"}).json()["results"]
        assert shown == [row]
        assert client.get(f"{API}/players/{path}/achievements", {"state": "LOCKED"}).json()["results"] == []
    progress = server.get(f"{API}/achievements/veteran/progress", {"player_id": "ann"}).json()
    assert (progress["is_completed"], progress["metrics"]) == (True, {"kills": 2})
    claimed = server.post(f"{API}/achievements/veteran/claim", {"player_id": "ann"})
    assert [d["status"] for d in claimed.json()["distributions"]] == ["CLAIMED"]
    assert server.get(f"{API}/players/ann").json()["statistics"]["points"] == 12


def test_nobody_else_is_shown_what_is_retired(server: APIClient) -> None:
    retired(server)
    assert server.get(f"{API}/players/bob/achievements").json()["results"] == []
    assert_problem(server.get(f"{API}/achievements/veteran/progress", {"player_id": "bob"}), 404, "not_found")
    assert_problem(server.post(f"{API}/achievements/veteran/claim", {"player_id": "bob"}), 404, "not_found")
    body = {"player_id": "ann", "metrics": {"kills": 1}}
    assert_problem(server.post(f"{API}/achievements/veteran/progress", body), 404, "not_found")


def test_what_is_retired_and_revoked_is_no_longer_shown(server: APIClient) -> None:
    retired(server)
    wish = {"player_id": "ann", "reason": "cheated"}
    assert server.post(f"{API}/achievements/veteran/revoke", wish).json()["revoked"] == ["0"]
    assert server.get(f"{API}/players/ann/achievements").json()["results"] == []
    assert server.get(f"{API}/players/ann").json()["statistics"] == {
        "points": 0, "xp": 0, "level": 0, "achievements_completed": 0, "quests_completed": 0,
    }  # fmt: skip


def test_a_retired_repeating_achievement_says_how_often_it_was_completed(server: APIClient) -> None:
    retired(server, repeat="ALWAYS")
    [row] = server.get(f"{API}/players/ann/achievements").json()["results"]
    assert (row["id"], row["completions"], row["state"]) == ("veteran", 1, "COMPLETED")


# -- who was erased ----------------------------------------------------------------------------------------------------


def test_whatever_names_an_erased_player_is_refused_for_that(server: APIClient) -> None:
    create(server, "metrics", id="kills", event_type="enemy.killed")
    create(server, "rewards", id="coins", type="CURRENCY", value=5, currency="gold")
    achievement(server, "first", rewards=["coins"])
    kill(server, "1")
    given = server.get(f"{API}/players/ann/distributions").json()["results"][0]["id"]
    assert server.delete(f"{API}/players/ann").status_code == 204
    me = {"player_id": "ann"}
    calls: list[tuple[str, Json]] = [
        ("players/ann/wallet/gold/spend", {"amount": 1, "reason": "r"}),
        ("players/ann/inventory/axe/consume", {"quantity": 1, "reason": "r"}),
        (f"rewards/{given}/claim", me),
        ("rewards/coins/distribute", {**me, "reason": "r"}),
        ("achievements/first/claim", me),
        ("achievements/first/revoke", {**me, "reason": "r"}),
        ("achievements/first/progress", {**me, "metrics": {"kills": 1}}),
    ]
    for path, body in calls:
        response = server.post(f"{API}/{path}", body, headers={"Idempotency-Key": path.replace("/", ".")})
        assert_problem(response, 409, "player_erased")
    assert_problem(server.patch(f"{API}/players/ann", {"display_name": "Ann"}), 409, "player_erased")
    assert_problem(server.delete(f"{API}/players/ann"), 404, "not_found")


def test_no_kept_answer_names_a_player_who_was_erased(server: APIClient) -> None:
    create(server, "rewards", id="coins", type="CURRENCY", value=5, currency="gold", claim="AUTO")
    give(server, "coins")
    spent = {"amount": 2, "reason": "a hat"}
    server.post(f"{API}/players/ann/wallet/gold/spend", spent, headers={"Idempotency-Key": "hat"})
    assert "ann" in IdempotencyKey.objects.get(key="hat").body
    assert server.delete(f"{API}/players/ann").status_code == 204
    assert not IdempotencyKey.objects.filter(key="hat").exists()


def test_a_finished_preview_names_nobody(server: APIClient) -> None:
    create(server, "metrics", id="kills", event_type="enemy.killed")
    achievement(server, "first")
    kill(server, "1")
    preview = server.post(f"{API}/achievements/first/preview", {}).json()
    backfilling.run_pending(datetime.now(UTC))
    assert server.get(f"{API}/backfills/{preview['id']}").json()["players_done"] == 1
    assert "ann" not in str(Backfill.objects.values())


# -- who calls ---------------------------------------------------------------------------------------------------------


def rotated(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_api_key", *arguments, stdout=out)
    return out.getvalue().splitlines()[-1]


def asks(key: str) -> int:
    return APIClient(headers={"Authorization": f"Api-Key {key}"}).get(f"{API}/players/ann").status_code


def test_an_operator_rotates_a_key_and_both_work_for_a_while() -> None:
    _, old = create_key("game", ["players:read"])
    new = rotated(old.partition(".")[0], "--overlap-hours", "2")
    assert (asks(old), asks(new)) == (200, 200)
    before, after = ApiKey.objects.order_by("id")
    assert (after.name, after.scopes, after.expires_at) == ("game", ["players:read"], None)
    assert before.expires_at is not None
    assert timedelta(minutes=119) < before.expires_at - datetime.now(UTC) <= timedelta(hours=2)


def test_rotating_without_an_overlap_ends_the_old_key_at_once() -> None:
    _, old = create_key("game", ["players:read"])
    new = rotated(old.partition(".")[0], "--overlap-hours", "0")
    assert (asks(old), asks(new)) == (401, 200)


def test_only_a_key_that_works_is_rotated() -> None:
    key, text = create_key("game", ["players:read"])
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=datetime.now(UTC))
    for prefix in (key.prefix, "nothing", text):
        with pytest.raises(CommandError):
            rotated(prefix)
    assert ApiKey.objects.count() == 1


def test_a_page_of_an_allowed_origin_may_send_an_idempotency_key(server: APIClient) -> None:
    [origin, *_] = settings.ALLOWED_ORIGINS
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}
    path = f"{API}/rewards/x/claim"
    allowed = APIClient().options(path, headers={"Origin": origin, **asked})
    assert allowed["Access-Control-Allow-Origin"] == origin
    assert "idempotency-key" in allowed["Access-Control-Allow-Headers"]
    elsewhere = APIClient().options(path, headers={"Origin": "https://elsewhere.example", **asked})
    assert "Access-Control-Allow-Origin" not in elsewhere


def test_a_token_that_ends_later_than_an_hour_from_now_is_refused() -> None:
    now = int(datetime.now(UTC).timestamp())
    claims = {"sub": "ann", "iss": settings.TOKEN_ISSUER, "aud": settings.TOKEN_AUDIENCE}
    for issued, ends, status in ((now, now + 3600, 200), (now + 7200, now + 9000, 401), (now, now + 3700, 401)):
        token = jwt.encode({**claims, "iat": issued, "exp": ends}, settings.TOKEN_KEY, settings.TOKEN_ALGORITHM)
        client = APIClient(headers={"Authorization": f"Bearer {token}"})
        assert client.get(f"{API}/players/me").status_code == status
