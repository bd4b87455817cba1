"""Drafts go live together, once others have looked at them, at the hour that was set; and back again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from gamification import clock
from gamification.kernel.content import publishing
from gamification.kernel.content.releasing import ApproveRelease
from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Refused
from gamification.kernel.models import AuditEntry, Release, Version
from tests.support.authoring import achievement, coins, count, designer, metric, send
from tests.support.callers import assert_problem, game_server
from tests.support.content import event
from tests.support.playing import completed, process

pytestmark = pytest.mark.django_db

API = "/api/v1"
Json = dict[str, Any]


@pytest.fixture
def studio() -> APIClient:
    client = designer()
    send(client, "metrics", metric())
    return client


@pytest.fixture
def two_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REVIEWS_REQUIRED", 2)


def draft(client: APIClient, plural: str, body: Json) -> None:
    assert client.post(f"{API}/{plural}", body | {"draft": True}).status_code == 201


def drafts(client: APIClient) -> None:
    """An achievement and the reward it gives, neither published."""
    send_currency(client)
    draft(client, "rewards", coins())
    draft(client, "achievements", achievement("hunter", count(threshold=1), rewards=["ten-coins"]))


def send_currency(client: APIClient) -> None:
    if client.get(f"{API}/currencies/gold").status_code == 404:
        draft(client, "currencies", {"id": "gold"})
        client.post(f"{API}/currencies/gold/publish", {})


BOTH = [{"kind": "reward", "id": "ten-coins"}, {"kind": "achievement", "id": "hunter"}]


def opened(client: APIClient, *items: Json, title: str = "Autumn") -> Json:
    answer = client.post(f"{API}/releases", {"title": title, "items": items or BOTH})
    assert answer.status_code == 201, answer.content
    found: Json = answer.json()
    return found


def step(client: APIClient, release: Json, name: str, **body: Any) -> Any:
    return client.post(f"{API}/releases/{release['id']}/{name}", body)


def seen(client: APIClient, release: Json) -> Json:
    found: Json = client.get(f"{API}/releases/{release['id']}").json()
    return found


def approve(release: Json, name: str) -> None:
    bus.handle(ApproveRelease(id=release["id"]), actor=Actor.user(name), now=timezone.now())


def live() -> set[tuple[str, str]]:
    published = publishing.current().published
    return {(kind, id_) for kind, items in published.items() for id_, item in items.items() if not item.retired}


# -- together or not at all ------------------------------------------------------------------------------------------


def test_what_needs_each_other_goes_live_in_one_publication(studio: APIClient) -> None:
    drafts(studio)
    assert studio.post(f"{API}/achievements/hunter/publish", {}).status_code == 400  # its reward is not there
    release = opened(studio)
    assert release["state"] == "OPEN"
    answer = step(studio, release, "publish")
    assert answer.status_code == 200, answer.content
    done = answer.json()
    assert done["state"] == "PUBLISHED"
    assert {("reward", "ten-coins"), ("achievement", "hunter")} <= live()
    assert {v.publication for v in Version.objects.filter(content_id__in=["ten-coins", "hunter"])} == {
        done["publication"]
    }
    assert [(item["version"], item["before"]) for item in done["items"]] == [(1, 0), (1, 0)]


def test_one_mistake_keeps_all_of_it_from_going_live(studio: APIClient) -> None:
    drafts(studio)
    studio.patch(f"{API}/achievements/hunter", {"rewards": ["nobody"], "draft": True})
    release = opened(studio)
    answer = step(studio, release, "publish")
    assert_problem(answer, 400, "unpublishable", "achievements[hunter].rewards[0]")
    assert live() == {("metric", "kills"), ("currency", "gold")}
    assert seen(studio, release)["state"] == "OPEN"


def test_what_an_edit_does_not_name_stays(studio: APIClient) -> None:
    release = opened(studio, {"kind": "metric", "id": "kills"})
    changed = studio.patch(f"{API}/releases/{release['id']}", {"note": "at last"}).json()
    assert (changed["title"], changed["note"], changed["items"]) == ("Autumn", "at last", release["items"])


def test_publishing_one_draft_is_a_release_of_one(studio: APIClient) -> None:
    [release] = studio.get(f"{API}/releases").json()["results"]
    assert (release["title"], release["state"]) == ("metric kills", "PUBLISHED")
    assert [(item["kind"], item["id"], item["version"]) for item in release["items"]] == [("metric", "kills", 1)]


def test_what_it_holds_must_be_there_and_once(studio: APIClient) -> None:
    one, gone = {"kind": "metric", "id": "kills"}, {"kind": "quest", "id": "nowhere"}
    answer = studio.post(f"{API}/releases", {"title": "x", "items": [one, one, gone, {"kind": "cow", "id": "moo"}]})
    assert_problem(answer, 400, "invalid", "items[1]", "items[2]", "items[3]")
    many = [{"kind": "metric", "id": f"m{n}"} for n in range(501)]
    assert_problem(studio.post(f"{API}/releases", {"title": "x", "items": many}), 400, "invalid", "items")


# -- reviews ---------------------------------------------------------------------------------------------------------


def test_without_approval_nothing_goes_live_by_any_way(studio: APIClient, two_reviews: None, tmp_path: Path) -> None:
    before = Version.objects.count()
    pack = tmp_path / "pack.json"
    pack.write_text('{"metrics": [{"id": "jumps", "event_type": "jumped"}]}')
    tries = [
        studio.post(f"{API}/metrics/kills/publish", {}),
        studio.patch(f"{API}/metrics/kills", {"name": "Slain"}),
        studio.post(f"{API}/metrics", metric("hits")),
        studio.delete(f"{API}/metrics/kills"),
    ]
    for answer in tries:
        assert_problem(answer, 409, "review_required")
    with pytest.raises(CommandError, match="review_required"):
        call_command("load_content", str(pack))
    assert Version.objects.count() == before
    names = [row["name"] for row in studio.get(f"{API}/metrics").json()["results"]]
    assert names == ["Kills"]
    assert studio.patch(f"{API}/metrics/kills", {"name": "Slain", "draft": True}).status_code == 200


def test_others_approve_what_it_says_now(studio: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    drafts(studio)
    monkeypatch.setattr(settings, "REVIEWS_REQUIRED", 2)
    release = opened(studio)
    assert_problem(step(studio, release, "publish"), 409, "review_required")
    assert step(studio, release, "submit").json()["state"] == "IN_REVIEW"
    approve(release, "mia")
    approve(release, "mia")  # twice is once
    assert seen(studio, release)["state"] == "IN_REVIEW"
    approve(release, "tom")
    assert seen(studio, release)["state"] == "APPROVED"
    assert [each["who"] for each in seen(studio, release)["approvals"]] == ["user:mia", "user:tom"]
    assert step(studio, release, "publish").json()["state"] == "PUBLISHED"


def test_nobody_approves_a_release_of_their_own(studio: APIClient, two_reviews: None) -> None:
    release = opened(studio, {"kind": "metric", "id": "kills"})
    step(studio, release, "submit")
    Release.objects.update(created_by="user:mia")
    with pytest.raises(Refused) as refused:
        approve(release, "mia")
    assert refused.value.code == "own_release"


@pytest.mark.parametrize("edit", ["draft", "items"])
def test_an_edit_makes_approvals_void(studio: APIClient, monkeypatch: pytest.MonkeyPatch, edit: str) -> None:
    drafts(studio)
    monkeypatch.setattr(settings, "REVIEWS_REQUIRED", 1)
    release = opened(studio)
    step(studio, release, "submit")
    approve(release, "mia")
    assert seen(studio, release)["state"] == "APPROVED"
    if edit == "draft":
        studio.patch(f"{API}/achievements/hunter", {"points": 1_000, "draft": True})
    else:
        studio.patch(f"{API}/releases/{release['id']}", {"items": BOTH[:1]})
    now = seen(studio, release)
    assert (now["state"], now["approvals"]) == ("IN_REVIEW", [])
    assert_problem(step(studio, release, "publish"), 409, "review_required")
    approve(release, "tom")
    assert step(studio, release, "publish").status_code == 200


# -- at its hour -----------------------------------------------------------------------------------------------------


def scheduled(client: APIClient) -> Json:
    drafts(client)
    release = opened(client)
    at = (timezone.now() + timedelta(hours=1)).isoformat()
    answer = step(client, release, "schedule", publish_at=at)
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "SCHEDULED"
    return release


def its_hour_comes() -> None:
    Release.objects.filter(state="SCHEDULED").update(publish_at=timezone.now() - timedelta(seconds=1))
    clock._publish_releases(timezone.now())


def test_a_scheduled_release_goes_live_at_its_hour_and_not_before(studio: APIClient) -> None:
    release = scheduled(studio)
    clock._publish_releases(timezone.now())
    assert seen(studio, release)["state"] == "SCHEDULED"
    its_hour_comes()
    assert seen(studio, release)["state"] == "PUBLISHED"
    assert ("achievement", "hunter") in live()


def test_meanwhile_nobody_edits_what_it_holds(studio: APIClient) -> None:
    release = scheduled(studio)
    for answer in (
        studio.patch(f"{API}/achievements/hunter", {"points": 3, "draft": True}),
        studio.post(f"{API}/achievements/hunter/publish", {}),
        studio.delete(f"{API}/rewards/ten-coins"),
    ):
        assert_problem(answer, 409, "locked_by_release")
    assert studio.get(f"{API}/achievements/hunter").json()["points"] != 3
    step(studio, release, "unschedule")
    assert studio.patch(f"{API}/achievements/hunter", {"points": 3, "draft": True}).status_code == 200


def test_what_cannot_go_live_at_its_hour_says_why_and_waits(studio: APIClient) -> None:
    release = scheduled(studio)
    assert studio.delete(f"{API}/metrics/kills").status_code == 204  # which nothing live needs
    its_hour_comes()
    now = seen(studio, release)
    assert now["state"] == "APPROVED"
    assert "kills" in now["detail"]
    assert ("reward", "ten-coins") not in live()
    clock._publish_releases(timezone.now())  # once is enough
    assert seen(studio, release)["state"] == "APPROVED"


def test_it_is_not_scheduled_for_the_past(studio: APIClient) -> None:
    release = opened(studio, {"kind": "metric", "id": "kills"})
    answer = step(studio, release, "schedule", publish_at="2020-01-01T00:00:00Z")
    assert_problem(answer, 400, "invalid", "publish_at")


def test_what_is_over_is_over(studio: APIClient) -> None:
    release = opened(studio, {"kind": "metric", "id": "kills"})
    assert step(studio, release, "cancel").json()["state"] == "CANCELLED"
    for name in ("submit", "publish", "cancel"):
        assert_problem(step(studio, release, name), 409, "wrong_state")


# -- and back --------------------------------------------------------------------------------------------------------


def test_reverting_restores_what_was_before_and_retires_what_it_made(studio: APIClient) -> None:
    drafts(studio)
    studio.patch(f"{API}/metrics/kills", {"name": "Slain", "draft": True})
    release = opened(studio, *BOTH, {"kind": "metric", "id": "kills"})
    step(studio, release, "publish")
    process(event("e1"))
    assert [each[0] for each in completed()] == ["hunter"]
    back = step(studio, release, "revert").json()
    assert back["reverts"] == release["id"]
    assert [(item["id"], item.get("version"), item.get("retires")) for item in back["items"]] == [
        ("ten-coins", None, True), ("hunter", None, True), ("kills", 1, None),
    ]  # fmt: skip
    assert step(studio, back, "publish").status_code == 200
    assert live() == {("metric", "kills"), ("currency", "gold")}
    assert studio.get(f"{API}/metrics/kills").json()["name"] == "Kills"
    assert studio.get(f"{API}/metrics/kills").json()["version"] == 3
    assert [each[0] for each in completed()] == ["hunter"]  # players keep what they got

    again = step(studio, back, "revert").json()
    assert step(studio, again, "publish").status_code == 200
    assert {("reward", "ten-coins"), ("achievement", "hunter")} <= live()
    assert studio.get(f"{API}/metrics/kills").json()["name"] == "Slain"


def test_a_revert_leaves_edits_that_are_not_live_as_they_are(studio: APIClient) -> None:
    studio.patch(f"{API}/metrics/kills", {"name": "Slain"})
    studio.patch(f"{API}/metrics/kills", {"name": "Beaten", "draft": True})
    newest = studio.get(f"{API}/releases").json()["results"][0]
    back = step(studio, newest, "revert").json()
    assert step(studio, back, "publish").status_code == 200
    row = studio.get(f"{API}/metrics/kills").json()
    assert (row["name"], row["draft"], row["version"]) == ("Beaten", True, 3)
    assert publishing.current().published["metric"]["kills"].definition["name"] == "Kills"


def test_a_revert_is_refused_whole_where_something_still_needs_what_it_retires(studio: APIClient) -> None:
    first = studio.get(f"{API}/releases").json()["results"][0]
    send(studio, "achievements", achievement("hunter", count(threshold=1)))
    answer = step(studio, first, "revert")
    assert_problem(answer, 409, "still_needed")
    assert "hunter" in answer.json()["detail"]
    assert ("metric", "kills") in live()


# -- packs, the log, and who may -------------------------------------------------------------------------------------


def test_a_pack_becomes_a_release(studio: APIClient, two_reviews: None, tmp_path: Path) -> None:
    pack = tmp_path / "pack.json"
    pack.write_text('{"metrics": [{"id": "jumps", "event_type": "jumped"}, {"id": "kills", "event_type": "killed"}]}')
    call_command("load_content", str(pack), "--release", "Jumping", "--who", "mia")
    release = studio.get(f"{API}/releases").json()["results"][0]
    assert (release["title"], release["state"], release["created_by"]) == ("Jumping", "OPEN", "user:mia")
    assert [item["id"] for item in release["items"]] == ["jumps", "kills"]
    assert live() == {("metric", "kills")}


def test_each_step_is_in_the_audit_log(studio: APIClient) -> None:
    release = opened(studio, {"kind": "metric", "id": "kills"})
    step(studio, release, "submit")
    step(studio, release, "cancel")
    told = AuditEntry.objects.filter(kind="release", subject_id=str(release["id"])).order_by("id")
    assert [(entry.action, (entry.after or {})["state"]) for entry in told] == [
        ("open_release", "OPEN"), ("submit_release", "APPROVED"), ("cancel_release", "CANCELLED"),
    ]  # fmt: skip


def test_releases_are_read_and_made_by_their_scopes_only(studio: APIClient) -> None:
    release = opened(studio, {"kind": "metric", "id": "kills"})
    others = game_server("players:write", "events:write")
    assert_problem(others.get(f"{API}/releases"), 403, "missing_scope")
    readers = game_server("content:read")
    assert readers.get(f"{API}/releases/{release['id']}").status_code == 200
    assert_problem(step(readers, release, "publish"), 403, "missing_scope")
    assert_problem(studio.get(f"{API}/releases/999999"), 404, "not_found")
