"""By keyboard alone, in a real browser: a quest is authored and published, and something is done about a player."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from gamification.kernel.models import AuditEntry
from progress.models import Player
from quests.models import Quest
from tests.support.authoring import designer, metric, send
from tests.support.browsing import PASSWORD, browsing, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST_TABS = 160
"""Nothing is farther away than this."""


class Keys:
    """Hands that have no mouse: they go from one thing to the next, and see what is in focus."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, selector: str, *, back: bool = False) -> Keys:
        """Press Tab until what the selector finds has the focus."""
        for _ in range(MOST_TABS):
            self.press("Shift+Tab" if back else "Tab")
            if self.page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
                return self
        raise AssertionError(f"{selector} is not reached by Tab: {self.page.url}")

    def to_called(self, name: str) -> Keys:
        """Press Tab until what is called so has the focus: a link, a button."""
        for _ in range(MOST_TABS):
            self.press("Tab")
            called = self.page.evaluate(
                "() => document.activeElement.getAttribute('aria-label') || document.activeElement.value"
                " || document.activeElement.textContent"
            )
            if called and " ".join(str(called).split()) == name:
                return self
        raise AssertionError(f"“{name}” is not reached by Tab: {self.page.url}")

    def press(self, *keys: str) -> Keys:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def type(self, text: str) -> Keys:
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        return self

    def enter(self) -> None:
        """Follow what is in focus to the page that it leads to."""
        with self.page.expect_navigation():
            self.press("Enter")


def test_a_quest_is_authored_and_published_and_a_player_banned_by_keyboard_alone(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    send(designer(), "metrics", metric())
    Player.objects.create(player_id="ann")
    mia = User.objects.create_user("mia", password=PASSWORD, is_staff=True)
    mia.groups.set(Group.objects.filter(name__in=["designers", "support"]))
    with browsing(browser_type_launch_args) as page:
        keys = Keys(page)
        page.goto(f"{live_server.url}/admin/login/?next=/admin/")
        keys.to("#id_username").type("mia").to("#id_password").type(PASSWORD).enter()
        # A quest of two steps, of which one asks for something: said within the step, put in order there
        keys.to('#navigation a[href="/admin/quests/quest/"]').enter()
        keys.to_called("Add quest").enter()
        keys.to("#id_id").type("errand").to("#id_title").type("An errand")
        keys.to('.sections a[href="#steps"]', back=True).press("Enter")
        keys.to("#id_steps-0-step_id").type("go").to("#id_steps-0-title").type("Go")
        for threshold in ("3", "5"):
            keys.to("#steps-0 .of-step.requirements > button").press("Enter")
            expect(page.locator(":focus")).to_have_attribute("name", f"requirements-{'35'.index(threshold)}-type")
            page.keyboard.type("COUNT")
            keys.press("Tab", "Enter")
            page.keyboard.type("kills")
            expect(page.locator(".select2-results__option--highlighted")).to_contain_text("kills")
            keys.press("Enter").to(f"#id_requirements-{'35'.index(threshold)}-threshold").type(threshold)
        keys.to('#requirements-1 .moves button[aria-label="Move up"]', back=True).press("Enter")
        in_order = page.locator("#steps-0 .of-step.requirements > .line")
        expect(in_order.first).to_have_attribute("id", "requirements-1")
        shoot(page, "keyboard-quest")
        keys.to("#id__reason").type("for a try").enter()
        expect(page.locator(".messagelist")).to_contain_text("Published errand as version 1.")
        # A player, found by the box, banned with a reason after a look at what it does
        keys.press("/").type("ann")
        expect(page.locator("#found a", has_text="ann").first).to_be_visible()
        keys.to('#found a[href*="/players/ann/"]').enter()
        keys.to_called("Ban").enter()
        keys.to("#id_reason").type("sold the account").enter()
        keys.to('button[name="_do"]').enter()
        expect(page.locator("h1")).to_contain_text("banned")
    quest = Quest.objects.get(pk="errand")
    assert quest.published == 1
    asked = quest.requirements.order_by("position").values_list("role", "step", "threshold")
    assert list(asked) == [("STEP", "go", 5), ("STEP", "go", 3)]
    assert Player.objects.get(pk="ann").banned
    assert AuditEntry.objects.filter(actor="user:mia", player_id="ann", reason="sold the account").exists()
