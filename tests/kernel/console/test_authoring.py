"""The console: content authored, published and retired through its forms; rows that are only read."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from achievements.models import Achievement
from anticheat.models import Rule
from gamification.kernel.models import IdempotencyKey, Version
from gamification.kernel.web.access import create_key
from progress.models import Level, Metric, MetricCondition
from rewards.models import Currency, Reward
from tests.support.authoring import achievement, coins, count, designer, metric, quest, send, step
from tests.support.console_forms import Form, logged_in, mistakes, of_achievement, requirement, rows, said

pytestmark = pytest.mark.django_db

OURS = {"kernel", "feed", "progress", "rewards", "achievements", "quests", "anticheat"}


@pytest.fixture
def mia(client: Client) -> Client:
    """Mia, who designs games and has never seen the code."""
    return logged_in(client, "mia", "designers")


ADD = "/admin/achievements/achievement/add/"
CHANGE = "/admin/achievements/achievement/hunter/change/"


@pytest.fixture
def game() -> None:
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins())


def test_every_model_can_be_looked_at(admin_client: Client) -> None:
    create_key("the game", [])
    models = [model for model in apps.get_models() if model._meta.app_label in OURS]
    lines = {"metriccondition", "levelreward", "rewarditem", "rewardchance"}
    lines |= {"achievementrequirement", "achievementreward", "achievementprerequisite"}
    lines |= {"step", "questrequirement", "questreward", "poolquest"}
    lines |= {"leftout", "workerheartbeat"}
    lines |= {"answeredplayer", "pseudonymkey"}  # hashes and the key to them
    lines |= {"sharelease"}  # which worker takes which share: the command line says it
    assert {m._meta.model_name for m in models} - {m._meta.model_name for m in admin.site._registry} == lines
    for model in models:
        if model in admin.site._registry:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            response = admin_client.get(reverse(f"{name}_changelist"), {"q": "a"} if model is Metric else {})
            assert response.status_code == 200, name
    for name in ("metric", "level", "reward", "currency", "achievement", "quest", "pool"):
        [model] = [model for model in models if model._meta.model_name == name]
        assert admin_client.get(reverse(f"admin:{model._meta.app_label}_{name}_add")).status_code == 200


@pytest.mark.usefixtures("game")
def test_an_achievement_is_written_as_a_draft_and_then_published(mia: Client) -> None:
    response = mia.post(ADD, of_achievement(requirement(), requirement("ACHIEVEMENT", metric="", threshold="")))
    assert mistakes(response) == {"requirements-1-target": ["ACHIEVEMENT needs this field."]}
    assert not Achievement.objects.exists()

    response = mia.post(ADD, of_achievement(requirement(), requirement("COUNT", duration="7", unit="days")))
    assert response.status_code == 302
    draft = Achievement.objects.get()
    assert (draft.published, draft.has_changes) == (None, True)
    assert not Version.objects.filter(kind="achievement").exists()

    response = mia.post(ADD.replace("add", "hunter/change"), changed({"points": 25}, _publish="1", _reason="Season 2"))
    assert said(response)[-1].startswith("Published hunter as version 1")
    version = Version.objects.get(kind="achievement")
    assert (version.who, version.reason) == ("user:mia", "Season 2")
    assert version.definition["points"] == 25
    assert version.definition["rewards"] == ["ten-coins"]
    assert [r["timeframe"] for r in version.definition["requirements"]] == [None, {"duration": 7, "unit": "days"}]
    draft.refresh_from_db()
    assert (draft.published, draft.has_changes) == (1, False)


def changed(fields: Form, **more: Any) -> Form:
    """The form of `hunter` as it is stored, with these fields changed."""
    draft = Achievement.objects.get(pk="hunter")
    form = of_achievement()
    del form["id"]
    for prefix in ("requirements", "rewards", "prerequisites"):
        lines = list(getattr(draft, prefix).all())
        form |= {f"{prefix}-TOTAL_FORMS": len(lines), f"{prefix}-INITIAL_FORMS": len(lines)}
        for index, line in enumerate(lines):
            form |= {f"{prefix}-{index}-id": line.pk, f"{prefix}-{index}-achievement": "hunter"}
            values = {field.name: field.value_from_object(line) for field in line._meta.concrete_fields[1:]}
            values["position"] += 1  # people count from 1
            form |= {f"{prefix}-{index}-{name}": "" if v is None else v for name, v in values.items()}
    return {**form, **fields, **more}


@pytest.mark.usefixtures("game")
def test_what_publishing_refuses_is_shown_with_its_path_and_the_draft_is_kept(mia: Client) -> None:
    response = mia.post(ADD, of_achievement(requirement(threshold="0"), _publish="1"))
    assert response["Location"] == CHANGE
    saved = "Achievement hunter is saved, but not published: requirements: "
    [message] = [line for line in said(response) if line.startswith(saved)]
    assert "already meets it" in message
    assert Achievement.objects.get().published is None
    assert not Version.objects.filter(kind="achievement").exists()


@pytest.mark.usefixtures("game")
def test_saving_says_what_stands_in_the_way_of_publishing(mia: Client) -> None:
    response = mia.post(ADD, of_achievement(requirement("COUNT", threshold="2.5", operator="eq")))
    assert any("requirements, row 1, threshold: COUNT eq 2.5 can never be met" in line for line in said(response))


@pytest.mark.usefixtures("game")
@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"id": "no spaces"}, "id"),
        ({"title": "  "}, "title"),
        ({"points": "-1"}, "points"),
        ({"metadata": "[1]"}, "metadata"),
        ({"metadata": "{"}, "metadata"),
        ({"match_0": "at_least", "match_1": ""}, "match"),
        ({"tier": "99999"}, "tier"),
        ({"requirements-0-threshold": "many"}, "requirements-0-threshold"),
        ({"requirements-0-threshold": ""}, "requirements-0-threshold"),
        ({"requirements-0-metric": "nothing"}, "requirements-0-metric"),
        ({"requirements-0-metric": ""}, "requirements-0-metric"),
        ({"requirements-0-type": "LEVEL"}, "requirements-0-type"),
        ({"requirements-0-duration": "5"}, "requirements-0-unit"),
        ({"requirements-0-duration": "0", "requirements-0-unit": "days"}, "requirements-0-duration"),
    ],
)
def test_a_mistake_stands_next_to_its_field(mia: Client, fields: Form, name: str) -> None:
    response = mia.post(ADD, {**of_achievement(requirement()), **fields})
    assert response.status_code == 200
    assert list(mistakes(response)) == [name]
    assert not Achievement.objects.exists()


@pytest.mark.usefixtures("game")
def test_a_match_of_at_least_some_requirements_is_written_and_shown(mia: Client) -> None:
    mia.post(ADD, of_achievement(requirement(), requirement(threshold="20"), match_0="at_least", match_1="1"))
    assert Achievement.objects.get().match == {"at_least": 1}
    page = mia.get(CHANGE)
    assert page.context["adminform"].form["match"].value() == {"at_least": 1}


@pytest.mark.usefixtures("game")
def test_a_secret_should_have_a_dull_id(mia: Client) -> None:
    response = mia.post(ADD, of_achievement(requirement(), type="SECRET"))
    assert any("gives nothing away" in line for line in said(response))


def test_a_metric_is_written_without_knowing_json(mia: Client) -> None:
    conditions = [
        {"field": "weapon", "op": "eq", "value": "bow"},
        {"field": "level", "op": "gte", "value": "5"},
        {"field": "code", "op": "eq", "value": '"5"'},
        {"field": "kind", "op": "in", "value": "wolf,bear"},
        {"field": "boss", "op": "exists", "value": ""},
    ]
    form = {
        "id": "bow-kills", "name": "Bow kills", "description": "", "unit": "", "event_type": "enemy.killed",
        "value_field": "", "member_field": "", "reported_by": "SERVER", **rows("conditions", *conditions),
    }  # fmt: skip
    response = mia.post("/admin/progress/metric/add/", {**form, "_publish": "1"})
    assert said(response)[-1].startswith("Published bow-kills as version 1"), said(response)
    definition = Version.objects.get().definition
    assert [c["value"] for c in definition["conditions"]] == ["bow", 5, "5", ["wolf", "bear"], True]
    page = mia.get("/admin/progress/metric/bow-kills/change/")
    shown = [str(row["value"].value()) for row in page.context["inline_admin_formsets"][0].formset.forms]
    assert shown == ["bow", "5", '"5"', "wolf, bear", "true"]

    bad = mia.post("/admin/progress/metric/add/", {**form, "id": "other", "conditions-1-value": "five"})
    assert list(mistakes(bad)) == ["conditions-1-value"]
    bad = mia.post("/admin/progress/metric/add/", {**form, "id": "other", "event_type": "Enemy Killed"})
    assert list(mistakes(bad)) == ["event_type"]
    assert MetricCondition.objects.count() == 5


def test_rewards_levels_and_currencies_are_written_and_published(mia: Client) -> None:
    gold = {"id": "gold", "name": "Gold", "on_revoke": "CLAMP", "_publish": "1"}
    mia.post("/admin/rewards/currency/add/", gold)
    assert Currency.objects.get().published == 1

    blank = {"value": 0, "currency": "", "claim": "AUTO", "claim_within": "", "expires_at": ""}
    blank |= {"metadata": "", **rows("items"), **rows("table"), "_publish": "1"}
    mia.post("/admin/rewards/reward/add/", {**blank, "id": "ten", "type": "CURRENCY", "value": 10, "currency": "gold"})
    hat = rows("items", {"item_id": "hat", "type": "", "quantity": 2, "metadata": ""})
    mia.post("/admin/rewards/reward/add/", {**blank, "id": "hat", "type": "ITEM", **hat})
    table = rows("table", {"reward": "ten", "weight": 3}, {"reward": "hat", "weight": 1})
    mia.post("/admin/rewards/reward/add/", {**blank, "id": "chest", "type": "RANDOM", **table})
    assert list(Reward.objects.order_by("id").values_list("id", "published")) == [("chest", 1), ("hat", 1), ("ten", 1)]
    assert Version.objects.get(content_id="hat").definition["items"][0] == {
        "id": "hat", "type": "", "quantity": 2, "metadata": {},
    }  # fmt: skip

    level = {
        "level": 2,
        "xp": 100,
        "tags": "mid-game, xp mid-game",
        **rows("rewards", {"reward": "ten"}, {"reward": "ten"}),
        "_publish": "1",
    }
    mia.post("/admin/progress/level/add/", level)
    assert Level.objects.get().published == 1
    assert Version.objects.get(kind="level").definition == {
        "level": 2, "xp": 100, "rewards": ["ten", "ten"], "tags": ["mid-game", "xp"],
    }  # fmt: skip
    assert mia.get("/admin/progress/level/2/change/").status_code == 200


@pytest.mark.usefixtures("game")
def test_an_edited_draft_is_marked_as_changed(mia: Client) -> None:
    send(designer(), "achievements", achievement("hunter", rewards=["ten-coins"]))
    page = mia.get("/admin/achievements/achievement/")
    assert "published v1<" in page.content.decode()
    mia.post(CHANGE, changed({"points": "77"}))
    page = mia.get("/admin/achievements/achievement/?state=changed")
    assert "published v1, changed since" in page.content.decode()
    assert Version.objects.get(kind="achievement").definition["points"] == 0


@pytest.mark.usefixtures("game")
def test_the_history_is_shown(mia: Client) -> None:
    send(designer(), "achievements", achievement("hunter"))
    page = mia.get(CHANGE).content.decode()
    assert "by key " in page
    assert "Save and publish" in page


@pytest.mark.usefixtures("game")
def test_content_that_is_selected_is_published_and_retired(mia: Client) -> None:
    client = designer()
    send(client, "achievements", achievement("one", draft=True), achievement("two", draft=True))
    here = "/admin/achievements/achievement/"
    mia.post(here, {"action": "publish_selected", "_selected_action": ["one", "two"], "reason": "both"})
    assert Version.objects.filter(kind="achievement", who="user:mia", reason="both").count() == 2
    mia.post(here, {"action": "retire_selected", "_selected_action": ["one"]})
    assert Achievement.objects.get(pk="one").retired_at is not None
    response = mia.post("/admin/progress/metric/", {"action": "retire_selected", "_selected_action": ["kills"]})
    assert any("still needed by achievement two" in line for line in said(response))
    assert Metric.objects.get().retired_at is None
    assert mia.post(here + "one/delete/").status_code == 403


BUTTONS = ('value="retire_selected"', 'value="restore_selected"')


@pytest.mark.usefixtures("game")
def test_what_was_retired_is_restored(mia: Client) -> None:
    send(designer(), "achievements", achievement("one", tags=["boss"]))
    here = "/admin/achievements/achievement/"
    page = mia.get(f"{here}one/change/").content.decode()
    assert [verb in page for verb in BUTTONS] == [True, False]
    mia.post(here, {"action": "retire_selected", "_selected_action": ["one"]})
    page = mia.get(f"{here}one/change/").content.decode()
    assert [verb in page for verb in BUTTONS] == [False, True]
    response = mia.post(here, {"action": "restore_selected", "_selected_action": ["one"], "reason": "missed"})
    assert said(response) == ["Restored one."]
    assert Version.objects.get(kind="achievement", number=3).reason == "missed"
    assert ">one<" in mia.get(f"{here}?tag=boss").content.decode()


def test_what_is_odd_is_said_as_it_is_published(mia: Client) -> None:
    send(designer(), "rewards", {"id": "nothing", "type": "XP", "value": 0, "draft": True})
    page = {"action": "publish_selected", "_selected_action": ["nothing"]}
    lines = said(mia.post("/admin/rewards/reward/", page))
    assert [line.partition(" ")[0] for line in lines] == ["nothing:", "Published"]


def test_a_rule_against_cheats_is_written(client: Client) -> None:
    logged_in(client, "rob", "reviewers")
    form = {
        "name": "slow-down", "kind": "COOLDOWN", "metric": "", "event_type": "enemy.killed", "minimum": "",
        "maximum": "", "seconds": "", "action": "HOLD", "is_enabled": "on",
    }  # fmt: skip
    response = client.post("/admin/anticheat/rule/add/", form)
    assert list(mistakes(response)) == ["seconds"]
    assert client.post("/admin/anticheat/rule/add/", {**form, "seconds": "2"}).status_code == 302
    assert Rule.objects.get(name="slow-down").seconds == 2


def test_secrets_are_never_shown(admin_client: Client) -> None:
    key, text = create_key("the game", ["events:write"])
    page = admin_client.get(f"/admin/kernel/apikey/{key.pk}/change/").content.decode()
    assert key.prefix in page
    assert key.hashed_secret not in page
    assert text.split(".")[1] not in page
    answer = IdempotencyKey.objects.create(caller="key:1", key="k", fingerprint="f", body='{"token": "eyJ"}')
    assert "eyJ" not in admin_client.get(f"/admin/kernel/idempotencykey/{answer.pk}/change/").content.decode()


def test_a_key_that_is_selected_is_revoked(admin_client: Client) -> None:
    key, _ = create_key("the game", [])
    admin_client.post("/admin/kernel/apikey/", {"action": "revoke_selected", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert key.revoked_at <= timezone.now()


@pytest.mark.parametrize(
    ("group", "path", "status"),
    [
        ("designers", ADD, 200),
        ("designers", "/admin/rewards/wallet/", 403),
        ("reviewers", ADD, 403),
        ("reviewers", "/admin/anticheat/finding/", 200),
        ("support", ADD, 403),
        ("support", "/admin/rewards/distribution/", 200),
        ("analysts", "/admin/progress/player/", 200),
        ("analysts", "/admin/kernel/apikey/", 403),
        ("analysts", ADD, 403),
    ],
)
def test_each_group_has_its_screens(client: Client, group: str, path: str, status: int) -> None:
    assert logged_in(client, "someone", group).get(path).status_code == status


@pytest.mark.usefixtures("game")
@pytest.mark.parametrize("group", ["reviewers", "support", "analysts"])
def test_who_only_reads_content_cannot_publish_it(client: Client, group: str) -> None:
    send(designer(), "achievements", achievement("hunter", draft=True))
    logged_in(client, "someone", group)
    page = client.get(CHANGE)
    assert page.status_code == 200
    assert "Save and publish" not in page.content.decode()
    here = "/admin/achievements/achievement/"
    client.post(here, {"action": "publish_selected", "_selected_action": ["hunter"]})
    assert client.post(CHANGE, {"_publish": "1"}).status_code == 403
    assert Achievement.objects.get().published is None


def test_a_draft_that_names_what_is_not_there_can_be_looked_at_and_mended(mia: Client) -> None:
    studio = designer()
    ghosts = {"rewards": ["ghost"], "prerequisites": ["ghost"]}
    send(studio, "achievements", {**achievement("one", count("ghost")), **ghosts, "draft": True})
    send(studio, "quests", quest("two", step("go", count("ghost"), rewards=["ghost"]), draft=True))
    send(studio, "rewards", {"id": "three", "type": "RANDOM", "table": [{"reward": "ghost"}], "draft": True})
    send(studio, "levels", {"level": 1, "xp": 0, "rewards": ["ghost"], "draft": True})
    send(studio, "pools", {"id": "four", "quests": ["ghost"], "draft": True})
    for page in ("achievements/achievement/one", "quests/quest/two", "rewards/reward/three", "progress/level/1",
                 "quests/pool/four"):  # fmt: skip
        assert mia.get(f"/admin/{page}/change/").status_code == 200, page
    lines = said(mia.post("/admin/quests/quest/", {"action": "publish_selected", "_selected_action": ["two"]}))
    assert any("There is no published metric 'ghost'" in line for line in lines)
