"""Quests and pools as they are authored over HTTP, and what of them a player may see."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from gamification.kernel.models import OutboxFact, Version
from quests.models import Pool, Quest, QuestRequirement, QuestReward, Step
from tests.support.authoring import (
    Json,
    achievement,
    coins,
    count,
    designer,
    errors,
    metric,
    needs,
    player,
    quest,
    send,
    step,
    unlock,
)

pytestmark = pytest.mark.django_db

API = "/api/v1"
DAY = {"duration": 1, "unit": "days"}
WHOLE: Json = {
    "id": "trail",
    "title": "The trail",
    "description": "Follow it",
    "type": "MAIN",
    "difficulty": "HARD",
    "steps": [
        {
            "id": "hunt",
            "title": "Hunt",
            "description": "Ten of them",
            "order": 1,
            "requirements": [count(timeframe=DAY), count("deaths", 3)],
            "match": {"at_least": 1},
            "rewards": ["ten-coins", "ten-coins"],
            "is_optional": False,
            "branch": "by force",
            "completed_by": "SERVER",
        },
        {
            "id": "talk",
            "title": "Talk",
            "description": "",
            "order": 1,
            "requirements": [],
            "match": "ALL",
            "rewards": [],
            "is_optional": False,
            "branch": "by wit",
            "completed_by": "PLAYER",
        },
    ],
    "rewards": ["ten-coins"],
    "requirements": [{"type": "LEVEL", "operator": "gte", "threshold": 2}],
    "fail_conditions": [count("deaths", 5, timeframe=None)],
    "time_limit": 3600,
    "start_date": "2026-01-01T00:00:00Z",
    "end_date": "2099-01-01T00:00:00Z",
    "repeat": "DAILY",
    "cooldown": 60,
    "auto_start": True,
    "is_active": False,
    "min_seconds": 600,
    "tags": ["winter"],
    "examples": [],
    "metadata": {"map": "north"},
}


@pytest.fixture
def studio() -> APIClient:
    client = designer()
    send(client, "metrics", metric("kills"), metric("deaths"))
    send(client, "rewards", coins())
    return client


def canonical(body: Json) -> Json:
    return {name: body[name] for name in WHOLE}


def test_a_quest_is_created_and_published_with_everything_it_says(studio: APIClient) -> None:
    response = studio.post(f"{API}/quests", WHOLE)
    assert response.status_code == 201, response.content
    body = response.json()
    assert (body["version"], body["draft"], body["backfill_id"]) == (1, False, None)
    said: Json = {**WHOLE, "steps": [{**WHOLE["steps"][0]}, WHOLE["steps"][1]]}
    said["steps"][0]["requirements"] = [count(timeframe=DAY), count("deaths", 3, timeframe=None)]
    assert canonical(body) == said
    assert Version.objects.get(kind="quest").definition == said
    assert canonical(studio.get(f"{API}/quests/trail").json()) == said


def test_what_is_left_out_gets_its_default(studio: APIClient) -> None:
    send(studio, "quests", {"id": "plain", "title": "Plain", "steps": [{"id": "go", "title": "Go"}]})
    assert canonical(studio.get(f"{API}/quests/plain").json()) == {
        "id": "plain", "title": "Plain", "description": "", "type": "SIDE", "difficulty": "NORMAL",
        "steps": [
            {
                "id": "go", "title": "Go", "description": "", "order": 1, "requirements": [], "match": "ALL",
                "rewards": [], "is_optional": False, "branch": None, "completed_by": "SERVER",
            }
        ],
        "rewards": [], "requirements": [], "fail_conditions": [], "time_limit": None, "start_date": None,
        "end_date": None, "repeat": "NEVER", "cooldown": None, "auto_start": False, "is_active": True, "metadata": {},
        "min_seconds": None, "tags": [], "examples": [],
    }  # fmt: skip


def test_a_draft_is_kept_changed_and_published_with_a_reason(studio: APIClient) -> None:
    body = studio.post(f"{API}/quests", {"id": "plan", "title": "Only a plan", "draft": True}).json()
    assert (body["version"], body["draft"], body["steps"]) == (None, True, [])
    refused = studio.post(f"{API}/quests/plan/publish", {})
    assert (refused.status_code, errors(refused)) == (400, {("steps", "no_steps")})
    assert not Version.objects.filter(kind="quest").exists()

    studio.patch(f"{API}/quests/plan", {"steps": [step("hunt", count())], "draft": True})
    assert not Version.objects.filter(kind="quest").exists()
    published = studio.post(f"{API}/quests/plan/publish", {"reason": "season 2"}).json()
    assert (published["version"], published["draft"]) == (1, False)
    changed = studio.patch(f"{API}/quests/plan", {"difficulty": "EASY"}).json()
    assert (changed["version"], changed["difficulty"], len(changed["steps"])) == (2, "EASY", 1)
    versions = studio.get(f"{API}/quests/plan/versions").json()["results"]
    assert [(v["number"], v["reason"], v["definition"]["difficulty"]) for v in versions] == [
        (2, "", "EASY"), (1, "season 2", "NORMAL"),
    ]  # fmt: skip


def test_publishing_states_what_was_created_and_updated(studio: APIClient) -> None:
    send(studio, "quests", quest("trail"))
    studio.patch(f"{API}/quests/trail", {"is_active": False})
    studio.patch(f"{API}/quests/trail", {"is_active": False})
    stated = OutboxFact.objects.order_by("id").values_list("type", "player_id", "data")
    data = {"id": "trail", "title": "Trail", "type": "SIDE", "difficulty": "NORMAL"}
    assert list(stated) == [
        ("quest.created", "", {**data, "is_active": True, "version": 1}),
        ("quest.updated", "", {**data, "is_active": False, "version": 2}),
    ]


def test_a_pool_is_created_changed_and_read(studio: APIClient) -> None:
    send(studio, "quests", quest("one"), quest("two"), quest("three"))
    send(studio, "pools", {"id": "daily", "quests": ["two", "one"]})
    body = studio.get(f"{API}/pools/daily").json()
    assert (body["quests"], body["pick"], body["period"], body["version"]) == (["two", "one"], 1, "DAILY", 1)
    body = studio.patch(f"{API}/pools/daily", {"quests": ["three", "one"], "pick": 2, "period": "WEEKLY"}).json()
    assert (body["quests"], body["pick"], body["period"], body["version"]) == (["three", "one"], 2, "WEEKLY", 2)
    send(studio, "pools", {"id": "idle", "draft": True})
    assert [row["id"] for row in studio.get(f"{API}/pools").json()["results"]] == ["daily", "idle"]
    assert [row["id"] for row in studio.get(f"{API}/pools?period=WEEKLY").json()["results"]] == ["daily"]
    assert [row["id"] for row in player().get(f"{API}/pools").json()["results"]] == ["daily"]


def test_what_a_quest_needs_is_not_retired_before_it(studio: APIClient) -> None:
    send(studio, "quests", quest("trail", step("hunt", count(), rewards=["ten-coins"])))
    send(studio, "pools", {"id": "daily", "quests": ["trail"]})
    send(studio, "achievements", achievement("trailed", needs("QUEST", "trail")))
    for path, needing in (
        ("metrics/kills", {("quests[trail].steps[0].requirements[0].metric", "unknown_metric")}),
        ("rewards/ten-coins", {("quests[trail].steps[0].rewards[0]", "unknown_reward")}),
        (
            "quests/trail",
            {("pools[daily].quests[0]", "unknown_quest"), ("achievements[trailed].requirements[0].target", UNKNOWN)},
        ),
    ):
        response = studio.delete(f"{API}/{path}")
        assert (response.status_code, errors(response)) == (409, needing), path
    for path in ("pools/daily", "achievements/trailed", "quests/trail", "metrics/kills", "rewards/ten-coins"):
        assert studio.delete(f"{API}/{path}").status_code == 204, path
    assert studio.get(f"{API}/quests/trail").status_code == 404
    assert studio.post(f"{API}/quests", quest("trail")).json()["code"] == "already_exists"


UNKNOWN = "unknown_target"


def test_a_draft_may_name_what_is_not_there_yet(studio: APIClient) -> None:
    one = step("one", count("nothing"), needs("ACHIEVEMENT", "later"), rewards=["nothing"])
    send(studio, "quests", quest("trail", one, fail_conditions=[count("none")], draft=True))
    response = studio.post(f"{API}/quests/trail/publish", {})
    assert errors(response) == {
        ("steps[0].requirements[0].metric", "unknown_metric"),
        ("steps[0].requirements[1].target", UNKNOWN),
        ("steps[0].rewards[0]", "unknown_reward"),
        ("fail_conditions[0].metric", "unknown_metric"),
    }
    send(studio, "pools", {"id": "p", "quests": ["none"], "draft": True})
    assert errors(studio.post(f"{API}/pools/p/publish", {})) == {("quests[0]", "unknown_quest")}


def test_quests_and_achievements_may_name_each_other(studio: APIClient) -> None:
    send(studio, "achievements", achievement("hunter"))
    send(studio, "quests", quest("trail", step("go", needs("ACHIEVEMENT", "hunter"))))
    send(studio, "achievements", achievement("trailed", needs("QUEST", "trail")))
    send(studio, "quests", quest("next", requirements=[needs("QUEST", "trail"), needs("ACHIEVEMENT", "trailed")]))
    assert Version.objects.filter(kind="quest").count() == 2


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"version": 3}, "version", "read_only"),
        ({"id": "no spaces"}, "id", "invalid"),
        ({"title": ""}, "title", "blank"),
        ({"type": "main"}, "type", "invalid_choice"),
        ({"difficulty": "IMPOSSIBLE"}, "difficulty", "invalid_choice"),
        ({"repeat": "YEARLY"}, "repeat", "invalid_choice"),
        ({"time_limit": 0}, "time_limit", "min_value"),
        ({"time_limit": "60"}, "time_limit", "invalid"),
        ({"time_limit": 2**31}, "time_limit", "max_value"),
        ({"cooldown": 0}, "cooldown", "min_value"),
        ({"cooldown": 1.5}, "cooldown", "invalid"),
        ({"start_date": "tomorrow"}, "start_date", "invalid"),
        ({"end_date": "2026-01-01"}, "end_date", "invalid"),
        ({"auto_start": 1}, "auto_start", "invalid"),
        ({"is_active": None}, "is_active", "null"),
        ({"metadata": []}, "metadata", "not_a_dict"),
        ({"rewards": "ten-coins"}, "rewards", "not_a_list"),
        ({"steps": {}}, "steps", "not_a_list"),
        ({"steps": ["hunt"]}, "steps[0]", "invalid"),
        ({"steps": [step("a"), {"title": "B"}]}, "steps[1].id", "required"),
        ({"steps": [step("a", colour="red")]}, "steps[0].colour", "unknown_field"),
        ({"steps": [step("a", order="1")]}, "steps[0].order", "invalid"),
        ({"steps": [step("a", order=-1)]}, "steps[0].order", "min_value"),
        ({"steps": [step("a", order=2**15)]}, "steps[0].order", "max_value"),
        ({"steps": [step("a/b")]}, "steps[0].id", "invalid"),
        ({"steps": [step("a"), step("b"), step("a")]}, "steps[2].id", "duplicate_step"),
        ({"steps": [step("a", completed_by="GAME")]}, "steps[0].completed_by", "invalid_choice"),
        ({"steps": [step("a", is_optional="no")]}, "steps[0].is_optional", "invalid"),
        ({"steps": [step("a", branch=5)]}, "steps[0].branch", "invalid"),
        ({"steps": [step("a", match={"at_least": 0})]}, "steps[0].match.at_least", "min_value"),
        ({"steps": [step("a", count(threshold="5"))]}, "steps[0].requirements[0].threshold", "invalid"),
        ({"steps": [step("a")] * 101}, "steps", "max_length"),
        ({"requirements": [{"type": "LEVEL"}]}, "requirements[0].threshold", "required"),
        ({"fail_conditions": [count(), {"type": "QUEST"}]}, "fail_conditions[1].target", "required"),
    ],
)
@pytest.mark.parametrize("draft", [False, True])
def test_a_quest_of_another_shape_is_refused(
    studio: APIClient, fields: Json, path: str, code: str, draft: bool
) -> None:
    response = studio.post(f"{API}/quests", {**quest(), **fields, "draft": draft})
    assert response.status_code == 400
    assert (path, code) in errors(response)
    assert not Quest.objects.exists()
    assert not Version.objects.filter(kind="quest").exists()


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"quests": "trail"}, "quests", "not_a_list"),
        ({"quests": [1]}, "quests[0]", "invalid"),
        ({"pick": 0}, "pick", "min_value"),
        ({"pick": True}, "pick", "invalid"),
        ({"pick": 2**15}, "pick", "max_value"),
        ({"period": "MONTHLY"}, "period", "invalid_choice"),
        ({"title": "Daily"}, "title", "unknown_field"),
    ],
)
def test_a_pool_of_another_shape_is_refused(studio: APIClient, fields: Json, path: str, code: str) -> None:
    send(studio, "quests", quest("trail"))
    response = studio.post(f"{API}/pools", {"id": "daily", "quests": ["trail"], **fields})
    assert response.status_code == 400
    assert (path, code) in errors(response)
    assert not Pool.objects.exists()


def test_lists_are_filtered_and_searched(studio: APIClient) -> None:
    send(
        studio,
        "quests",
        quest("alpha", type="MAIN", description="Sharp eyes"),
        quest("beta", difficulty="EXPERT", is_active=False, auto_start=True),
        quest("gamma", type="MAIN", repeat="WEEKLY"),
    )
    for client in (studio, player()):
        found = {
            query: [row["id"] for row in client.get(f"{API}/quests?{query}").json()["results"]]
            for query in (
                "", "type=MAIN", "difficulty=EXPERT", "is_active=false", "auto_start=true", "repeat=WEEKLY", "q=EYES",
                "text=gam",
            )
        }  # fmt: skip
        assert found == {
            "": ["alpha", "beta", "gamma"], "type=MAIN": ["alpha", "gamma"], "difficulty=EXPERT": ["beta"],
            "is_active=false": ["beta"], "auto_start=true": ["beta"], "repeat=WEEKLY": ["gamma"], "q=EYES": ["alpha"],
            "text=gam": ["gamma"],
        }  # fmt: skip
    assert studio.get(f"{API}/quests?difficulty=MAYBE").status_code == 400


def test_a_player_reads_of_no_hidden_achievement_in_a_quest(studio: APIClient) -> None:
    send(studio, "achievements", achievement("s-1", type="SECRET", rewards=["ten-coins"]), achievement("open"))
    send(studio, "quests", quest("s-1"))  # whose id is nobody's secret
    secret = needs("ACHIEVEMENT", "s-1")
    send(
        studio,
        "quests",
        quest(
            "trail", step("hunt", secret, count(), needs("QUEST", "s-1")),
            requirements=[needs("ACHIEVEMENT", "open"), secret], fail_conditions=[secret, count("deaths")],
        ),
    )  # fmt: skip

    def told(client: APIClient) -> list[list[str]]:
        body = client.get(f"{API}/quests/trail").json()
        assert [row for row in client.get(f"{API}/quests").json()["results"] if row["id"] == "trail"] == [body]
        lists = (body["steps"][0]["requirements"], body["requirements"], body["fail_conditions"])
        return [[r["type"] for r in each] for each in lists]

    ann = player("ann")
    whole = [["ACHIEVEMENT", "COUNT", "QUEST"], ["ACHIEVEMENT"] * 2, ["ACHIEVEMENT", "COUNT"]]
    assert told(studio) == whole
    assert told(ann) == [["COUNT", "QUEST"], ["ACHIEVEMENT"], ["COUNT"]]
    unlock("ann", "s-1")
    assert told(ann) == whole


def test_what_a_quest_names_is_not_hidden_with_the_secret_that_names_it_too(studio: APIClient) -> None:
    send(studio, "metrics", metric("cows"), metric("moos"))
    send(studio, "rewards", coins("horn"), coins("bell"), coins("hay"))
    secret = achievement("s-1", count("cows"), count("moos"), count("deaths"), type="SECRET")
    send(studio, "achievements", {**secret, "rewards": ["horn", "bell", "hay"]})

    def seen(plural: str) -> list[str]:
        return [row["id"] for row in player("ann").get(f"{API}/{plural}").json()["results"]]

    assert (seen("metrics"), seen("rewards")) == (["kills"], ["ten-coins"])
    herd = quest("herd", step("one", count("cows"), rewards=["horn"]), fail_conditions=[count("deaths")])
    send(studio, "quests", {**herd, "rewards": ["bell"], "requirements": [count()]})
    assert seen("metrics") == ["cows", "deaths", "kills"]
    assert seen("rewards") == ["bell", "horn", "ten-coins"]


def test_players_and_readers_change_nothing(studio: APIClient) -> None:
    send(studio, "quests", quest("trail"), quest("draft", draft=True))
    ann = player()
    assert ann.get(f"{API}/quests/draft").status_code == 404
    assert ann.post(f"{API}/quests", quest("new")).status_code == 403
    assert ann.patch(f"{API}/quests/trail", {"title": "Mine"}).status_code == 403
    assert ann.delete(f"{API}/quests/trail").status_code == 403
    assert ann.get(f"{API}/quests/trail/versions").status_code == 403
    assert Quest.objects.get(pk="trail").title == "Trail"


def test_serials_are_given_once(studio: APIClient) -> None:
    send(studio, "quests", quest("alpha"), quest("beta"))
    before = dict(Quest.objects.values_list("id", "serial"))
    studio.patch(f"{API}/quests/alpha", {"type": "MAIN"})
    studio.delete(f"{API}/quests/beta")
    send(studio, "quests", quest("gamma"))
    after = dict(Quest.objects.values_list("id", "serial"))
    assert {id_: after[id_] for id_ in before} == before
    assert len(set(after.values())) == 3


def test_saving_again_leaves_no_rows_behind(studio: APIClient) -> None:
    send(studio, "quests", WHOLE)
    studio.patch(f"{API}/quests/trail", {"steps": [step("only", count())], "rewards": [], "requirements": []})
    assert list(Step.objects.values_list("step_id", flat=True)) == ["only"]
    assert sorted(QuestRequirement.objects.values_list("role", "step")) == [("FAIL", ""), ("STEP", "only")]
    assert not QuestReward.objects.exists()
