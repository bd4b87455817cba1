"""Support's journey in a real browser: from a name to the condition that failed in three clicks, and what follows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from gamification.kernel.models import AuditEntry
from progress.models import Player
from tests.support import game
from tests.support.browsing import (
    DESK,
    PASSWORD,
    PHONE,
    Scheme,
    browsing,
    found_by_axe,
    is_wider_than_the_screen,
    log_in,
    shoot,
)
from tests.support.callers import game_server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BELLS = {
    "id": "storm-bells",
    "name": "Bells in a storm",
    "event_type": "bell.rung",
    "member_field": "bell",
    "conditions": [{"field": "weather", "op": "eq", "value": "storm"}],
}
THREE = {
    "id": "bells",
    "title": "Storm bells",
    "requirements": [{"type": "DISTINCT", "metric": "storm-bells", "operator": "gte", "threshold": 3}],
}
TABS = ("", "achievements/", "quests/", "rewards/", "ledger/", "counters/", "sessions/", "notes/")


@pytest.fixture
def sue() -> User:
    server = game_server()
    game.send(server, "metrics", BELLS)
    game.send(server, "achievements", THREE)
    game.make()
    rung = [("great-brine", "storm"), ("chapel", "storm"), ("harbour", "calm")]
    for n, (bell, weather) in enumerate(rung):
        sent = game.event(f"b{n}", "ann", "bell.rung", {"bell": bell, "weather": weather}, ago=600 - n)
        assert server.post(f"{game.API}/events", sent).status_code == 200
    user = User.objects.create_user("sue", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="support"))
    return user


@pytest.mark.usefixtures("sue")
def test_from_a_name_to_the_condition_that_failed_in_three_clicks(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    with browsing(browser_type_launch_args, DESK, "dark") as page:
        log_in(page, live_server.url, "sue")
        page.keyboard.press("/")
        page.keyboard.type("ann")
        page.locator("#found a", has_text="ann").first.click()
        page.locator(".tabs").get_by_role("link", name="Achievements").click()
        page.get_by_role("link", name="why not? Storm bells").click()
        expect(page.get_by_text("1 different one of “Bells in a storm” is missing.")).to_be_visible()
        expect(page.get_by_text("weather is “calm”, the metric asks for “storm”")).to_be_visible()
        shoot(page, "support-why-not")


@pytest.mark.usefixtures("sue")
def test_what_support_does_is_seen_first_and_told_with_its_reason(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "sue")
        page.goto(f"{live_server.url}/admin/players/ann/")
        page.get_by_role("link", name="Grant", exact=True).click()
        page.locator("#id_reward").select_option("coins")
        page.locator("#id_reason").fill("ticket 4711, lost in the crash")
        page.get_by_role("button", name="See what it does").click()
        expect(page.get_by_text("Was given 50 gold")).to_be_visible()
        shoot(page, "support-grant")
        page.get_by_role("button", name="Grant", exact=True).click()
        expect(page.locator(".messagelist")).to_contain_text("Granted coins.")
        page.locator(".tabs").get_by_role("link", name="Rewards").click()
        page.get_by_role("link", name="Revoke coins").first.click()
        page.locator("#id_reason").fill("the wrong player")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Revoke", exact=True).click()
        expect(page.locator(".messagelist")).to_contain_text("Revoked coins.")
        page.get_by_role("link", name="Ban", exact=True).click()
        page.locator("#id_reason").fill("sold the account")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Ban", exact=True)).to_be_visible()
        page.get_by_role("button", name="Ban", exact=True).click()
        expect(page.locator("h1")).to_contain_text("banned")
        page.get_by_role("link", name="Staff & notes").click()
        for reason in ("ticket 4711, lost in the crash", "the wrong player", "sold the account"):
            expect(page.get_by_text(reason).first).to_be_visible()
        shoot(page, "support-staff")
    told = AuditEntry.objects.filter(player_id="ann", actor="user:sue").values_list("action", "reason")
    assert ("grant_reward", "ticket 4711, lost in the crash") in told
    assert ("revoke_distribution", "the wrong player") in told
    assert ("change_profile", "sold the account") in told
    assert Player.objects.get(pk="ann").banned


@pytest.mark.once
@pytest.mark.usefixtures("sue")
@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light"), (PHONE, "light"), (DESK, "dark")])
def test_no_page_of_a_player_has_anything_for_axe_to_find(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any], width: int, scheme: Scheme
) -> None:
    found = []
    paths = [*TABS, "achievements/?why=bells", "quests/?why=trail", "act/grant/", "act/erase/", "act/set-standing/"]
    User.objects.filter(username="sue").update(is_superuser=True)
    with browsing(browser_type_launch_args, width, scheme) as page:
        log_in(page, live_server.url, "sue")
        for path in paths:
            page.goto(f"{live_server.url}/admin/players/ann/{path}")
            name = path.replace("/", "-").replace("?", "").strip("-") or "timeline"
            shoot(page, f"player-{name}-{width}-{scheme}")
            found += [f"{path}: {each}" for each in found_by_axe(page)]
            if is_wider_than_the_screen(page):
                found.append(f"{path}: is wider than the screen")
    assert not found, "\n".join(found)
