"""Lists of quests: what a player has of each, and which could be started now."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from gamification.kernel.content.publishing import Change
from progress.models import Player
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import level, metric, pool, publish, quest, step
from tests.support.quest_acting import API, KILLS, act, kill, listed, progress

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_a_players_list_has_every_quest_in_the_state_it_is_in(hunt: APIClient) -> None:
    publish(quest("other", step("one")), quest("gone", step("one")), quest("kept", step("one")))
    ann = player("ann")
    act(ann, "hunt/start")
    act(ann, "kept/start")
    publish(Change("quest", "gone", None), Change("quest", "kept", None))
    rows = ann.get(f"{API}/players/me/quests").json()["results"]
    assert {row["id"]: row["state"] for row in rows} == {
        "hunt": "IN_PROGRESS", "kept": "IN_PROGRESS", "other": "NOT_STARTED",
    }  # fmt: skip
    [row] = [row for row in rows if row["id"] == "hunt"]
    assert (row["title"], row["type"], row["difficulty"], row["repeat"], row["time_limit"]) == (
        "Hunt", "SIDE", "NORMAL", "NEVER", 3600,
    )  # fmt: skip
    assert (row["start_date"], row["end_date"], row["rewards"]) == (None, None, ["chest"])
    assert [step["id"] for step in row["steps"]] == ["kill", "tell"]
    assert {**row, **progress(ann)} == row
    assert listed(ann, "players/me/quests?state=IN_PROGRESS") == ["hunt", "kept"]
    assert listed(ann, "players/me/quests?state=NOT_STARTED") == ["other"]
    assert listed(ann, "players/me/quests?state=FAILED") == []
    for state in ("ABANDONED", "LOCKED", "in_progress", ""):
        assert_problem(ann.get(f"{API}/players/me/quests?state={state}"), 400, "invalid", "state")


def test_a_retired_quest_is_known_to_whoever_began_it_and_to_nobody_else(hunt: APIClient) -> None:
    ann, bob = player("ann"), player("bob")
    act(ann, "hunt/start")
    publish(Change("quest", "hunt", None))
    assert progress(ann)["status"] == "IN_PROGRESS"
    assert_problem(bob.get(f"{API}/quests/hunt/progress"), 404, "not_found")
    for path in ("hunt/start", "hunt/abandon", "hunt/steps/tell/complete"):
        assert_problem(act(bob, path), 404, "not_found")
    assert listed(bob, "players/me/quests") == []
    assert act(ann, "hunt/abandon").json()["history"][0]["status"] == "ABANDONED"
    assert_problem(act(ann, "hunt/start"), 404, "not_found")


def test_a_run_is_shown_by_the_version_it_goes_by(hunt: APIClient) -> None:
    ann = player("ann")
    act(ann, "hunt/start")
    publish(quest("hunt", step("quite-else")))
    [row] = ann.get(f"{API}/players/me/quests").json()["results"]
    assert (row["version"], [step["id"] for step in row["steps"]]) == (1, ["kill", "tell"])
    assert list(row["step_progress"]) == ["kill", "tell"]
    assert progress(hunt, player_id="bob")["step_progress"] == {"quite-else": 0.0}


def test_quests_are_listed_by_who_could_start_them_now() -> None:
    server = game_server()
    for made in (
        metric("kills"),
        level(1, 0),
        quest("free", step("s")),
        quest("begun", step("s")),
        quest("off", step("s"), is_active=False),
        quest("veteran", step("s"), type="MAIN", requirements=[KILLS]),
        quest("newcomer", step("s"), requirements=[{"type": "LEVEL", "operator": "gte", "threshold": 1}]),
    ):
        body = {name: value for name, value in (made.definition or {}).items() if (made.kind, name) != ("level", "id")}
        assert server.post(f"{API}/{made.kind}s", body).status_code == 201
    ann = player("ann")
    act(ann, "begun/start")
    everything = ["begun", "free", "newcomer", "off", "veteran"]
    assert listed(ann, "quests") == everything
    assert listed(ann, "quests?available_to=ann") == ["free", "newcomer"]
    kill(2)
    for client, who in ((ann, "me"), (ann, "ann"), (server, "ann")):
        assert listed(client, f"quests?available_to={who}") == ["free", "newcomer", "veteran"]
        assert listed(client, f"quests?available_to={who}&type=MAIN") == ["veteran"]
        assert listed(client, f"quests?available_to={who}&text=new") == ["newcomer"]
        assert listed(client, f"quests?available_to={who}&page_size=1") == ["free"]
    assert listed(server, "quests?available_to=bob") == ["begun", "free", "newcomer"]
    for who in ("", "me", "a%20b"):
        assert_problem(server.get(f"{API}/quests?available_to={who}"), 400, "invalid", "available_to")
    assert set(Player.objects.values_list("pk", flat=True)) == {"ann"}


def test_what_a_pool_offers_is_said_with_its_period_and_is_what_can_be_started() -> None:
    ids = [f"q{n}" for n in range(6)]
    publish(*(quest(id_, step("s")) for id_ in ids), quest("free", step("s")), pool("daily", *ids, pick=2))
    ann = player("ann")
    rows = {row["id"]: row for row in ann.get(f"{API}/players/me/quests").json()["results"]}
    assert "offers" not in rows["free"]
    offered = [id_ for id_ in ids if rows[id_]["offers"][0]["is_offered"]]
    assert len(offered) == 2
    assert rows[ids[0]]["offers"] == [
        {
            "pool": "daily", "opens": "2026-11-20T00:00:00Z", "closes": "2026-11-21T00:00:00Z",
            "is_offered": ids[0] in offered,
        }
    ]  # fmt: skip
    assert listed(ann, "quests?available_to=me") == ["free", *offered]
    for id_ in ids:
        assert act(ann, f"{id_}/start").status_code == (200 if id_ in offered else 409)


def test_publishing_a_quest_says_how_many_runs_stay_on_older_versions() -> None:
    server = game_server()
    body = {"id": "road", "title": "Road", "steps": [{"id": "one", "title": "One"}]}
    assert server.post(f"{API}/quests", body).json()["runs_on_older_versions"] == 0
    for each in ("ann", "bob", "cid"):
        act(server, "road/start", each)
    act(server, "road/abandon", "cid")
    draft = server.patch(f"{API}/quests/road", {"title": "A road", "draft": True}).json()
    assert (draft["version"], draft["runs_on_older_versions"]) == (1, 0)
    published = server.post(f"{API}/quests/road/publish", {}).json()
    assert (published["version"], published["runs_on_older_versions"]) == (2, 2)
    act(server, "road/start", "dan")
    assert server.patch(f"{API}/quests/road", {"title": "The road"}).json()["runs_on_older_versions"] == 3
    assert "runs_on_older_versions" not in server.post(f"{API}/metrics", {"id": "m", "event_type": "a"}).json()
