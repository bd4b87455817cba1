"""What publishing warns of, what may not be retired, and how retired content comes back."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from gamification import backfilling
from gamification.kernel.models import Version
from quests.models import Run
from rewards.models import InventoryItem
from tests.support.authoring import achievement, coins, count, designer, errors, metric, needs, quest, send, step
from tests.support.callers import assert_problem, game_server

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def studio() -> APIClient:
    client = designer()
    send(client, "metrics", metric(), metric("hits", event_type="enemy.hit"))
    return client


def play(count: int, type_: str = "enemy.killed", begin: int = 0) -> dict[str, Any]:
    """What came of that many events of ann's."""
    at = timezone.now().isoformat()
    events = [
        {"id": f"{type_}-{n}", "player_id": "ann", "type": type_, "data": {}, "timestamp": at}
        for n in range(begin, begin + count)
    ]
    answer = game_server().post(f"{API}/events", {"events": events}).json()
    assert answer["accepted"] == count, answer
    found: dict[str, Any] = answer["results"]["ann"]
    return found


def progress(kind: str, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = game_server().get(f"{API}/{kind}/{id_}/progress?player_id=ann").json()
    return found


def warnings(response: Any) -> set[tuple[str, str]]:
    assert response.status_code in (200, 201), response.content
    assert all(each["detail"] for each in response.json()["warnings"])
    return {(each["path"], each["code"]) for each in response.json()["warnings"]}


# -- warnings ----------------------------------------------------------------------------------------------------------

PAST = "2020-01-01T00:00:00Z"


def test_what_is_odd_but_may_be_meant_is_a_warning_and_goes_through(studio: APIClient) -> None:
    send(studio, "currencies", {"id": "gold"})
    send(studio, "achievements", achievement("first", series="hunt", tier=1))
    for plural, body, odd in (
        ("metrics", metric("typo", event_type="enemy.kiled"), ("event_type", "used_nowhere_else")),
        ("rewards", coins("typo", currency="gld"), ("currency", "used_nowhere_else")),
        ("rewards", coins("nothing", value=0), ("value", "amount_is_0")),
        ("rewards", coins("over", expires_at=PAST), ("expires_at", "ends_in_the_past")),
        ("achievements", achievement("over", ends_at=PAST), ("ends_at", "ends_in_the_past")),
        ("achievements", achievement("twice", series="hunt", tier=1), ("tier", "tier_twice")),
        ("quests", quest("over", end_date=PAST), ("end_date", "ends_in_the_past")),
    ):
        created = studio.post(f"{API}/{plural}", body)
        assert warnings(created) == {odd}, body
        assert created.json()["version"] == 1
        one = f"{API}/{plural}/{body['id']}"
        assert warnings(studio.patch(one, {"tags": ["odd"]})) == {odd}
        assert warnings(studio.patch(one, {"tags": ["odder"], "draft": True})) == {odd}
        assert warnings(studio.post(f"{one}/publish")) == {odd}


def test_nothing_is_said_of_what_is_as_usual(studio: APIClient) -> None:
    send(studio, "currencies", {"id": "gold"})
    send(studio, "achievements", achievement("first", series="hunt", tier=1))
    for plural, body in (
        ("metrics", metric("again")),
        ("metrics", metric("deeds", event_type="achievement.completed")),
        ("rewards", coins()),
        ("rewards", {"id": "star", "type": "BADGE"}),
        ("achievements", achievement("second", series="hunt", tier=2)),
        ("achievements", achievement("third", series="other", tier=1, ends_at="2999-01-01T00:00:00Z")),
        ("quests", quest("open")),
        ("levels", {"level": 1, "xp": 0}),
        ("pools", {"id": "daily", "quests": ["open"]}),
    ):
        assert warnings(studio.post(f"{API}/{plural}", body)) == set(), body


# -- one item, one type ------------------------------------------------------------------------------------------------


def kit(id_: str, *items: tuple[str, str]) -> dict[str, Any]:
    return {"id": id_, "type": "ITEM", "claim": "AUTO", "items": [{"id": item, "type": type_} for item, type_ in items]}


def test_one_item_of_two_types_is_refused(studio: APIClient) -> None:
    send(studio, "rewards", kit("arms", ("axe", "weapon"), ("bow", "weapon")))
    response = studio.post(f"{API}/rewards", kit("meal", ("bread", "food"), ("axe", "food")))
    assert_problem(response, 400, "unpublishable", "items[1].type")
    assert errors(response) == {("items[1].type", "item_of_two_types")}
    assert errors(studio.post(f"{API}/rewards", kit("both", ("pie", "food"), ("pie", "weapon")))) == {
        ("items[1].type", "item_of_two_types")
    }
    send(studio, "rewards", kit("meal", ("bread", "food"), ("axe", "weapon"), ("bow", "")))
    assert errors(studio.patch(f"{API}/rewards/arms", kit("arms", ("axe", "food")))) == {
        ("items[0].type", "item_of_two_types")
    }
    assert studio.delete(f"{API}/rewards/meal").status_code == 204
    assert studio.patch(f"{API}/rewards/arms", kit("arms", ("axe", "food"))).status_code == 200


def test_a_reward_that_says_nothing_of_a_things_type_leaves_it(studio: APIClient) -> None:
    send(studio, "rewards", kit("arms", ("axe", "weapon")), kit("more", ("axe", "")))
    for reward in ("arms", "more"):
        assert game_server().post(f"{API}/rewards/{reward}/distribute", {"player_id": "ann"}).status_code == 201
    assert list(InventoryItem.objects.values_list("type", "quantity")) == [("weapon", 2)]


# -- what open runs need -----------------------------------------------------------------------------------------------


@pytest.fixture
def running(studio: APIClient) -> APIClient:
    """Ann and bob are on version 1 of a quest whose version 2 needs nothing of what the first one needs."""
    send(studio, "achievements", achievement("veteran", count(threshold=1)), achievement("slayer"))
    send(studio, "quests", quest("before", step("go", count("hits"))))
    play(1)
    first = quest(
        "trail",
        step("hunt", count("hits", 3)),
        step("prove", needs("ACHIEVEMENT", "slayer"), needs("QUEST", "before")),
        requirements=[needs("ACHIEVEMENT", "veteran")],
        fail_conditions=[count("kills", 50)],
    )
    send(studio, "metrics", metric("other", event_type="other"))
    send(studio, "quests", first)
    assert game_server().post(f"{API}/quests/trail/start", {"player_id": "ann"}).status_code == 200
    return studio


NEEDED = {
    "metrics/hits": "steps[0].requirements[0].metric",
    "achievements/slayer": "steps[1].requirements[0].target",
    "quests/before": "steps[1].requirements[1].target",
    "achievements/veteran": "requirements[0].target",
}


@pytest.mark.parametrize(("path", "place"), NEEDED.items())
@pytest.mark.parametrize("leaves", ["an older version", "a retired quest"])
def test_what_open_runs_need_is_not_retired(running: APIClient, leaves: str, path: str, place: str) -> None:
    if leaves == "an older version":
        bare = {"steps": [step("wait", count("other"))], "requirements": [], "fail_conditions": []}
        assert running.patch(f"{API}/quests/trail", bare).status_code == 200
    else:
        assert running.delete(f"{API}/quests/trail").status_code == 204
    if path == "metrics/hits":  # which the quest before needs too
        running.patch(f"{API}/quests/before", {"steps": [step("go", count("other"))]})
    response = running.delete(f"{API}/{path}")
    assert_problem(response, 409, "still_needed", f"quests[trail].{place}")
    assert "1 open run of version 1 of the quest trail" in response.json()["detail"]
    assert game_server().post(f"{API}/quests/trail/abandon", {"player_id": "ann"}).status_code == 200
    assert running.delete(f"{API}/{path}").status_code == 204


def test_what_fails_a_run_is_needed_and_goes_on_failing_it(running: APIClient) -> None:
    for id_ in ("veteran", "slayer"):
        running.patch(f"{API}/achievements/{id_}", {"requirements": [count("hits")]})
    assert running.delete(f"{API}/quests/trail").status_code == 204
    assert_problem(
        running.delete(f"{API}/metrics/kills"), 409, "still_needed", "quests[trail].fail_conditions[0].metric"
    )
    play(50, begin=1)
    assert Run.objects.get(quest_id="trail").status == "FAILED"
    assert running.delete(f"{API}/metrics/kills").status_code == 204


# -- restoring ---------------------------------------------------------------------------------------------------------


def test_retired_content_comes_back_as_it_was(studio: APIClient) -> None:
    send(studio, "achievements", achievement("hunter", points=7, tags=["boss"]))
    studio.patch(f"{API}/achievements/hunter", {"points": 9, "draft": True})
    studio.delete(f"{API}/achievements/hunter")
    assert studio.get(f"{API}/achievements/hunter").status_code == 404
    answer = studio.post(f"{API}/achievements/hunter/restore", {"reason": "they want it back"})
    assert (answer.status_code, answer.json()["version"], answer.json()["draft"]) == (200, 3, True)
    assert answer.json()["points"] == 9, "the draft that was not published is a draft still"
    newest = Version.objects.get(kind="achievement", number=3)
    assert (newest.definition["points"], newest.definition["tags"], newest.reason) == (7, ["boss"], "they want it back")
    again = studio.post(f"{API}/achievements/hunter/restore")
    assert (again.status_code, again.json()["version"]) == (200, 3), "nothing happens to what is not retired"


def test_a_draft_that_was_retired_is_a_draft_again(studio: APIClient) -> None:
    studio.post(f"{API}/achievements", achievement("plan", draft=True))
    studio.delete(f"{API}/achievements/plan")
    answer = studio.post(f"{API}/achievements/plan/restore").json()
    assert (answer["version"], answer["draft"]) == (None, True)
    assert studio.post(f"{API}/achievements/plan/publish").json()["version"] == 1


def test_restoring_is_validated_like_publishing(studio: APIClient) -> None:
    send(studio, "achievements", achievement("hunter"))
    studio.delete(f"{API}/achievements/hunter")
    studio.delete(f"{API}/metrics/kills")
    response = studio.post(f"{API}/achievements/hunter/restore")
    assert_problem(response, 400, "unpublishable", "requirements[0].metric")
    assert studio.get(f"{API}/achievements/hunter").status_code == 404
    assert studio.post(f"{API}/metrics/kills/restore").status_code == 200
    assert studio.post(f"{API}/achievements/hunter/restore").status_code == 200
    assert_problem(studio.post(f"{API}/achievements/nobody/restore"), 404, "not_found")
    assert_problem(studio.post(f"{API}/achievements/hunter/restore", {"why": "x"}), 400, "invalid", "why")


def test_what_happened_while_it_was_retired_counts_once_it_is_back(studio: APIClient) -> None:
    send(studio, "achievements", achievement("hunter", count(threshold=6)))
    play(3)
    assert progress("achievements", "hunter")["metrics"] == {"kills": 3}
    assert studio.delete(f"{API}/achievements/hunter").status_code == 204
    assert studio.delete(f"{API}/metrics/kills").status_code == 204
    play(2, begin=3)
    for path in ("metrics/kills", "achievements/hunter"):
        assert studio.post(f"{API}/{path}/restore").status_code == 200
    assert progress("achievements", "hunter")["pending"]
    backfilling.run_pending(timezone.now())
    assert progress("achievements", "hunter")["metrics"] == {"kills": 5}
    assert progress("achievements", "hunter").get("pending") is None
    facts = play(1, begin=5)["facts"]
    assert [fact["data"]["id"] for fact in facts if fact["type"] == "achievement.completed"] == ["hunter"]


def test_what_a_player_completed_is_not_completed_again(studio: APIClient) -> None:
    send(studio, "rewards", coins(claim="AUTO"))
    send(studio, "achievements", achievement("hunter", count(threshold=2), rewards=["ten-coins"]))
    play(2)
    studio.delete(f"{API}/achievements/hunter")
    studio.post(f"{API}/achievements/hunter/restore")
    backfilling.run_pending(timezone.now())
    play(2, begin=2)
    assert progress("achievements", "hunter")["is_completed"]
    wallet = game_server().get(f"{API}/players/ann/wallet").json()["results"]
    assert wallet == [{"currency": "gold", "balance": 10, "debt": 0}]


def test_a_run_goes_on_by_the_version_it_began_with(studio: APIClient) -> None:
    send(studio, "quests", quest("trail", step("hunt", count(threshold=2))))
    assert game_server().post(f"{API}/quests/trail/start", {"player_id": "ann"}).status_code == 200
    studio.delete(f"{API}/quests/trail")
    assert studio.post(f"{API}/quests/trail/restore").json()["version"] == 3
    play(2)
    assert (progress("quests", "trail")["status"], progress("quests", "trail")["version"]) == ("COMPLETED", 1)
