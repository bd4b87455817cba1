"""How players stand with achievements, over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from gamification import pipeline
from gamification.kernel.core.messages import GameEvent
from progress.models import Player, Tally
from rewards.models import Distribution, Wallet
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db
API = "/api/v1"


def kill(count, player_id="ann", start=0):
    pipeline.process([event(f"e{start + i}", player_id, at=start + i, hp=i) for i in range(count)], now=NOON)


def game():
    publish(
        metric("kills"),
        metric("steps", "walked", value_field="n", reported_by="PLAYER"),
        metric("hidden-thing", "found"),
        reward("coin"),
        reward("chest", claim="MANUAL", value=50),
        achievement("four", requirement("COUNT", "kills", 4), rewards=["coin", "chest"]),
        achievement("next", requirement("COUNT", "kills", 2), prerequisites=["four"]),
        achievement("walker", requirement("SUM", "steps", 100)),
        achievement("daily", requirement("COUNT", "kills", 2), repeat="DAILY"),
        achievement("s1", requirement("COUNT", "hidden-thing", 1), type="SECRET", points=7),
        achievement("with-secret", requirement("COUNT", "kills", 1), {"type": "ACHIEVEMENT", "target": "s1"}),
    )


def progress(client, achievement_id, player_id="ann"):
    return client.get(f"{API}/achievements/{achievement_id}/progress?player_id={player_id}").json()


def test_progress_is_read_as_the_contract_says():
    game()
    kill(3)
    read = progress(game_server(), "four")
    assert read == {
        "player_id": "ann",
        "achievement_id": "four",
        "progress": 0.75,
        "is_completed": False,
        "completed_at": None,
        "metrics": {"kills": 3},
        "requirements": [
            {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 4, "value": 3, "met": False}
        ],
        "history": [{"at": "2026-11-20T12:00:02Z", "progress": 0.75, "metrics": {"kills": 3}}],
        "version": 1,
    }


def test_what_was_read_at_completion_is_kept():
    game()
    kill(3)
    kill(3, start=3)
    read = progress(game_server(), "four")
    assert (read["progress"], read["is_completed"], read["completed_at"]) == (1, True, "2026-11-20T12:00:03Z")
    assert read["metrics"] == {"kills": 4}
    assert [entry["progress"] for entry in read["history"]] == [0.75, 1]


def test_periods_that_one_batch_brought_equally_far_are_told_apart_in_the_history():
    game()
    pipeline.process([event("e1", at=0, hp=1), event("e2", at=-86_400, hp=1)], now=NOON)
    history = progress(game_server(), "daily")["history"]
    assert [(entry["at"], entry["progress"]) for entry in history] == [("2026-11-20T12:00:00Z", 0.5)] * 2


def test_a_player_never_seen_has_done_nothing_and_nothing_is_written():
    game()
    read = progress(game_server(), "four", "nobody")
    assert (read["progress"], read["is_completed"]) == (0, False)
    assert not Player.objects.exists()


def test_an_unmet_prerequisite_alone_leaves_progress_at_one():
    publish(
        metric("kills"),
        achievement("four", requirement("COUNT", "kills", 4)),
        achievement("next", requirement("COUNT", "kills", 2), prerequisites=["four"]),
    )
    kill(3)
    read = progress(game_server(), "next")
    assert (read["progress"], read["is_completed"]) == (1, False)


def test_a_secret_achievement_shows_its_id_type_and_points_and_nothing_else():
    game()
    kill(1)
    ann = player("ann")
    rows = ann.get(f"{API}/players/me/achievements").json()["results"]
    assert [row for row in rows if row["id"] == "s1"] == [{"id": "s1", "type": "SECRET", "points": 7}]
    for state in ("LOCKED", "IN_PROGRESS", "COMPLETED"):
        found = ann.get(f"{API}/players/me/achievements?state={state}").json()["results"]
        assert "s1" not in {row["id"] for row in found}
    read = ann.get(f"{API}/achievements/with-secret/progress").json()
    assert [r["type"] for r in read["requirements"]] == ["COUNT"]
    assert "s1" not in str(ann.get(f"{API}/achievements/with-secret/explain").json())
    for route in ("progress", "explain"):
        hidden = ann.get(f"{API}/achievements/s1/{route}")
        unknown = ann.get(f"{API}/achievements/s2/{route}")
        assert_problem(hidden, 404, "not_found")
        assert hidden.content.replace(b"s1", b"s2") == unknown.content
    assert_problem(ann.post(f"{API}/achievements/s1/claim", {}, format="json"), 404, "not_found")
    assert "title" in str(game_server().get(f"{API}/players/ann/achievements").json())


def test_an_unlocked_secret_is_a_secret_no_more():
    game()
    pipeline.process([event("f", type_="found")], now=NOON)
    row = next(r for r in player("ann").get(f"{API}/players/me/achievements").json()["results"] if r["id"] == "s1")
    assert (row["title"], row["state"]) == ("S1", "COMPLETED")


def test_a_players_list_has_all_begun_or_not():
    game()
    kill(4)
    rows = game_server().get(f"{API}/players/ann/achievements").json()["results"]
    assert {row["id"]: row["state"] for row in rows} == {
        "four": "COMPLETED", "next": "COMPLETED", "walker": "LOCKED", "daily": "LOCKED", "s1": "LOCKED",
        "with-secret": "IN_PROGRESS",
    }  # fmt: skip


def test_another_players_progress_is_not_there():
    game()
    kill(1)
    assert_problem(player("bob").get(f"{API}/achievements/four/progress?player_id=ann"), 404, "not_found")
    assert_problem(player("bob").get(f"{API}/players/ann/achievements"), 404, "not_found")


def test_a_report_moves_progress_on_once():
    game()
    ann = player("ann")
    said = {"metrics": {"steps": 60}}
    first = ann.post(f"{API}/achievements/walker/progress", said, format="json", headers={"Idempotency-Key": "r1"})
    again = ann.post(f"{API}/achievements/walker/progress", said, format="json", headers={"Idempotency-Key": "r1"})
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["metrics"] == {"steps": 60}
    assert Tally.objects.get(metric_id="steps", scope="").sum == 60
    more = game_server().post(
        f"{API}/achievements/walker/progress", {"player_id": "ann", "metrics": {"steps": 40}}, format="json"
    )
    assert more.json()["is_completed"]


def test_what_players_may_not_report_is_refused_and_changes_nothing():
    game()
    ann = player("ann")
    path = f"{API}/achievements/four/progress"
    assert_problem(ann.post(path, {"metrics": {"kills": 4}}, format="json"), 403, "not_for_players")
    assert_problem(ann.post(path, {"metrics": {"steps": 4}}, format="json"), 400, "invalid", "metrics.steps")
    assert_problem(ann.post(path, {"metrics": {"kills": "4"}}, format="json"), 400, "invalid", "metrics.kills")
    assert_problem(ann.post(path, {"metrics": {}}, format="json"), 400, "invalid", "metrics")
    late = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    walker = f"{API}/achievements/walker/progress"
    refused = ann.post(walker, {"metrics": {"steps": 4}, "timestamp": late}, format="json")
    assert_problem(refused, 400, "from_the_future", "timestamp")
    assert not Tally.objects.exists()


def test_explain_says_what_is_missing_and_which_events_counted():
    publish(
        metric("bow", conditions=[{"field": "weapon", "op": "eq", "value": "bow"}], value_field="hp"),
        achievement("archer", requirement("SUM", "bow", 10)),
    )
    pipeline.process(
        [event("a", weapon="bow", hp=3), event("b", at=1, weapon="axe", hp=3), event("c", at=2, weapon="bow")], now=NOON
    )
    read = game_server().get(f"{API}/achievements/archer/explain?player_id=ann").json()
    [found] = read["requirements"]
    assert (found["value"], found["missing"]) == (3, 7)
    assert [entry["id"] for entry in found["counted"]] == ["a"]
    assert [(e["id"], e["failed"], e["field"], e["found"]) for e in found["not_counted"]] == [
        ("c", "value_field", "hp", None),
        ("b", "condition", "weapon", "axe"),
    ]


def test_claiming_an_achievement_claims_all_that_is_pending_once():
    game()
    kill(4)
    ann = player("ann")
    assert_problem(ann.post(f"{API}/achievements/walker/claim", {}, format="json"), 409, "not_completed")
    first = ann.post(f"{API}/achievements/four/claim", {}, format="json")
    again = ann.post(f"{API}/achievements/four/claim", {}, format="json")
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert {d["status"] for d in first.json()["distributions"]} == {"CLAIMED"}
    assert Wallet.objects.get().balance == 55


def test_revoking_takes_back_rewards_points_and_count_and_it_is_not_earned_again():
    game()
    kill(4)
    studio = game_server()
    said = {"player_id": "ann", "reason": "cheated"}
    first = studio.post(f"{API}/achievements/four/revoke", said, format="json")
    again = studio.post(f"{API}/achievements/four/revoke", said, format="json")
    assert first.status_code == again.status_code == 200
    assert first.json()["revoked"] == ["0"]
    assert {d.status for d in Distribution.objects.filter(source_id="four")} == {"REVOKED"}
    assert Wallet.objects.get().balance == 0
    ann = Player.objects.get()
    assert (ann.points, ann.achievements_completed) == (20, 2)  # what it led to stays
    kill(4, start=10)
    read = progress(studio, "four")
    assert (read["is_completed"], "revoked_at" in read) == (False, True)
    assert Wallet.objects.get().balance == 0


def test_a_repeating_achievement_shows_the_period_of_the_clock_and_counts_completions():
    game()
    now = datetime.now(UTC)

    today = [GameEvent(f"t{i}", "ann", "enemy.killed", {}, now) for i in range(2)]
    past = [GameEvent(f"p{i}", "ann", "enemy.killed", {}, now - timedelta(days=3)) for i in range(3)]
    pipeline.process(past, now=now)
    read = progress(game_server(), "daily")
    assert (read["is_completed"], read["completions"], read["progress"]) == (False, 1, 0)
    pipeline.process(today, now=now)
    read = progress(game_server(), "daily")
    assert (read["is_completed"], read["completions"], read["metrics"]) == (True, 2, {"kills": 2})


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_who_publishes_finds_the_players_of_a_small_game_backfilled(settings):
    settings.RABBITMQ_URL = ""
    studio = game_server()
    studio.post(f"{API}/metrics", {"id": "kills", "name": "Kills", "event_type": "enemy.killed"}, format="json")
    kill(3)
    said = {"id": "two", "title": "Two", "requirements": [requirement("COUNT", "kills", 2)]}
    created = studio.post(f"{API}/achievements", said, format="json")
    assert created.status_code == 201
    read = progress(studio, "two")
    assert (read["is_completed"], read["completed_at"]) == (True, "2026-11-20T12:00:01Z")
    backfill = studio.get(f"{API}/backfills/{created.json()['backfill_id']}").json()
    assert (backfill["state"], backfill["players_done"], backfill["players_total"]) == ("DONE", 1, 1)
    said = {"requirements": [requirement("COUNT", "kills", 3)]}
    preview = studio.post(f"{API}/achievements/two/preview", said, format="json")
    assert preview.status_code == 202
    found = studio.get(f"{API}/backfills/{preview.json()['id']}").json()
    assert (found["state"], found["would_complete"]) == ("DONE", 0)  # who has it already does not complete it again
