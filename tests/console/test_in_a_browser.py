"""Every page of the console in a real browser: usable on a phone and at a desk, by day and by night, by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Dialog, expect
from pytest_django.live_server_helper import LiveServer

from anticheat.models import Rule
from gamification.console import groups
from gamification.review.models import Case
from progress.models import Player
from tests.support.authoring import achievement, coins, designer, metric, quest, send
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
from tests.support.reviewing import find, finding

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = {
    "home": "",
    "achievements": "achievements/achievement/",
    "achievement": "achievements/achievement/hunter/change/",
    "new-achievement": "achievements/achievement/add/",
    "quest": "quests/quest/trail/change/",
    "reward": "rewards/reward/ten-coins/change/",
    "metric": "progress/metric/kills/change/",
    "players": "progress/player/",
    "player": "progress/player/ann/change/",
    "versions": "kernel/version/",
    "rule": "anticheat/rule/add/",
    "found": "find/?q=hunter",
    "try-it": "try-it/?draft=achievement:hunter",
    "packs": "packs/",
    "compare": "achievements/achievement/hunter/compare/",
    "levels": "progress/level/table/",
    "own-factor": "second-factor/own/",
    "people": "auth/user/",
    "release": "kernel/release/1/change/",
    "review": "review/",
    "decided": "review/?tab=decided",
    "case": "review/{case}/",
    "rules": "anticheat/rule/",
    "hard-rule": "anticheat/rule/{rule}/change/",
    "rule-of-play": "anticheat/rule/{rule_of_play}/change/",
}


@pytest.fixture
def game() -> None:
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins())
    send(designer(), "achievements", achievement("hunter", rewards=["ten-coins"]))
    send(designer(), "quests", quest())
    Player.objects.create(player_id="ann")
    find(finding("PACE", now=timezone.now(), evidence={"cohort": [[0.1, 3], [0.3, 40], [1.0, 90]], "value": 0.08}))
    Rule.objects.create(name="too-fast", kind="COOLDOWN", event_type="foe.beaten", seconds=2)
    otto = User.objects.create_superuser("otto", password=PASSWORD)
    TOTPDevice.objects.create(user=otto, name="app", confirmed=True)
    User.objects.create_superuser("root", password=PASSWORD)
    mia = User.objects.create_user("mia", password=PASSWORD, is_staff=True)
    mia.groups.add(Group.objects.get(name="designers"))


@pytest.mark.once
@pytest.mark.usefixtures("game")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_no_page_has_anything_for_axe_to_find(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any], width: int, scheme: Scheme
) -> None:
    found = []
    rows = {
        "case": Case.objects.values_list("pk", flat=True)[0],
        "rule": Rule.objects.get(name="too-fast").pk,
        "rule_of_play": Rule.objects.filter(kind="PACE").values_list("pk", flat=True)[0],
    }
    with browsing(browser_type_launch_args, width, scheme) as page:
        page.goto(f"{live_server.url}/admin/login/")
        found += [f"login: {each}" for each in found_by_axe(page)]
        page.fill("#id_username", "otto")
        page.fill("#id_password", PASSWORD)
        page.click("text=Log in")
        page.wait_for_url("**/second-factor/**")
        shoot(page, f"code-{width}-{scheme}")
        found += [f"code: {each}" for each in found_by_axe(page)]
        page.context.clear_cookies()
        log_in(page, live_server.url, "root")
        for name, path in PAGES.items():
            page.goto(f"{live_server.url}/admin/{path.format(**rows)}")
            sections = [None, *page.locator(".sections a").all()[1:]]
            for number, section in enumerate(sections):
                if section is not None:
                    section.click()
                at = f"{name}-{number}"
                shoot(page, f"{at}-{width}-{scheme}")
                found += [f"{at}: {each}" for each in found_by_axe(page)]
                if is_wider_than_the_screen(page):
                    found.append(f"{at}: is wider than the screen")
    assert not found, "\n".join(found)


@pytest.mark.once
@pytest.mark.usefixtures("game")
@pytest.mark.parametrize("role", groups.GROUPS)
def test_each_role_finds_its_places_in_order(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any], role: str
) -> None:
    person = User.objects.create_user(f"one-of-the-{role}", password=PASSWORD, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    found = []
    looks: list[tuple[int, Scheme]] = [(PHONE, "dark"), (DESK, "light")]
    for width, scheme in looks:
        with browsing(browser_type_launch_args, width, scheme) as page:
            log_in(page, live_server.url, person.username)
            places = [str(link.get_attribute("href")) for link in page.locator("#navigation a.place").all()]
            assert len(places) > 1
            for path in places:
                answer = page.goto(f"{live_server.url}{path}")
                assert answer is not None
                assert answer.status == 200, path
                found += [f"{role} {path}: {each}" for each in found_by_axe(page)]
                if is_wider_than_the_screen(page):
                    found.append(f"{role} {path}: is wider than the screen at {width}")
    assert not found, "\n".join(found)


@pytest.mark.usefixtures("game")
def test_enter_in_the_reason_publishes(live_server: LiveServer, browser_type_launch_args: dict[str, Any]) -> None:
    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "mia")
        page.goto(f"{live_server.url}/admin/achievements/achievement/hunter/change/")
        page.fill("#id_title", "Huntress")
        page.fill("#id__reason", "A better word")
        page.keyboard.press("Enter")
        expect(page.locator(".messagelist")).to_contain_text("Published hunter as version 2.")


@pytest.mark.usefixtures("game")
def test_what_is_wrong_stands_beside_its_field_while_somebody_types(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "mia")
        page.goto(f"{live_server.url}/admin/achievements/achievement/hunter/change/")
        page.click("text=What it asks")
        page.locator("[name$=-operator]").first.select_option("eq")
        page.fill("#id_requirements-0-threshold", "2.5")
        note = page.locator(".field-threshold .note.bad")
        expect(note).to_contain_text("can never be met")
        expect(page.locator("#checked")).to_have_text("1 thing is wrong")
        assert page.get_attribute("#id_requirements-0-threshold", "aria-describedby") == note.get_attribute("id")
        page.click("text=What it says")
        page.click("#standing-in-the-way a")
        expect(page.locator("#id_requirements-0-threshold")).to_be_focused()
        page.fill("#id_requirements-0-threshold", "2")
        expect(page.locator("#checked")).to_have_text("Could be published")
        expect(page.locator(".note")).to_have_count(0)
        assert found_by_axe(page) == []


@pytest.mark.usefixtures("game")
def test_the_navigation_of_a_phone_is_a_sheet(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    with browsing(browser_type_launch_args, PHONE) as page:
        log_in(page, live_server.url, "mia")
        sheet = page.locator("#navigation")
        expect(sheet).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
        expect(sheet).to_be_visible()
        assert found_by_axe(page) == []
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
        sheet.get_by_role("link", name="Metrics").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Metrics")


@pytest.mark.usefixtures("game")
def test_somebody_without_a_mouse_finds_content_and_skips_the_navigation(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "mia")
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to main content")
        page.keyboard.press("/")
        expect(page.locator("#find")).to_be_focused()
        page.keyboard.type("hunt")
        expect(page.locator("#found a")).to_have_count(1)
        assert found_by_axe(page) == []
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{live_server.url}/admin/achievements/achievement/hunter/change/")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Hunter")
        page.wait_for_load_state()
        page.keyboard.press("Control+k")
        expect(page.locator("#find")).to_be_focused()


@pytest.mark.usefixtures("game")
def test_whoever_leaves_a_changed_form_is_asked_first(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "mia")
        page.goto(f"{live_server.url}/admin/achievements/achievement/hunter/change/")
        page.on("dialog", accept)
        page.fill("#id_title", "Huntress")
        page.goto(f"{live_server.url}/admin/")
        assert asked == ["beforeunload"]


def test_the_docs_of_the_api_are_read_under_the_policy(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    with browsing(browser_type_launch_args) as page:
        page.goto(f"{live_server.url}/api/docs/")
        group = page.get_by_role("link", name="achievements", exact=True)
        expect(group).to_be_visible(timeout=30_000)  # the schema takes a while
        group.click()  # groups are closed at first
        expect(page.locator("#swagger-ui")).to_contain_text("/api/v1/achievements")


@pytest.mark.usefixtures("game")
def test_two_people_who_edit_one_draft_settle_it_field_by_field(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    address = f"{live_server.url}/admin/achievements/achievement/hunter/change/"
    found: list[str] = []
    with browsing(browser_type_launch_args, meant="409 (Conflict)") as page:
        log_in(page, live_server.url, "mia")
        page.goto(address)
        theirs = page.context.browser.new_context().new_page()  # type: ignore[union-attr] # it has one
        log_in(theirs, live_server.url, "root")
        theirs.goto(address)
        theirs.fill("#id_title", "Their Hunter")
        theirs.fill("#id_points", "77")
        theirs.get_by_role("button", name="Save draft").click()
        expect(theirs.locator(".messagelist")).to_contain_text("Saved the draft")
        page.fill("#id_title", "My Hunter")
        page.get_by_role("button", name="Save draft").click()
        expect(page.get_by_role("group", name="Title")).to_contain_text("both changed it")
        expect(page.get_by_role("group", name="Points").get_by_label("Theirs")).to_be_checked()
        for width, scheme in ((DESK, "light"), (PHONE, "dark")):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type] # one of two
            found += found_by_axe(page)
            assert not is_wider_than_the_screen(page)
            shoot(page, f"settling-{width}-{scheme}")
        page.get_by_role("group", name="Title").get_by_label("Yours").check()
        page.get_by_role("button", name="Save what is chosen").click()
        expect(page.locator(".messagelist")).to_contain_text("Saved the draft of hunter, with title of yours.")
        expect(page.locator("#id_title")).to_have_value("My Hunter")
        expect(page.locator("#id_points")).to_have_value("77")
    assert not found, "\n".join(found)
