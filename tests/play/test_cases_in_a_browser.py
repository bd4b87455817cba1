"""A case in real browsers, from what a rule finds to a verdict, its appeal, and everything given: the page of the
player, and the console of the reviewers beside it, at a `manage.py serve`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from gamification.kernel.core.encoding import instant
from tests.support.browsing import AXE, PASSWORD, log_in
from tests.support.service import free_port, key_in, manage, serving, without_servers

pytestmark = pytest.mark.browser

SHOTS = Path(os.environ.get("SCREENSHOTS", "test-results")) / "play"
PEOPLE = f"""
from django.contrib.auth.models import Group, User
from anticheat.models import Rule
for name in ("rosamund", "tobias"):
    User.objects.create_user(name, password="{PASSWORD}", is_staff=True).groups.add(Group.objects.get(name="reviewers"))
Rule.objects.filter(kind__in=["PACE", "BURST"]).update(action="WITHHOLD")
"""


class Service:
    """The sample game, served, with two reviewers and two rules that may withhold."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url, self.http = url, http

    def report(self, *events: dict[str, Any]) -> None:
        answer = self.http.post("/events", json={"events": list(events)})
        assert answer.status_code == 200, answer.text

    def salt(self) -> int:
        rows = self.http.get("/players/demo/wallet").json()["results"]
        return sum(row["balance"] for row in rows if row["currency"] == "salt")


@contextmanager
def service(folder: Path) -> Iterator[Service]:
    with ExitStack() as running:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        env = without_servers(folder / "cases.sqlite3") | {"PORT": str(port), "ALLOWED_ORIGINS": url}
        key = key_in(manage("setup_sample", env=env))
        manage("shell", "--verbosity", "0", "-c", PEOPLE, env=env)
        running.enter_context(serving(env, port))
        headers = {"Authorization": f"Api-Key {key}", "Prefer": "wait"}
        yield Service(url, running.enter_context(httpx.Client(base_url=f"{url}/api/v1", headers=headers)))


def played_by_a_program() -> list[dict[str, Any]]:
    """A foe every four seconds, not a moment sooner or later, and then a dozen things at once."""
    start = datetime.now(UTC) - timedelta(seconds=4 * 400)

    def event(number: int, type_: str, seconds: float) -> dict[str, Any]:
        at = instant(start + timedelta(seconds=seconds))
        return {"id": f"b{number}", "player_id": "demo", "type": type_, "data": {}, "timestamp": at}

    many = [event(number, "rope.pulled", 4 * number) for number in range(390)]
    return [*many, *(event(500 + number, f"door.{number}", 1560 + number / 4) for number in range(12))]


def decide(browser: Browser, url: str, who: str, key: str, why: str) -> str:
    """A reviewer goes to the case and decides it by the keyboard; what they were shown."""
    page = browser.new_page()
    page.set_default_timeout(10_000)
    log_in(page, url, who)
    page.goto(f"{url}/admin/review/")
    page.get_by_role("link", name="Case 1").click()
    seen = page.locator("main, #content").first.inner_text()
    page.screenshot(path=SHOTS / f"case-{who}.png", full_page=True)
    page.get_by_role("textbox", name="Why").fill(why)
    page.locator("h1").click()  # out of the field, where a letter is a letter
    page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("about demo")
    page.context.close()
    return seen


def found_by_axe(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [f"{rule['id']}: {node['target']}" for rule in found["violations"] for node in rule["nodes"]]


def test_a_case_from_what_a_rule_finds_to_a_verdict_that_is_overturned(
    tmp_path: Path, browser_type_launch_args: dict[str, Any]
) -> None:
    told: list[str] = []
    with service(tmp_path) as game, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**browser_type_launch_args)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce", bypass_csp=True)
        expect.set_options(timeout=10_000)
        page.on("response", lambda answer: told.append(answer.text()) if "/api/" in answer.url else None)
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: told.append(str(frame))))
        page.goto(f"{game.url}/play/")
        expect(page.locator(".connection")).to_have_text("Live")
        expect(page.locator("#review")).to_have_count(0)
        page.screenshot(path=SHOTS / "case-before.png")

        game.report(*played_by_a_program())
        review = page.locator("#review")
        expect(review).to_contain_text("People look at how you play")
        expect(review).to_contain_text("the rhythm of what you do")
        page.get_by_role("button", name="Go down the stairs").click()
        waiting = review.get_by_role("list", name="Rewards that wait")
        expect(waiting).to_contain_text("Down the Salt Stairs")
        expect(page.locator(".purse")).to_contain_text("25 under review")
        expect(page.locator("#rewards")).to_contain_text("Nothing waits for you just now.")
        assert game.salt() == 0
        page.screenshot(path=SHOTS / "case-open.png")

        seen = decide(browser, game.url, "rosamund", "x", "a metronome")
        assert "PACE" in seen
        expect(review).to_contain_text("Decided against you")
        expect(waiting).to_have_count(0)
        field = review.get_by_label("If that is wrong, say why")
        field.fill("I play to a metronome.")
        assert found_by_axe(page) == []
        page.screenshot(path=SHOTS / "case-confirmed.png", full_page=True)
        game.report({"id": "more", "player_id": "demo", "type": "salvage.found", "data": {"item": "cork"},
                     "timestamp": instant(datetime.now(UTC))})  # fmt: skip
        expect(page.locator("#achievements")).to_contain_text("Finders, Keepers")
        expect(field).to_have_value("I play to a metronome.")  # what is written stays while the page moves on
        review.get_by_role("button", name="Appeal").click()
        expect(review).to_contain_text("Others look again")
        expect(field).to_have_count(0)

        seen = decide(browser, game.url, "tobias", "o", "heard it")
        assert "I play to a metronome." in seen
        expect(page.locator("#lately")).to_contain_text("Your appeal is decided for you")
        review.locator("summary", has_text="Decided").click()
        expect(review).to_contain_text("What was taken is yours again")
        expect(page.locator(".purse")).to_contain_text("Salt")
        expect(page.locator(".purse")).not_to_contain_text("under review")
        page.screenshot(path=SHOTS / "case-after.png", full_page=True)
        browser.close()
        assert game.salt() >= 25
        [case] = game.http.get("/players/demo/cases").json()["results"]
        assert case["state"] == "OVERTURNED"
    for secret in ("PACE", "BURST", "log10_tail", "UNRANKED", "WITHHELD", "rosamund", "tobias"):
        assert not [text for text in told if secret in text], secret
