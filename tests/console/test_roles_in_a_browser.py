"""What a reviewer, an analyst and an auditor come for, each in a real browser, and what none of them is offered."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from anticheat.models import Finding, Rule
from gamification.analytics import following
from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.models import AuditEntry
from gamification.review.commands import SetStanding
from gamification.review.models import Case
from progress.player_standing import PlayerStanding
from tests.support import game
from tests.support.browsing import PASSWORD, browsing, found_by_axe, log_in, shoot
from tests.support.reviewing import find, finding

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Launch = dict[str, Any]


def person(name: str, group: str) -> None:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=group))


def place(page: Page, name: str) -> None:
    page.locator("#navigation").get_by_role("link", name=name).click()


def downloaded(page: Page, name: str) -> str:
    """What a link or button of that name hands out."""
    with page.expect_download() as handed_out:
        page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name, exact=True)).first.click()
    return Path(handed_out.value.path()).read_text()


def test_a_reviewer_decides_what_is_held_and_found_and_writes_the_rule_for_it(
    live_server: LiveServer, browser_type_launch_args: Launch
) -> None:
    game.make()
    Case.objects.all().delete()
    find(finding("PACE", "ann", now=timezone.now()), finding("RATE", "bob", action="FLAG", now=timezone.now()))
    person("rae", "reviewers")
    found: list[str] = []
    with browsing(browser_type_launch_args) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        log_in(page, live_server.url, "rae")
        # What is held
        page.get_by_role("link", name="Held events").last.click()
        page.locator("#result_list tbody tr", has_text="ann").locator("th a").click()
        page.locator("#id_why").fill("a giant, and no cheat")
        page.get_by_role("button", name="Release").click()
        expect(page.locator(".messagelist")).to_contain_text("Released h1")
        # What was found of how they play: the one at stake first, decided by keyboard
        page.goto(f"{live_server.url}/admin/")
        page.get_by_role("link", name="Cases to review").click()
        page.locator(".cases tr", has_text="ann").get_by_role("link").click()
        expect(page.locator("h1")).to_contain_text("ann")
        page.locator("#id_note").fill("three sittings, one rhythm")
        page.get_by_role("button", name="See what it would take").click()
        expect(page.get_by_role("heading", name="What confirming it would take")).to_be_visible()
        found += found_by_axe(page)
        shoot(page, "reviewer-case")
        page.locator("h1").click()  # out of the field, so that a letter is one
        page.keyboard.press("x")
        expect(page.get_by_role("button", name="Confirmed")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".messagelist")).to_contain_text("about ann: confirmed")
        expect(page.locator("h1")).to_contain_text("bob")  # the next one
        # And a rule, so that it is held the next time
        place(page, "Rules")
        page.get_by_role("link", name="Add rule").click()
        page.locator("#id_name").fill("no-second-hit-at-once")
        page.locator("#id_kind").select_option("COOLDOWN")
        page.locator("#id_event_type").fill("enemy.killed")
        page.locator("#id_seconds").fill("2")
        expect(page.locator("#spoken")).to_contain_text("Two events enemy.killed less than 2 seconds apart")
        shoot(page, "reviewer-rule")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator(".messagelist")).to_contain_text("no-second-hit-at-once")
    assert Rule.objects.get(name="no-second-hit-at-once").seconds == 2
    assert Finding.objects.filter(status="RELEASED").count() == 1
    assert Case.objects.get(player_id="ann").state == "CONFIRMED"
    told = dict(AuditEntry.objects.filter(actor="user:rae").values_list("action", "reason"))
    assert told["release_event"] == "a giant, and no cheat"
    assert told["cast_vote"] == "three sittings, one rhythm"
    assert not found, "\n".join(found)


def test_an_analyst_reads_figures_and_takes_them_along_and_changes_nothing(
    live_server: LiveServer, browser_type_launch_args: Launch
) -> None:
    game.make()
    following.follow(timezone.now())
    person("lea", "analysts")
    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "lea")
        place(page, "Analytics")
        for name in page.locator(".tabs a").all_text_contents()[1::-1]:
            page.locator(".tabs").get_by_role("link", name=name).click()
            expect(page.get_by_role("heading", level=1)).to_be_visible()
        rows = list(csv.reader(io.StringIO(downloaded(page, "As CSV"))))
        shown = page.locator("section.card", has=page.get_by_role("link", name="As CSV")).first.locator("thead th")
        assert [cell.strip().lower() for cell in rows[0]] == [
            cell.strip().lower() for cell in shown.all_text_contents()
        ]
        shoot(page, "analyst-figures")
        place(page, "Players")
        page.get_by_role("link", name="ann").first.click()
        acts = page.locator(".acts a").all_text_contents()
        assert acts == ["Export"]
        page.get_by_role("link", name="Export", exact=True).click()
        page.locator("#id_reason").fill("asked by the studio")
        page.keyboard.press("Enter")
        assert json.loads(downloaded(page, "Export"))["player_id"] == "ann"
        for path in ("achievements/achievement/add/", "players/ann/act/ban/", "kernel/auditentry/", "auth/user/"):
            answer = page.request.get(f"{live_server.url}/admin/{path}")
            assert answer.status == 403, path
    told = AuditEntry.objects.filter(actor="user:lea", action="export_player").values_list("reason", flat=True)
    assert list(told) == ["asked by the studio"]


def test_an_auditor_finds_who_did_what_and_sees_nothing_else(
    live_server: LiveServer, browser_type_launch_args: Launch
) -> None:
    game.make()
    watched = SetStanding(player_id="ann", standing=PlayerStanding.WATCHED, reason="odd hours")
    bus.handle(watched, actor=Actor.user("rae"), now=timezone.now())
    person("ola", "auditors")
    found: list[str] = []
    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "ola")
        places = page.locator("#navigation a.place").all_text_contents()
        assert [each.strip() for each in places] == ["Home", "Audit"]
        place(page, "Audit")
        page.locator("#searchbar").fill("user:ola")
        page.keyboard.press("Enter")
        expect(page.locator("#result_list")).to_contain_text("log")
        page.locator("#searchbar").fill("eve")
        page.keyboard.press("Enter")
        expect(page.locator("#result_list tbody tr")).to_have_count(0)  # who was erased is named nowhere
        page.locator("#searchbar").fill("ann")
        page.keyboard.press("Enter")
        expect(page.locator("#result_list")).to_contain_text("odd hours")
        found += found_by_axe(page)
        shoot(page, "auditor-log")
        page.locator("#result_list th a").first.click()
        page.wait_for_url("**/change/**")
        found += found_by_axe(page)
        for path in ("players/ann/", "kernel/event/", "achievements/achievement/", "review/", "figures/retention/"):
            assert page.request.get(f"{live_server.url}/admin/{path}").status == 403, path
    assert not found, "\n".join(found)
