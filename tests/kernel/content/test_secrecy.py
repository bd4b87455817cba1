"""What a player may know of content, SECRET achievements above all."""

from __future__ import annotations

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from achievements import queries
from tests.support.authoring import achievement, coins, count, designer, metric, player, send, unlock

pytestmark = pytest.mark.django_db

API = "/api/v1"
WHOLE = {"id": "s-17", "title": "The Cow Level", "description": "There is no such level", "type": "SECRET"}


@pytest.fixture
def studio() -> APIClient:
    """A game with one visible and one SECRET achievement, each with a metric and rewards of its own, and one shared."""
    client = designer()
    send(client, "metrics", metric("kills"), metric("cows"), metric("unused"))
    send(
        client,
        "rewards",
        coins("shared"),
        coins("moo", currency="cowbells"),
        {"id": "horn", "type": "BADGE"},
        {"id": "chest", "type": "RANDOM", "table": [{"reward": "horn"}, {"reward": "shared"}]},
        {"id": "spare", "type": "TITLE"},
    )
    send(client, "currencies", {"id": "gold"}, {"id": "cowbells"}, {"id": "unpaid"})
    send(
        client,
        "achievements",
        achievement("hunter", rewards=["shared"], category="COMBAT"),
        {
            **WHOLE,
            "requirements": [count("cows"), count("kills")],
            "category": "STORY",
            "points": 50,
            "icon": "cow.png",
            "metadata": {"hint": "moo"},
            "rewards": ["moo", "chest", "shared"],
        },
        achievement("after", count(), {"type": "ACHIEVEMENT", "target": "s-17"}, prerequisites=["s-17", "hunter"]),
    )
    return client


def ids(client: APIClient, query: str) -> list[str]:
    response = client.get(f"{API}/{query}")
    assert response.status_code == 200
    return [row["id"] for row in response.json()["results"]]


def test_a_secret_shows_three_fields_until_it_is_unlocked(studio: APIClient) -> None:
    ann = player("ann")
    stub = {"id": "s-17", "type": "SECRET", "points": 50}
    assert ann.get(f"{API}/achievements/s-17").json() == stub
    assert [row for row in ann.get(f"{API}/achievements").json()["results"] if row["id"] == "s-17"] == [stub]

    standing = unlock("ann", "s-17")
    shown = ann.get(f"{API}/achievements/s-17").json()
    assert (shown["title"], shown["metadata"], shown["rewards"]) == (
        "The Cow Level", {"hint": "moo"}, ["moo", "chest", "shared"],
    )  # fmt: skip
    assert player("bob").get(f"{API}/achievements/s-17").json() == stub

    standing.revoked_at = timezone.now()
    standing.save()
    assert ann.get(f"{API}/achievements/s-17").json() == stub


def test_a_game_server_sees_a_secret_whole(studio: APIClient) -> None:
    assert studio.get(f"{API}/achievements/s-17").json()["title"] == "The Cow Level"
    assert ids(studio, "achievements?q=cow") == ["s-17"]


def test_no_filter_or_search_of_a_player_matches_what_is_hidden(studio: APIClient) -> None:
    ann = player("ann")
    for query in ("q=cow", "search=such+level", "q=s-17", "category=STORY", "is_enabled=true&q=level", "repeat=NEVER"):
        assert "s-17" not in ids(ann, f"achievements?{query}"), query
    assert "s-17" not in ids(ann, "achievements?is_enabled=true")
    assert ids(ann, "achievements?category=COMBAT") == ["hunter"]
    assert ids(ann, "achievements?type=SECRET") == ["s-17"]
    unlock("ann", "s-17")
    assert ids(ann, "achievements?q=cow") == ["s-17"]


def test_what_only_hidden_content_names_is_not_there_for_that_player(studio: APIClient) -> None:
    ann = player("ann")
    assert ids(ann, "metrics") == ["kills", "unused"]
    assert ids(ann, "rewards") == ["shared", "spare"]
    assert ids(ann, "currencies") == ["gold", "unpaid"]
    for path in ("metrics/cows", "rewards/moo", "rewards/chest", "rewards/horn", "currencies/cowbells"):
        assert ann.get(f"{API}/{path}").status_code == 404, path
        assert studio.get(f"{API}/{path}").status_code == 200, path
    assert ids(ann, "metrics?q=cow") == []

    unlock("ann", "s-17")
    assert ids(ann, "metrics") == ["cows", "kills", "unused"]
    assert ids(ann, "rewards") == ["chest", "horn", "moo", "shared", "spare"]


def test_other_achievements_leave_a_hidden_one_out(studio: APIClient) -> None:
    ann = player("ann")
    shown = ann.get(f"{API}/achievements/after").json()
    assert shown["prerequisites"] == ["hunter"]
    assert [requirement["type"] for requirement in shown["requirements"]] == ["COUNT"]
    unlock("ann", "s-17")
    shown = ann.get(f"{API}/achievements/after").json()
    assert shown["prerequisites"] == ["s-17", "hunter"]
    assert [requirement["type"] for requirement in shown["requirements"]] == ["COUNT", "ACHIEVEMENT"]


def test_players_never_see_drafts_or_what_is_retired(studio: APIClient) -> None:
    send(studio, "achievements", {**achievement("draft"), "draft": True}, achievement("gone"))
    studio.delete(f"{API}/achievements/gone")
    ann = player("ann")
    assert ids(ann, "achievements") == ["after", "hunter", "s-17"]
    assert ann.get(f"{API}/achievements/draft").status_code == 404
    assert ann.get(f"{API}/achievements/gone").status_code == 404


@pytest.mark.parametrize("path", ["achievements/hunter/versions", "backfills/1"])
def test_a_player_does_not_read_how_content_is_made(studio: APIClient, path: str) -> None:
    assert player().get(f"{API}/{path}").status_code == 403


@pytest.mark.parametrize("path", ["achievements/hunter/publish", "achievements/hunter/preview", "achievements"])
def test_a_player_changes_no_content(studio: APIClient, path: str) -> None:
    assert player().post(f"{API}/{path}", {}).status_code == 403
    assert player().patch(f"{API}/achievements/hunter", {"points": 1}).status_code == 403
    assert player().delete(f"{API}/achievements/hunter").status_code == 403


def test_other_apps_can_ask_what_is_hidden_from_a_player(studio: APIClient) -> None:
    assert queries.hidden_ids("ann") == {"s-17"}
    assert queries.hidden_metrics("ann") == {"cows"}
    assert queries.hidden_rewards("ann") == {"moo", "chest", "horn"}
    assert set(queries.visible("ann")) == {"hunter", "after"}
    unlock("ann", "s-17")
    assert queries.hidden_ids("ann") == set()
    assert set(queries.visible("ann")) == {"hunter", "after", "s-17"}
