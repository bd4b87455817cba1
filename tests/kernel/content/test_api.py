"""Content over HTTP, as a game server edits it."""

from __future__ import annotations

from typing import Any

import pytest

from achievements.models import Achievement, AchievementRequirement
from gamification.kernel.models import ApiKey, OutboxFact, Version
from progress.models import Backfill, Metric
from tests.support import game
from tests.support.authoring import achievement, coins, count, designer, errors, metric, player, reader, send

pytestmark = pytest.mark.django_db

API = "/api/v1"


def test_creating_publishes_at_once_and_answers_with_the_whole_definition() -> None:
    least = {"id": "kills", "name": "Kills", "event_type": "enemy.killed", "value_field": "damage"}
    response = designer().post(f"{API}/metrics", least)
    assert response.status_code == 201
    body = response.json()
    assert {name: body[name] for name in body if not name.endswith("_at")} == {
        "id": "kills",
        "name": "Kills",
        "description": "",
        "unit": "",
        "event_type": "enemy.killed",
        "value_field": "damage",
        "member_field": None,
        "conditions": [],
        "reported_by": "SERVER",
        "tags": [],
        "version": 1,
        "draft": False,
        "backfill_id": body["backfill_id"],
        "warnings": body["warnings"],
    }
    assert body["created_at"].endswith("Z")
    version = Version.objects.get()
    assert (version.kind, version.content_id, version.number) == ("metric", "kills", 1)
    assert version.who == f"key:{ApiKey.objects.get().prefix}"


def test_a_draft_is_kept_and_published_later_with_a_reason() -> None:
    client = designer()
    send(client, "metrics", metric())
    body = client.post(f"{API}/achievements", achievement(draft=True)).json()
    assert (body["version"], body["draft"], body["backfill_id"]) == (None, True, None)
    assert not Version.objects.filter(kind="achievement").exists()

    response = client.post(f"{API}/achievements/hunter/publish", {"reason": "season 2"})
    assert response.status_code == 200
    assert (response.json()["version"], response.json()["draft"]) == (1, False)
    versions = client.get(f"{API}/achievements/hunter/versions").json()["results"]
    assert [(v["number"], v["who"], v["reason"], v["definition"]["title"]) for v in versions] == [
        (1, f"key:{ApiKey.objects.get().prefix}", "season 2", "Hunter")
    ]


def test_publishing_an_achievement_starts_a_backfill_that_the_answer_names() -> None:
    client = designer()
    send(client, "metrics", metric())
    body = client.post(f"{API}/achievements", achievement(backfill="SILENT")).json()
    backfill = Backfill.objects.get(pk=body["backfill_id"])
    assert (backfill.mode, backfill.preview) == ("SILENT", None)
    shown = client.get(f"{API}/backfills/{backfill.pk}").json()
    assert {"id", "state", "players_done", "players_total", "would_complete"} <= shown.keys()
    assert client.get(f"{API}/backfills/99999999999999999999").status_code == 404


def test_publishing_states_what_was_created_and_updated() -> None:
    client = designer()
    send(client, "metrics", metric())
    send(client, "achievements", achievement(points=5))
    client.patch(f"{API}/achievements/hunter", {"points": 7})
    stated = OutboxFact.objects.order_by("id").values_list("type", "player_id", "data__points")
    assert list(stated) == [("achievement.created", "", 5), ("achievement.updated", "", 7)]


def test_a_patch_changes_what_it_names_and_publishes_a_version() -> None:
    client = designer()
    send(client, "metrics", metric())
    send(client, "achievements", achievement(description="Ten of them", points=5))
    body = client.patch(f"{API}/achievements/hunter", {"points": 7}).json()
    assert (body["points"], body["description"], body["version"]) == (7, "Ten of them", 2)


def test_an_unchanged_patch_makes_no_version() -> None:
    client = designer()
    send(client, "metrics", metric())
    send(client, "achievements", achievement(points=5))
    response = client.patch(f"{API}/achievements/hunter", {"points": 5.0, "requirements": [count(threshold=10.0)]})
    assert (response.status_code, response.json()["version"]) == (200, 1)
    assert Version.objects.filter(kind="achievement").count() == 1


def test_a_patched_draft_leaves_the_published_version_alone() -> None:
    client = designer()
    send(client, "metrics", metric())
    send(client, "achievements", achievement(points=5))
    body = client.patch(f"{API}/achievements/hunter", {"points": 7, "draft": True}).json()
    assert (body["points"], body["version"], body["draft"]) == (7, 1, True)
    assert player().get(f"{API}/achievements/hunter").json()["points"] == 5
    back = client.patch(f"{API}/achievements/hunter", {"points": 5, "draft": True}).json()
    assert back["draft"] is False


def test_an_id_never_changes() -> None:
    client = designer()
    send(client, "metrics", metric())
    response = client.patch(f"{API}/metrics/kills", {"id": "deaths"})
    assert (response.status_code, response.json()["code"]) == (400, "immutable")
    assert errors(response) == {("id", "immutable")}
    send(client, "levels", {"level": 1, "xp": 0})
    assert client.patch(f"{API}/levels/1", {"level": 2}).json()["code"] == "immutable"
    assert client.patch(f"{API}/levels/1", {"level": 1, "xp": 5}).json()["xp"] == 5


def test_an_id_is_given_once_even_after_retiring() -> None:
    client = designer()
    send(client, "metrics", metric())
    assert client.post(f"{API}/metrics", metric()).json()["code"] == "already_exists"
    assert client.delete(f"{API}/metrics/kills").status_code == 204
    assert client.delete(f"{API}/metrics/kills").status_code == 404
    assert client.get(f"{API}/metrics/kills").status_code == 404
    response = client.post(f"{API}/metrics", metric())
    assert (response.status_code, response.json()["code"]) == (409, "already_exists")
    assert client.get(f"{API}/metrics").json()["results"] == []


def test_what_other_content_needs_cannot_be_retired() -> None:
    client = designer()
    send(client, "metrics", metric())
    send(client, "achievements", achievement())
    response = client.delete(f"{API}/metrics/kills")
    assert (response.status_code, response.json()["code"]) == (409, "still_needed")
    assert "achievement hunter" in response.json()["detail"]
    assert errors(response) == {("achievements[hunter].requirements[0].metric", "unknown_metric")}
    assert Metric.objects.get(pk="kills").retired_at is None
    assert client.delete(f"{API}/achievements/hunter").status_code == 204
    assert client.delete(f"{API}/metrics/kills").status_code == 204


def test_a_refused_creation_leaves_nothing_behind() -> None:
    client = designer()
    response = client.post(f"{API}/achievements", achievement())
    assert (response.status_code, response.json()["code"]) == (400, "unpublishable")
    assert errors(response) == {("requirements[0].metric", "unknown_metric")}
    assert not Achievement.objects.exists()
    assert not AchievementRequirement.objects.exists()
    assert not Version.objects.exists()


def test_a_draft_may_name_what_is_not_there_yet_and_publishing_refuses_it() -> None:
    client = designer()
    asked: Any = {"rewards": ["coins"], "prerequisites": ["later"]}
    assert client.post(f"{API}/achievements", achievement(**asked, draft=True)).status_code == 201
    assert client.get(f"{API}/achievements/hunter").json()["prerequisites"] == ["later"]
    assert errors(client.post(f"{API}/achievements/hunter/publish")) == {
        ("requirements[0].metric", "unknown_metric"),
        ("rewards[0]", "unknown_reward"),
        ("prerequisites[0]", "unknown_prerequisite"),
    }
    send(client, "metrics", metric())
    send(client, "rewards", coins("coins"))
    send(client, "achievements", achievement("later"))
    assert client.post(f"{API}/achievements/hunter/publish").json()["version"] == 1


def test_a_preview_counts_without_publishing() -> None:
    client = designer()
    send(client, "metrics", metric())
    client.post(f"{API}/achievements", achievement(draft=True))
    response = client.post(f"{API}/achievements/hunter/preview", {"requirements": [count(threshold=3)]})
    assert response.status_code == 202
    backfill = Backfill.objects.get(pk=response.json()["id"])
    assert backfill.preview is not None
    assert backfill.preview["id"] == "hunter"
    assert backfill.preview["definition"]["requirements"][0]["threshold"] == 3
    assert not Version.objects.filter(kind="achievement").exists()
    bad = client.post(f"{API}/achievements/hunter/preview", {"requirements": [count(threshold=0)]})
    assert errors(bad) == {("requirements", "met_before_playing")}


def test_lists_are_filtered_and_searched_and_come_in_pages() -> None:
    client = designer()
    send(client, "metrics", metric())
    send(
        client,
        "achievements",
        achievement("alpha", type="SKILL", description="Sharp eyes"),
        achievement("beta", category="COMBAT", is_enabled=False),
        achievement("gamma", type="SKILL"),
    )

    def ids(query: str) -> list[str]:
        return [row["id"] for row in client.get(f"{API}/achievements?{query}").json()["results"]]

    assert ids("") == ["alpha", "beta", "gamma"]
    assert ids("type=SKILL") == ["alpha", "gamma"]
    assert ids("category=COMBAT") == ["beta"]
    assert ids("is_enabled=false") == ["beta"]
    assert ids("q=EYES") == ["alpha"]
    assert ids("search=gam") == ["gamma"]
    first = client.get(f"{API}/achievements?page_size=2").json()
    assert [row["id"] for row in first["results"]] == ["alpha", "beta"]
    assert [row["id"] for row in client.get(first["next"]).json()["results"]] == ["gamma"]
    assert client.get(f"{API}/achievements?type=NONSENSE").status_code == 400
    assert client.get(f"{API}/achievements?is_enabled=maybe").status_code == 400
    assert client.get(f"{API}/achievements?q=%00").status_code == 400


def test_levels_are_listed_by_number() -> None:
    client = designer()
    for level in (2, 10, 1):
        send(client, "levels", {"level": level, "xp": level * 100})
    assert [row["level"] for row in client.get(f"{API}/levels").json()["results"]] == [1, 2, 10]
    assert [row["level"] for row in player().get(f"{API}/levels?page_size=2").json()["results"]] == [1, 2]
    assert client.get(f"{API}/levels/10").json()["xp"] == 1000


def test_reading_does_not_allow_writing() -> None:
    assert reader().post(f"{API}/metrics", metric()).status_code == 403
    assert player().post(f"{API}/metrics", metric()).status_code == 403
    assert not Metric.objects.exists()


def test_serials_are_given_once() -> None:
    client = designer()
    send(client, "metrics", metric())
    send(client, "achievements", achievement("alpha"), achievement("beta"))
    before = dict(Achievement.objects.values_list("id", "serial"))
    client.patch(f"{API}/achievements/alpha", {"points": 3})
    client.delete(f"{API}/achievements/beta")
    send(client, "achievements", achievement("gamma"))
    after = dict(Achievement.objects.values_list("id", "serial"))
    assert {id_: after[id_] for id_ in before} == before
    assert len(set(after.values())) == 3


def test_an_idempotency_key_creates_once() -> None:
    client = designer()
    headers = {"Idempotency-Key": "k1"}
    first = client.post(f"{API}/rewards", coins(), headers=headers)
    second = client.post(f"{API}/rewards", coins(), headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert Version.objects.count() == 1


def test_a_list_shows_of_each_kind_what_its_detail_shows_edited_since_it_was_published_or_not() -> None:
    server = game.make()
    server.patch(f"{game.API}/quests/trail", {"title": "The other trail", "draft": True})
    server.patch(f"{game.API}/achievements/hunter", {"points": 11})
    server.delete(f"{game.API}/quests/errand")
    shown = {}
    for plural, bodies in game.CONTENT.items():
        for row in server.get(f"{game.API}/{plural}").json()["results"]:
            shown[plural, str(row.get("id", row.get("level")))] = row
            id_ = row["level"] if plural == "levels" else row["id"]
            assert row == server.get(f"{game.API}/{plural}/{id_}").json()
        assert any(name == plural for name, _ in shown), bodies
    assert shown["quests", "trail"]["title"] == "The other trail"
    assert shown["achievements", "hunter"]["points"] == 11
    assert shown["achievements", "plan"]["version"] is None
    assert ("quests", "errand") not in shown


def test_what_was_retired_with_edits_is_listed_with_them() -> None:
    client = designer()
    send(client, "metrics", metric())
    client.patch(f"{API}/metrics/kills", {"name": "Edited", "draft": True})
    assert client.delete(f"{API}/metrics/kills").status_code == 204
    [row] = client.get(f"{API}/metrics?state=RETIRED").json()["results"]
    assert row["name"] == "Edited"
