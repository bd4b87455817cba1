"""Designers put drafts into a release, see what it changes, have it approved, and publish or revert it."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from gamification.kernel.models import Release
from tests.support.authoring import designer, metric, send
from tests.support.console_forms import logged_in, said

pytestmark = pytest.mark.django_db

RELEASES = "/admin/kernel/release/"


@pytest.fixture
def mia(client: Client) -> Client:
    send(designer(), "metrics", metric())
    designer().patch("/api/v1/metrics/kills", {"name": "Slain", "draft": True})
    return logged_in(client, "mia", "designers")


def act(client: Client, action: str, release: Release, **more: str) -> list[str]:
    data = {"action": action, "_selected_action": [str(release.pk)], **more}
    return said(client.post(RELEASES, data, follow=True))


def made(client: Client) -> Release:
    chosen = {"action": "release_selected", "_selected_action": ["kills"], "reason": "Autumn"}
    client.post("/admin/progress/metric/", chosen, follow=True)
    return Release.objects.get(title="Autumn")


def test_a_release_is_made_from_the_list_and_shows_what_it_changes(mia: Client) -> None:
    release = made(mia)
    page = mia.get(f"{RELEASES}{release.pk}/change/").content.decode()
    assert "<td>Kills</td><td>Slain</td>" in page
    assert "nobody yet" in page


def test_it_goes_through_review_and_live(mia: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REVIEWS_REQUIRED", 1)
    release = made(mia)
    act(mia, "submit_selected", release)
    assert "Somebody else" in act(mia, "approve_selected", release)[0]
    tom = logged_in(Client(), "tom", "designers")
    act(tom, "approve_selected", release)
    act(mia, "publish_selected", release)
    release.refresh_from_db()
    assert release.state == "PUBLISHED"
    assert "Went live as version 2, after version 1." in mia.get(f"{RELEASES}{release.pk}/change/").content.decode()
    act(mia, "revert_selected", release)
    assert Release.objects.get(reverts=release.pk).state == "OPEN"


def test_it_is_scheduled_for_an_hour_in_utc(mia: Client) -> None:
    release = made(mia)
    assert "Say when" in act(mia, "schedule_selected", release)[0]
    act(mia, "schedule_selected", release, publish_at="2099-01-02T03:04")
    release.refresh_from_db()
    assert (release.state, str(release.publish_at)) == ("SCHEDULED", "2099-01-02 03:04:00+00:00")
    form = mia.get("/admin/progress/metric/kills/change/").content.decode()
    assert f'Goes live with <a href="{RELEASES}{release.pk}/change/">Autumn</a>, 2 Jan 2099, 03:04 UTC.' in form
    assert "Put into a release" not in form
    answer = mia.post("/admin/progress/metric/kills/change/", {"name": "Beaten", "event_type": "enemy.killed"})
    assert answer.status_code in (200, 302)
    assert designer().get("/api/v1/metrics/kills").json()["name"] == "Slain"


@pytest.mark.parametrize("group", ["support", "analysts", "reviewers", "auditors"])
def test_nobody_else_makes_approves_or_publishes(mia: Client, group: str) -> None:
    release = made(mia)
    other = logged_in(Client(), "eve", group)
    for action in ("submit_selected", "approve_selected", "publish_selected", "cancel_selected"):
        act(other, action, release)
    release.refresh_from_db()
    assert (release.state, release.approvals) == ("OPEN", [])
