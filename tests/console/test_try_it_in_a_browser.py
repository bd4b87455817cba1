"""*Try it* in a real browser: from a draft to an example, by keyboard and mouse, and nothing to complain about."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from achievements.models import Achievement
from tests.support import game
from tests.support.authoring import coins, designer, metric, send
from tests.support.browsing import (
    DESK,
    PASSWORD,
    PHONE,
    browsing,
    found_by_axe,
    is_wider_than_the_screen,
    log_in,
    shoot,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_draft_is_tried_and_what_it_did_is_kept(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any], width: int
) -> None:
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins())
    asked = [{"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 2}]
    watch = {
        "id": "night-watch",
        "title": "Night Watch",
        "requirements": asked,
        "rewards": ["ten-coins"],
        "draft": True,
    }
    game.send(designer(), "achievements", watch)
    mia = User.objects.create_user("mia", password=PASSWORD, is_staff=True)
    mia.groups.add(Group.objects.get(name="designers"))
    with browsing(browser_type_launch_args, width) as page:
        log_in(page, live_server.url, "mia")
        page.goto(f"{live_server.url}/admin/achievements/achievement/night-watch/change/")
        page.get_by_role("link", name="Try it").last.click()
        expect(page.get_by_label("Rules")).to_have_value("achievement:night-watch")
        page.get_by_label("Type").fill("enemy.killed")
        page.get_by_label("Data, as JSON").fill('{"weapon": "bow"}')
        page.get_by_role("button", name="Add an event").click()
        page.get_by_label("Type").nth(1).fill("enemy.killed")
        page.get_by_label("Minutes after the one before").nth(1).fill("20")
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_role("heading", name="2 events, 1 unlock")).to_be_visible()
        expect(page.get_by_text("unlocks Night Watch")).to_be_visible()
        expect(page.get_by_text("gives 10 gold, to be claimed")).to_be_visible()
        shoot(page, f"try-it-run-{width}-light")
        found = found_by_axe(page)
        assert not found, "\n".join(found)
        assert not is_wider_than_the_screen(page)
        page.get_by_label("Called").fill("two are enough")
        page.get_by_role("button", name="Save as an example").click()
        expect(page.get_by_text("Kept as an example")).to_be_visible()
    [example] = Achievement.objects.get(pk="night-watch").examples
    assert (example["name"], [event["at"] for event in example["events"]]) == ("two are enough", [0, 1200])
