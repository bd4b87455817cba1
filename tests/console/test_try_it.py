"""*Try it*: events from a form, what they come to in words, and an example kept with one click."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from achievements.models import Achievement
from gamification import pipeline
from gamification.kernel.core.messages import GameEvent
from tests.support import game
from tests.support.authoring import achievement, coins, designer, metric, send

pytestmark = pytest.mark.django_db

PAGE = "/admin/try-it/"
TWO = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 2}


@pytest.fixture
def mia() -> Client:
    """A designer, with an achievement that is a draft."""
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins())
    two = {"id": "two", "title": "The two", "requirements": [TWO], "rewards": ["ten-coins"], "draft": True}
    game.send(designer(), "achievements", two)
    user = User.objects.create_user("mia", is_staff=True)
    user.groups.add(Group.objects.get(name="designers"))
    client = Client()
    client.force_login(user)
    return client


def typed(*rows: dict[str, Any], **fields: str) -> dict[str, str]:
    found = {"form-TOTAL_FORMS": str(len(rows)), "form-INITIAL_FORMS": "0", "drafts": "all", **fields}
    for n, row in enumerate(rows):
        found |= {f"form-{n}-{name}": str(value) for name, value in row.items()}
    return found


def kill(**row: Any) -> dict[str, Any]:
    return {"type": "enemy.killed", "with_data": '{"weapon": "bow"}', **row}


def run(client: Client, *rows: dict[str, Any], **fields: str) -> Any:
    return client.post(PAGE, typed(*rows, **fields, _run="1"))


def test_it_says_step_by_step_what_happens(mia: Client) -> None:
    page = run(mia, kill(), kill(after="20"))
    assert page.status_code == 200
    answer = page.context["answer"]
    assert (answer["count"], answer["unlocks"]) == (2, 1)
    first, second = answer["steps"]
    assert first["data"] == "weapon bow"
    assert first["lines"] == ["Kills: 1", "The two: 0 → 1 (Kills: at least 2 times)"]
    assert second["unlocks"][0] == "unlocks The two (0 points)"
    assert (second["at"] - first["at"]).total_seconds() == 20 * 60
    assert "The two" in page.content.decode()


def test_what_moved_and_what_did_not_count_is_said_in_words_and_not_in_ids(mia: Client) -> None:
    weather = {"field": "weather", "op": "in", "value": ["gale", "storm"]}
    wound = {"field": "wound", "op": "exists", "value": True}
    damage = metric("damage", name="Damage dealt", value_field="damage", conditions=[weather])
    send(designer(), "metrics", damage)
    send(designer(), "metrics", metric("wounds", name="Wounds", conditions=[wound]))
    send(designer(), "achievements", achievement("mighty", {**TWO, "type": "SUM", "metric": "damage"}, title="Mighty"))
    sent = {"type": "enemy.killed", "with_data": '{"weather": "storm", "damage": 1500000}'}
    calm = {"type": "enemy.killed", "with_data": '{"weather": "calm", "damage": 1}'}
    page = run(mia, sent, calm)
    first, second = page.context["answer"]["steps"]
    assert "Damage dealt: 1,500,000" in first["lines"]
    assert "Mighty: 0 → 1,500,000 (Damage dealt: at least 2 altogether), met" in first["lines"]
    assert "not counted by Wounds: data.wound is absent, it asks for any value" in first["lines"]
    assert "not counted by Damage dealt: data.weather is calm, it asks for one of gale, storm" in second["lines"]
    assert ">Type</label>" in page.content.decode()


def test_an_event_may_come_several_times_once_a_day(mia: Client) -> None:
    steps = run(mia, kill(times="5", every="day")).context["answer"]["steps"]
    assert [(step["at"] - steps[0]["at"]).days for step in steps] == [0, 1, 2, 3, 4]


def test_live_rules_alone_know_of_no_draft(mia: Client) -> None:
    assert run(mia, kill(times="2"), drafts="none").context["answer"]["unlocks"] == 0


def test_it_opens_with_the_draft_that_it_is_about(mia: Client) -> None:
    page = mia.get(f"{PAGE}?draft=achievement:two")
    assert ("achievement:two", "Live, with the draft of two") in page.context["form"].fields["drafts"].choices
    answer = run(mia, kill(times="2"), draft="achievement:two", drafts="achievement:two").context["answer"]
    assert answer["unlocks"] == 1


def test_what_is_wrong_stands_at_its_field(mia: Client) -> None:
    page = run(mia, kill(with_data="{"), {"type": "quest.completed"})
    assert [sorted(row.errors) for row in page.context["rows"]] == [["with_data"], ["type"]]
    page = run(mia, {"type": "Enemy Killed"})
    assert page.context["refused"][0].startswith("events[0].type")


def test_more_rows_come_by_buttons(mia: Client) -> None:
    page = mia.post(PAGE, typed(kill(), _add="1"))
    assert [row.initial.get("type", "") for row in page.context["rows"]] == ["enemy.killed", ""]
    page = mia.post(PAGE, typed(kill(), _shape="1", shape='bell.rung {"bell":"chapel"}'))
    assert page.context["rows"][1].initial == {"type": "bell.rung", "with_data": '{"bell":"chapel"}'}


def test_recorded_events_give_their_shapes(mia: Client) -> None:
    for n in range(3):
        event = GameEvent(f"e{n}", "ann", "bell.rung", {"bell": f"b{n}"}, timezone.now())
        pipeline.process([event], now=timezone.now())
    assert mia.get(PAGE).context["shapes"] == [("bell.rung", '{"bell":"b2"}')]


def test_an_example_is_kept_with_one_click_and_publishing_runs_it(mia: Client) -> None:
    page = run(mia, kill(), kill(after="1"), draft="achievement:two")
    assert page.context["bearers"] == [("achievement:two", "two")]
    kept = mia.post(PAGE, {"_keep": "1", "of": "achievement:two", "name": "two", "example": page.context["example"]})
    assert kept["Location"].endswith("/achievements/achievement/two/change/")
    [example] = Achievement.objects.get(pk="two").examples
    assert [event["at"] for event in example["events"]] == [0, 60]
    assert {"type": "achievement.completed", "id": "two"} in example["expect"]
    published = designer().post("/api/v1/achievements/two/publish", {})
    assert published.status_code == 200, published.content
    refused = designer().patch("/api/v1/achievements/two", {"requirements": [{**TWO, "threshold": 3}]})
    assert refused.json()["code"] == "example_failed"


def test_who_may_not_see_players_tries_with_nobody(mia: Client) -> None:
    assert "player_id" not in mia.get(PAGE).context["form"].fields
    answer = run(mia, kill(times="2"), player_id="ann").context["answer"]
    assert answer["player_id"] == ""


def test_who_may_sees_a_players_last_day(mia: Client, admin_client: Client) -> None:
    now = timezone.now()
    pipeline.process([GameEvent("e1", "ann", "enemy.killed", {}, now)], now=now)
    page = admin_client.post(PAGE, typed(player_id="ann", _last_day="1"))
    assert [row.initial["type"] for row in page.context["rows"]] == ["enemy.killed"]
    answer = run(admin_client, kill(), player_id="ann").context["answer"]
    assert answer["player_id"] == "ann"
    assert answer["unlocks"] == 1


def test_nothing_of_it_happens(mia: Client) -> None:
    before = game.contents()
    run(mia, kill(times="2"))
    assert game.contents() == before


def test_who_may_see_no_content_may_not_try_it(mia: Client) -> None:
    other = Client()
    other.force_login(User.objects.create_user("kim", is_staff=True))
    assert other.get(PAGE).status_code == 403
    sam = User.objects.create_user("sam", is_staff=True)
    sam.groups.add(Group.objects.get(name="analysts"))
    other.force_login(sam)
    assert run(other, kill(times="2")).context["bearers"] == []
    kept = other.post(
        PAGE, {"_keep": "1", "of": "achievement:two", "example": json.dumps({"events": [], "expect": []})}
    )
    assert kept.status_code == 403
