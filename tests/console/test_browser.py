"""The console in a real browser, over real HTTP: what its scripts do to the forms, no other test sees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from gamification.kernel.core.encoding import instant
from gamification.kernel.web.access import create_key
from tests.support.authoring import coins, designer, metric, send
from tests.support.browsing import PASSWORD, browsing, log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(browser_type_launch_args: dict[str, Any]) -> Iterator[Page]:
    with browsing(browser_type_launch_args) as page:
        yield page


@pytest.fixture
def key(live_server: LiveServer) -> str:
    """The game, as far as it is there before the designer comes; the key of its server."""
    mia = User.objects.create_user("mia", password=PASSWORD, is_staff=True)
    mia.groups.add(Group.objects.get(name="designers"))
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins(claim="AUTO"))
    return create_key("the game", ["events:write", "players:read"])[1]


def test_what_a_designer_publishes_in_a_browser_is_unlocked_by_the_next_event(
    live_server: LiveServer, key: str, page: Page
) -> None:
    log_in(page, live_server.url, "mia")
    page.click("text=Achievements")
    page.click("text=Add achievement")
    page.fill("#id_id", "hunter")
    page.fill("#id_title", "Hunter")
    page.fill("#id_points", "15")
    page.click("text=What it asks")
    first = page.locator("#requirements-0")
    expect(first.locator("[name$=-target]")).to_be_hidden()  # nothing asked that means nothing yet
    first.locator("[name$=-type]").select_option("ACHIEVEMENT")
    expect(first.locator("[name$=-target]")).to_be_visible()
    expect(first.locator("[name$=-threshold]")).to_be_hidden()
    first.locator("[name$=-type]").select_option("COUNT")
    expect(first.locator("[name$=-target]")).to_be_hidden()
    choose(page, "requirements-0-metric", "kills")
    expect(page.locator("#sentence")).to_have_text("Kills: at least … times.")
    page.click("text=What it gives")
    page.click("#rewards-group >> text=Add another")
    choose(page, "rewards-0-reward", "ten-coins")
    page.click("text=Save and publish")
    expect(page.locator(".errorlist")).to_have_text(["COUNT needs this field."])

    page.fill("#id_requirements-0-threshold", "2")
    expect(page.locator("#sentence")).to_have_text("Kills: at least 2 times.")
    page.fill("#id__reason", "Hunting season")
    page.click("text=Save and publish")
    expect(page.locator(".messagelist")).to_contain_text("Published hunter as version 1.")
    expect(page.locator(".versions")).to_contain_text("by mia: Hunting season")

    with httpx.Client(base_url=f"{live_server.url}/api/v1", headers={"Authorization": f"Api-Key {key}"}) as game:
        assert facts(game, "one") == []
        assert facts(game, "two") == ["achievement.completed", "reward.granted", "reward.claimed"]
        wallet = game.get("/players/ann/wallet").json()["results"]
        assert wallet == [{"currency": "gold", "balance": 10, "debt": 0}]
        assert game.get("/players/ann").json()["statistics"]["points"] == 15


def choose(page: Page, field: str, text: str) -> None:
    """In one of the admin's searching choices."""
    page.click(f"#id_{field} + .select2")
    page.fill(".select2-search__field", text)
    page.click(f".select2-results__option >> text={text}")


def facts(game: httpx.Client, id_: str) -> list[str]:
    event = {"id": id_, "player_id": "ann", "type": "enemy.killed", "data": {}, "timestamp": instant(datetime.now(UTC))}
    response = game.post("/events", json=event, headers={"Prefer": "wait"})
    assert response.status_code == 200, response.text
    return [fact["type"] for fact in response.json()["results"]["ann"]["facts"]]
