"""Quests over HTTP: what game servers and players may do about them, what is answered, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from progress.models import Player
from quests.models import Run
from rewards.models import Distribution
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON, achievement, level, metric, pool, publish, quest, requirement, step
from tests.support.quest_acting import API, KILLS, act, kill, listed, progress

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


# -- the way through a quest -------------------------------------------------------------------------------------------


def test_a_quest_is_started_advanced_and_completed_by_its_routes(hunt: APIClient, clock: Any) -> None:
    ann = player("ann")
    started = act(ann, "hunt/start")
    assert started.status_code == 200
    assert started.json() == {
        "player_id": "ann",
        "quest_id": "hunt",
        "run": 1,
        "status": "IN_PROGRESS",
        "current_step": 1,
        "active_steps": ["kill"],
        "progress": 0.0,
        "step_progress": {"kill": 0.0, "tell": 0.0},
        "started_at": "2026-11-20T12:00:00Z",
        "deadline": "2026-11-20T13:00:00Z",
        "completed_at": None,
        "history": [],
        "version": 1,
    }
    kill(1)
    assert (progress(ann)["progress"], progress(ann)["step_progress"]) == (0.25, {"kill": 0.5, "tell": 0.0})
    kill(1, first=2)
    read = progress(hunt)
    assert (read["progress"], read["current_step"], read["active_steps"]) == (0.5, 2, ["tell"])
    clock.shift(60)
    done = act(ann, "hunt/steps/tell/complete").json()
    assert (done["status"], done["progress"], done["completed_at"]) == ("COMPLETED", 1.0, "2026-11-20T12:01:00Z")
    assert (done["current_step"], done["active_steps"]) == (None, [])
    assert done["history"] == [
        {
            "run": 1, "status": "COMPLETED", "started_at": "2026-11-20T12:00:00Z", "ended_at": "2026-11-20T12:01:00Z",
            "completed_at": "2026-11-20T12:01:00Z", "progress": 1.0, "version": 1,
        }
    ]  # fmt: skip
    assert progress(ann) == done
    assert ann.get(f"{API}/players/me").json()["statistics"]["quests_completed"] == 1


def test_what_a_run_gave_is_listed_with_its_number(hunt: APIClient) -> None:
    act(hunt, "hunt/start", "ann")
    act(hunt, "hunt/abandon", "ann")
    act(hunt, "hunt/start", "ann")
    kill(2)
    act(hunt, "hunt/steps/tell/complete", "ann")
    given = player("ann").get(f"{API}/players/me/distributions").json()["results"]
    assert {(row["source"], row["source_id"], row["occurrence"], row["reward_id"]) for row in given} == {
        ("QUEST", "hunt", "2", "chest"),
        ("QUEST_STEP", "hunt/kill", "0", "coin"),
    }


def test_a_run_that_was_abandoned_is_history_and_the_quest_not_started(hunt: APIClient, clock: Any) -> None:
    ann = player("ann")
    act(ann, "hunt/start")
    kill(1)
    clock.shift(30)
    left = act(ann, "hunt/abandon")
    assert left.status_code == 200
    read = left.json()
    assert (read["status"], read["run"], read["progress"], read["started_at"]) == ("NOT_STARTED", 1, 0.0, None)
    assert (read["current_step"], read["active_steps"], read["deadline"]) == (None, [], None)
    assert read["history"] == [
        {
            "run": 1, "status": "ABANDONED", "started_at": "2026-11-20T12:00:00Z", "ended_at": "2026-11-20T12:00:30Z",
            "completed_at": None, "progress": 0.25, "version": 1,
        }
    ]  # fmt: skip
    again = act(ann, "hunt/start").json()
    assert (again["run"], again["progress"], [run["run"] for run in again["history"]]) == (2, 0.0, [1])


def test_a_quest_never_started_is_not_started_and_reading_it_writes_nothing(hunt: APIClient) -> None:
    read = progress(hunt, player_id="nobody")
    assert (read["run"], read["status"], read["version"], read["history"]) == (0, "NOT_STARTED", 1, [])
    assert listed(hunt, "players/nobody/quests") == ["hunt"]
    assert not Player.objects.exists()
    assert not Run.objects.exists()


def test_a_run_past_its_deadline_is_shown_expired_but_not_written(hunt: APIClient, clock: Any) -> None:
    ann = player("ann")
    act(ann, "hunt/start")
    kill(2)
    clock.shift(3600)
    assert progress(hunt)["status"] == "IN_PROGRESS"  # its last instant
    clock.shift(1)
    ann = player("ann")
    read = progress(ann)
    assert (read["status"], read["progress"], read["current_step"], read["active_steps"]) == ("EXPIRED", 0.5, None, [])
    assert read["completed_at"] is None
    [run] = read["history"]
    assert (run["status"], run["ended_at"], run["progress"]) == ("EXPIRED", "2026-11-20T13:00:00Z", 0.5)
    assert [row["state"] for row in ann.get(f"{API}/players/me/quests").json()["results"]] == ["EXPIRED"]
    assert Run.objects.get().status == "IN_PROGRESS"
    assert_problem(act(ann, "hunt/steps/tell/complete"), 409, "not_in_progress")
    assert act(ann, "hunt/start").json()["run"] == 2


def test_within_the_grace_after_its_deadline_a_run_is_still_in_progress(
    hunt: APIClient, clock: Any, settings: Any
) -> None:
    settings.QUEST_LATE_GRACE = 60
    act(hunt, "hunt/start", "ann")
    clock.shift(3660)
    assert progress(hunt)["status"] == "IN_PROGRESS"
    clock.shift(1)
    assert progress(hunt)["status"] == "EXPIRED"


def test_a_daily_quest_ends_with_the_players_own_day() -> None:
    publish(quest("daily", step("one"), repeat="DAILY"))
    server = game_server()
    server.patch(f"{API}/players/ann", {"timezone": "Asia/Tokyo"})
    server.patch(f"{API}/players/bob", {"timezone": "America/Los_Angeles"})
    with time_machine.travel(NOON + timedelta(days=3), tick=False):
        deadlines = [act(server, "daily/start", each).json()["deadline"] for each in ("ann", "bob", "cid")]
    assert deadlines == ["2026-11-23T15:00:00Z", "2026-11-24T08:00:00Z", "2026-11-24T00:00:00Z"]


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_each_refusal_has_its_code_and_status_and_changes_nothing() -> None:
    publish(
        metric("kills"),
        level(1, 0),
        level(2, 100),
        quest("off", step("s"), is_active=False),
        quest("soon", step("s"), start_date="2026-11-20T12:00:01Z"),
        quest("high", step("s"), requirements=[{"type": "LEVEL", "operator": "gte", "threshold": 2}]),
        quest("once", step("s")),
        quest("slow", step("s"), repeat="ALWAYS", cooldown=10),
        quest("road", step("kill", KILLS), step("then", order=2)),
        quest("left", step("s")),
        quest("right", step("s")),
        pool("either", "left", "right"),
    )
    server = game_server()
    act(server, "once/start", "ann")
    act(server, "once/steps/s/complete", "ann")
    act(server, "slow/start", "ann")
    act(server, "slow/abandon", "ann")
    act(server, "road/start", "ann")
    offers = {id_: progress(server, id_)["offers"][0]["is_offered"] for id_ in ("left", "right")}
    [away] = [id_ for id_, is_offered in offers.items() if not is_offered]
    before = list(Run.objects.order_by("pk").values())
    refusals = {
        "off/start": "quest_inactive",
        "soon/start": "quest_not_open",
        "high/start": "requirements_not_met",
        "road/start": "already_in_progress",
        "once/start": "already_completed",
        "slow/start": "cooldown",
        f"{away}/start": "not_offered",
        "off/abandon": "not_in_progress",
        "once/abandon": "not_in_progress",
        "off/steps/s/complete": "not_in_progress",
        "road/steps/then/complete": "step_not_active",
        "road/steps/kill/complete": "requirements_not_met",
    }
    for path, code in refusals.items():
        assert_problem(act(server, path, "ann"), 409, code)
    for path in ("none/start", "none/abandon", "none/steps/s/complete", "road/steps/none/complete"):
        assert_problem(act(server, path, "ann"), 404, "not_found")
    assert_problem(server.get(f"{API}/quests/none/progress?player_id=ann"), 404, "not_found")
    assert list(Run.objects.order_by("pk").values()) == before
    assert not Distribution.objects.exists()


def test_a_player_completes_only_steps_that_are_for_players() -> None:
    publish(quest("road", step("mine", completed_by="PLAYER"), step("theirs")))
    ann, server = player("ann"), game_server()
    act(ann, "road/start")
    assert_problem(act(ann, "road/steps/theirs/complete"), 403, "forbidden")
    assert progress(ann, "road")["active_steps"] == ["mine", "theirs"]
    assert act(ann, "road/steps/mine/complete").json()["active_steps"] == ["theirs"]
    assert act(server, "road/steps/theirs/complete", "ann").json()["status"] == "COMPLETED"


def test_a_player_acts_for_nobody_else(hunt: APIClient) -> None:
    bob = player("bob")
    for path in ("hunt/start", "hunt/abandon", "hunt/steps/tell/complete"):
        assert_problem(act(bob, path, "ann"), 404, "not_found")
    assert_problem(bob.get(f"{API}/quests/hunt/progress?player_id=ann"), 404, "not_found")
    assert_problem(bob.get(f"{API}/players/ann/quests"), 404, "not_found")
    assert_problem(bob.get(f"{API}/quests?available_to=ann"), 404, "not_found")
    assert not Run.objects.exists()


def test_a_game_server_needs_the_scope_and_says_for_whom(hunt: APIClient) -> None:
    assert_problem(act(game_server("players:read"), "hunt/start", "ann"), 403, "missing_scope")
    assert_problem(act(hunt, "hunt/start"), 400, "invalid", "player_id")
    assert_problem(hunt.get(f"{API}/quests/hunt/progress"), 400, "invalid", "player_id")
    assert not Run.objects.exists()
    assert hunt.post(f"{API}/quests/hunt/start?player_id=ann", {}).json()["player_id"] == "ann"


def test_the_same_key_gets_the_first_answer_again_and_starts_one_run(hunt: APIClient) -> None:
    ann = player("ann")
    first, again = (act(ann, "hunt/start", key="once") for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert again.status_code == 200
    assert Run.objects.count() == 1
    assert_problem(act(ann, "hunt/start", key="twice"), 409, "already_in_progress")


# -- what is held of a player ------------------------------------------------------------------------------------------


def test_runs_are_handed_out_and_erased_with_their_player(hunt: APIClient) -> None:
    for each in ("ann", "bob"):
        act(hunt, "hunt/start", each)
    exported = player("ann").get(f"{API}/players/me/export").json()["data"]["quests.run"]
    assert [(row["player_id"], row["quest_id"], row["status"]) for row in exported] == [("ann", "hunt", "IN_PROGRESS")]
    assert hunt.delete(f"{API}/players/ann").status_code == 204
    assert list(Run.objects.values_list("player_id", flat=True)) == ["bob"]


def test_a_secret_achievement_is_named_in_no_answer_about_quests() -> None:
    secret = {"type": "ACHIEVEMENT", "target": "s-17"}
    publish(
        metric("kills"),
        achievement("s-17", requirement("COUNT", "kills", 3), type="SECRET"),
        quest("plot", step("one", secret, KILLS, completed_by="PLAYER")),
        quest("flight", step("one"), fail_conditions=[secret]),
        quest("sequel", step("one"), requirements=[secret]),
    )
    ann, server = player("ann"), game_server()
    answers = [act(ann, path) for path in ("plot/start", "sequel/start", "plot/steps/one/complete")]
    assert [answer.status_code for answer in answers] == [200, 409, 409]
    answers += [ann.get(f"{API}/{path}") for path in ("players/me/quests", "quests", "quests/plot/progress")]
    answers.append(act(ann, "plot/abandon"))
    assert [str(answer.json()) for answer in answers if "s-17" in str(answer.json())] == []
    assert "s-17" in str(server.get(f"{API}/players/ann/quests").json())
    kill(3)
    rows = {row["id"]: row for row in ann.get(f"{API}/players/me/quests").json()["results"]}
    assert rows["plot"]["steps"][0]["requirements"][0] == secret
