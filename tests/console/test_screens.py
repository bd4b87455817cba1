"""The console's screens as people meet them: where things stand, what a single row lets them do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from achievements.models import Achievement, AchievementRequirement, AchievementReward
from anticheat.models import Finding
from gamification.kernel.console.readonly_admin import page_of
from gamification.kernel.models import Event, Version
from progress.models import Backfill, Metric, Player
from tests.support.authoring import achievement, coins, designer, metric, send

pytestmark = pytest.mark.django_db

HUNTER = "/admin/achievements/achievement/hunter/change/"


def person(client: Client, group: str) -> Client:
    user = User.objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    return client


@pytest.fixture
def game() -> None:
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins(), coins("five-coins"))
    send(designer(), "achievements", achievement("hunter", rewards=["ten-coins", "five-coins"]))


@pytest.mark.usefixtures("game")
def test_a_row_that_is_given_the_place_of_another_comes_to_stand_there(client: Client) -> None:
    draft = Achievement.objects.get()
    [requirement] = AchievementRequirement.objects.all()
    first, second = AchievementReward.objects.all()
    form = {
        "title": "Hunter", "type": "SKILL", "category": "COMBAT", "points": 1, "match_0": "ALL", "repeat": "NEVER",
        "is_enabled": "on", "backfill": "DIGEST",
        "requirements-TOTAL_FORMS": 1, "requirements-INITIAL_FORMS": 1, "requirements-0-id": requirement.pk,
        "requirements-0-achievement": "hunter", "requirements-0-type": "COUNT", "requirements-0-metric": "kills",
        "requirements-0-operator": "gte", "requirements-0-threshold": 10, "requirements-0-position": 1,
        "prerequisites-TOTAL_FORMS": 0, "prerequisites-INITIAL_FORMS": 0,
        "rewards-TOTAL_FORMS": 3, "rewards-INITIAL_FORMS": 2,
        "rewards-0-id": first.pk, "rewards-0-achievement": "hunter", "rewards-0-reward": "ten-coins",
        "rewards-0-position": 1,
        "rewards-1-id": second.pk, "rewards-1-achievement": "hunter", "rewards-1-reward": "five-coins",
        "rewards-1-position": 1,
        "rewards-2-achievement": "hunter", "rewards-2-reward": "ten-coins", "rewards-2-position": "",
    }  # fmt: skip
    response = person(client, "designers").post(HUNTER, form)
    assert response.status_code == 302, response.context["adminform"].errors
    rows = AchievementReward.objects.filter(achievement=draft).values_list("position", "reward_id")
    assert list(rows) == [(0, "five-coins"), (1, "ten-coins"), (2, "ten-coins")]
    page = client.get(HUNTER)
    shown = [row["position"].value() for row in page.context["inline_admin_formsets"][1].formset.forms]
    assert shown == [1, 2, 3]


@pytest.mark.usefixtures("game")
def test_content_is_retired_from_its_own_page(client: Client) -> None:
    page = person(client, "designers").get(HUNTER)
    assert [button["verb"] for button in page.context["buttons"]] == ["Retire"]
    sent = {"_selected_action": "hunter", "action": "retire_selected", "reason": "over"}
    client.post(page.context["list_address"], sent)
    assert Achievement.objects.get().retired_at is not None
    assert Version.objects.get(content_id="hunter", retires=True).reason == "over"
    page = client.get(HUNTER)
    assert [button["verb"] for button in page.context["buttons"]] == ["Restore"]
    assert "Save and publish" not in page.content.decode()


@pytest.mark.usefixtures("game")
def test_a_version_says_what_it_changed(client: Client) -> None:
    designer().patch("/api/v1/achievements/hunter", {"points": 40})
    second = Version.objects.get(content_id="hunter", number=2)
    text = person(client, "designers").get(f"/admin/kernel/version/{second.pk}/change/").content.decode()
    changes = text[text.index("Against the version before") :]
    assert "points" in changes
    assert "40" in changes
    assert "title" not in changes[: changes.index("</table>")]


def test_a_held_event_is_shown_with_what_was_reported_and_decided_on_its_page(client: Client) -> None:
    now = timezone.now()
    event = Event.objects.create(
        player_id="ann", event_id="e1", type="enemy.killed", data={"weapon": "a very long bow"}, timestamp=now,
        received_at=now, state=Event.State.HELD,
    )  # fmt: skip
    held = Finding.objects.create(
        player_id="ann", event_id="e1", type="enemy.killed", rule="slow-down", timestamp=now, found_at=now
    )
    address = f"/admin/anticheat/finding/{held.pk}/change/"
    page = person(client, "reviewers").get(address)
    assert "a very long bow" in page.content.decode()
    assert [button["verb"] for button in page.context["buttons"]] == ["Release", "Dismiss"]
    client.post(page.context["list_address"], {"_selected_action": held.pk, "action": "dismiss_selected"})
    event.refresh_from_db()
    assert event.state == Event.State.DISMISSED
    assert client.get(address).context["buttons"] == []


def test_who_may_only_look_has_no_buttons(client: Client) -> None:
    now = timezone.now()
    held = Finding.objects.create(
        player_id="ann", event_id="e1", type="enemy.killed", rule="slow-down", timestamp=now, found_at=now
    )
    page = person(client, "analysts").get(f"/admin/anticheat/finding/{held.pk}/change/")
    assert page.context["buttons"] == []


def test_a_player_leads_to_everything_kept_of_them(client: Client) -> None:
    player = Player.objects.create(player_id="ann@sea")
    text = person(client, "support").get(page_of(player)).content.decode()
    wallets = "/admin/rewards/wallet/?player_id__exact=ann%40sea"
    assert f'href="{wallets}"' in text
    assert client.get(wallets).status_code == 200


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("bow, crossbow", ["bow", "crossbow"]),
        ("5", [5]),
        ('"5", true', ["5", True]),
        ('["Smith, John"]', ["Smith, John"]),
    ],
)
def test_a_list_is_written_with_commas(client: Client, text: str, value: list[object]) -> None:
    form = {
        "id": "kills", "name": "Kills", "event_type": "enemy.killed", "reported_by": "SERVER",
        "conditions-TOTAL_FORMS": 1, "conditions-INITIAL_FORMS": 0, "conditions-0-field": "by",
        "conditions-0-op": "in", "conditions-0-value": text, "_continue": "1",
    }  # fmt: skip
    response = person(client, "designers").post("/admin/progress/metric/add/", form)
    assert response.status_code == 302
    [condition] = Metric.objects.get().conditions.all()
    assert condition.value == value
    page = client.get("/admin/progress/metric/kills/change/")
    [row] = page.context["inline_admin_formsets"][0].formset.forms
    assert row["value"].value() == text


def test_times_are_shown_to_the_second(client: Client) -> None:
    at = timezone.now().replace(microsecond=0) - timedelta(days=3)
    Finding.objects.create(player_id="ann", event_id="e", type="x", rule="r", timestamp=at, found_at=at)
    page = person(client, "analysts").get("/admin/anticheat/finding/")
    assert f"{at:%Y-%m-%d %H:%M:%S}" in page.content.decode()


def test_a_backfill_that_failed_is_taken_up_again_when_somebody_says_so(admin_client: Client) -> None:
    failed = Backfill.objects.create(publication=3, state=Backfill.State.FAILED, players_done=4, cursor="d")
    Backfill.objects.create(publication=2, state=Backfill.State.DONE)
    page = admin_client.get(page_of(failed))
    assert [button["verb"] for button in page.context["buttons"]] == ["Run again"]
    admin_client.post(page.context["list_address"], {"_selected_action": failed.pk, "action": "run_again"})
    failed.refresh_from_db()
    assert (failed.state, failed.players_done, failed.cursor) == (Backfill.State.PENDING, 4, "d")
    assert Backfill.objects.filter(state=Backfill.State.DONE).count() == 1
