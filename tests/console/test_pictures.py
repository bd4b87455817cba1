"""The pictures in the docs are of the console as it is: `make pictures` writes docs/pictures anew. Here they are taken
and thrown away, so that it goes on working.
"""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from gamification import pipeline
from gamification.analytics import lately
from gamification.console import packs
from gamification.console.sample import CONTENT
from gamification.kernel.content.editing import UpdateContent
from gamification.kernel.content.releasing import OpenRelease, SubmitRelease
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM, Actor
from gamification.kernel.core.messages import GameEvent
from tests.support.browsing import PASSWORD, browsing, log_in

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

PLAYERS = ("mara", "odo", "wren", "ide", "tam", "bel", "jory", "sula")
FORTNIGHT = 14
ANN, BEN = Actor.user("ann"), Actor.user("ben")


def played(now: datetime) -> None:
    """Two weeks of a small game."""
    dice = random.Random(7)
    number = 0
    for day in range(FORTNIGHT, -1, -1):
        batch = []
        for player in dice.sample(PLAYERS, 3 + day % 5):
            for _ in range(dice.randrange(4, 12)):
                number += 1
                at = now - timedelta(days=day, minutes=dice.randrange(5, 300))
                data = {"family": "bailiff", "weapon": dice.choice(["kettle", "harpoon", "ladle"]), "damage": 9}
                batch.append(GameEvent(f"p-{number:05}", player, "foe.beaten", data, at))
        pipeline.process(sorted(batch, key=lambda event: event.timestamp), now=now - timedelta(days=day))


def designed(now: datetime) -> None:
    """What waits: a release to be approved, and a draft of Ann's."""
    for kind, id_, changes in (
        ("achievement", "kettle", {"points": 25, "description": "Beat 12 foes with kitchenware."}),
        ("reward", "renown", {"tags": ["winter-2026"]}),
    ):
        bus.handle(UpdateContent(kind=kind, id=id_, changes=changes, draft=True), actor=BEN, now=now)
    items = [{"kind": "achievement", "id": "kettle"}, {"kind": "reward", "id": "renown"}]
    release = bus.handle(OpenRelease(title="Winter tide", items=items), actor=BEN, now=now)
    bus.handle(SubmitRelease(id=release.pk), actor=BEN, now=now)
    asks = {"requirements": [
        {"type": "COUNT", "metric": "kitchen_wins", "operator": "gte", "threshold": 8,
         "timeframe": {"duration": 3, "unit": "minutes"}},
    ]}  # fmt: skip
    bus.handle(UpdateContent(kind="achievement", id="rush-hour", changes=asks, draft=True), actor=ANN, now=now)


def test_the_pictures_of_the_docs_are_of_the_console_as_it_is(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any], settings: LazySettings, tmp_path: Path
) -> None:
    settings.GAME_NAME, settings.ENVIRONMENT_NAME, settings.REVIEWS_REQUIRED = "The Long Ebb", "staging", 0
    into = Path(settings.BASE_DIR) / "docs" / "pictures" if os.environ.get("PICTURES") else tmp_path
    into.mkdir(exist_ok=True)
    now = timezone.now()
    packs.load(CONTENT, actor=SYSTEM, now=now - timedelta(days=20))
    settings.REVIEWS_REQUIRED = 1
    played(now)
    designed(now)
    lately.follow(now)
    ann = User.objects.create_user("ann", first_name="Ann", password=PASSWORD, is_staff=True)
    ann.groups.add(Group.objects.get(name="designers"))
    sue = User.objects.create_user("sue", first_name="Sue", password=PASSWORD, is_staff=True)
    sue.groups.add(Group.objects.get(name="support"))

    def take(page: Page, name: str, path: str, section: str = "") -> None:
        if path:
            page.goto(f"{live_server.url}/admin/{path}")
        if section:
            page.locator(".sections").get_by_text(section).click()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=into / f"{name}.png")

    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "ann")
        take(page, "home", "./")
        page.goto(f"{live_server.url}/admin/achievements/achievement/rush-hour/change/")
        page.locator(".sections").get_by_text("What it asks").click()
        expect(page.locator("#checked")).to_have_text("Could be published")
        take(page, "editor", "")
        take(page, "compare", "achievements/achievement/rush-hour/compare/")
        take(page, "quest", "quests/quest/the-third-door/change/", "Steps")
        take(page, "release", "kernel/release/?q=Winter")
        page.get_by_role("link", name="Winter tide").click()
        take(page, "release", "")
        page.goto(f"{live_server.url}/admin/try-it/?draft=achievement:rush-hour")
        page.get_by_label("Type").fill("foe.beaten")
        page.get_by_label("Data, as JSON").fill('{"family": "bailiff", "weapon": "kettle"}')
        page.get_by_label("Times").fill("8")
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_text("unlocks Rush Hour")).to_be_visible()
        take(page, "try-it", "")
    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "sue")
        take(page, "timeline", "players/mara/")
        take(page, "player", "players/mara/achievements/?why=rush-hour")
        page.goto(f"{live_server.url}/admin/players/mara/act/grant/")
        page.locator("#id_reward").select_option("salt-pouch")
        page.locator("#id_reason").fill("ticket 4711: lost in the crash")
        page.get_by_role("button", name="See what it does").click()
        expect(page.get_by_role("heading", name="What is stated")).to_be_visible()
        take(page, "act", "")
    for picture in into.glob("*.png"):
        assert picture.stat().st_size > 10_000, picture
