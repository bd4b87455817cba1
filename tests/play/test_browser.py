"""The player's page in a real browser, served by a real `manage.py serve` with a live feed."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from django.conf import settings
from playwright.sync_api import ConsoleMessage, Locator, Page, expect, sync_playwright

from gamification.kernel.core.encoding import instant
from tests.support.service import free_port, key_in, manage, serving
from tests.support.waiting import until

pytestmark = pytest.mark.browser

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
SHOTS = Path(os.environ.get("SCREENSHOTS", "test-results")) / "play"
VIEWS = [(name, width, scheme) for name, width in (("phone", 360), ("desktop", 1280)) for scheme in ("light", "dark")]
_numbers = count(1)


@dataclass
class Game:
    """The sample game, served; and its game server."""

    url: str
    studio: str
    port: int
    env: dict[str, str]
    said: str
    """By `serve`, as it began."""
    http: httpx.Client

    def report(self, player: str, type_: str, **data: object) -> None:
        answer = self.http.post("/events", json=event(player, type_, **data))
        assert answer.status_code == 200, answer.text

    def token(self, player: str) -> str:
        answer = self.http.post(f"/players/{player}/token", json={})
        return str(answer.json()["token"])

    def of(self, player: str, what: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.http.get(f"/players/{player}/{what}").json()["results"]
        return rows


def event(player: str, type_: str, **data: object) -> dict[str, Any]:
    now = instant(datetime.now(UTC))
    return {"id": f"e{next(_numbers)}", "player_id": player, "type": type_, "data": data, "timestamp": now}


def make_game(folder: Path, running: ExitStack) -> Game:
    servers = ("DB_HOST", "DB_USER", "DB_PASSWORD", "DB_PORT", "REDIS_HOST", "RABBITMQ_URL", "WS_PORT")
    port = free_port()
    env = {name: value for name, value in os.environ.items() if name not in servers}
    url = f"http://127.0.0.1:{port}"
    site = ThreadingHTTPServer(("127.0.0.1", 0), type("Site", (Studio,), {}))
    studio = f"http://127.0.0.1:{site.server_port}"
    env |= {"DB_NAME": str(folder / "play.sqlite3"), "PORT": str(port), "ALLOWED_ORIGINS": f"{url},{studio}"}
    manage("migrate", "--verbosity", "0", env=env)
    key = key_in(manage("setup_sample", env=env))
    said = until_it_serves(running.enter_context(serving(env, port)))
    http = httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Api-Key {key}", "Prefer": "wait"})
    running.enter_context(http)
    game = Game(url, studio, port, env, said, http)
    site.RequestHandlerClass.game = game  # type: ignore[attr-defined] # it is a Studio
    threading.Thread(target=site.serve_forever, daemon=True).start()
    running.callback(site.server_close)
    running.callback(site.shutdown)
    return game


def until_it_serves(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Started server process" in line:
            break
    return said


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Game]:
    with ExitStack() as running:
        yield make_game(tmp_path_factory.mktemp("play"), running)


@pytest.fixture
def player() -> str:
    """Nobody that another test plays."""
    return f"player-{next(_numbers)}"


@pytest.fixture
def page(browser_type_launch_args: dict[str, Any]) -> Iterator[Page]:
    """What its scripts complain about fails the test, but for a server that a test has ended."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "ERR_CONNECTION" not in message.text:
            complaints.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**browser_type_launch_args)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        page.set_default_timeout(10_000)
        expect.set_options(timeout=10_000)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


HEAD = '<!doctype html><html lang="en"><title>Studio</title><link rel="icon" href="data:,">'


def example() -> str:
    """The first in the docs."""
    _, rest, *_ = (settings.BASE_DIR / "docs" / "client.md").read_text().split("```js\n")
    return str(rest.split("```")[0])


class Studio(BaseHTTPRequestHandler):
    """A studio's own site: a page for each player with the panel by one script tag, and the player's tokens."""

    game: Game
    worn: ClassVar[list[str]] = []
    """Tokens that are handed out before good ones."""

    def do_GET(self) -> None:
        _, player, what = self.path.split("/")
        if what == "token":
            token = self.worn.pop() if self.worn else self.game.token(player)
            self.answer("application/json", json.dumps({"token": token}))
        elif what == "example":
            script = example().replace("https://play.example", self.game.url).replace("/my-token", f"/{player}/token")
            self.answer("text/html", f"{HEAD}<body><script type='module'>{script}</script></body></html>")
        else:
            script = f'src="{self.game.url}/static/play/embed.js" data-token-url="/{player}/token"'
            self.answer(
                "text/html", f'{HEAD}<body><h1>Studio</h1><script type="module" {script}></script></body></html>'
            )

    def answer(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments: object) -> None:
        pass


def visit(page: Page, game: Game, player: str) -> None:
    page.goto(f"{game.studio}/{player}/")
    expect(page.locator(".connection")).to_have_text("Live")


def achievement(page: Page, title: str) -> Locator:
    return page.locator("#achievements .card", has=page.get_by_role("heading", name=title))


def quest(page: Page, title: str) -> Locator:
    return page.locator("#quests .card", has=page.get_by_role("heading", name=title))


# -- live --------------------------------------------------------------------------------------------------------------


def test_an_unlock_is_on_the_page_within_a_second_of_its_event(page: Page, game: Game, player: str) -> None:
    visit(page, game, player)
    took = []
    for type_, data, title in (
        ("session.started", {"platform": "desktop"}, "Down the Salt Stairs"),
        ("salvage.found", {"item": "cork", "rarity": "common", "region": "keel-market"}, "Finders, Keepers"),
        ("trade.completed", {"with": "old-pike", "side": "sold", "salt": 20}, "Opening Hours"),
    ):
        posted = time.monotonic()
        game.report(player, type_, **data)
        page.locator(".toast", has_text=f"Unlocked: {title}").wait_for()
        took.append(time.monotonic() - posted)
        expect(achievement(page, title)).to_have_attribute("data-state", "COMPLETED")
    assert statistics.median(took) < 1, took
    expect(page.locator("#lately li").first).to_be_visible()
    [salt] = game.of(player, "wallet")
    expect(page.locator(".purse")).to_contain_text(f"Salt{salt['balance']}")
    expect(page.locator(".toasts")).to_have_attribute("aria-live", "polite")


def test_bars_move_without_an_unlock(page: Page, game: Game, player: str) -> None:
    visit(page, game, player)
    for number in range(1, 4):
        game.report(player, "gift.given", to=f"friend-{number}", item="cork")
    card = achievement(page, "Open Hand")
    expect(card.locator(".far")).to_contain_text("3 / 5")
    expect(card.locator("progress")).to_have_attribute("aria-label", "Open Hand: 60%")
    expect(card.locator(".tiers")).to_have_text("Tier 1 of 2")


def test_a_reward_is_claimed_once_however_often_it_is_pressed(page: Page, game: Game, player: str) -> None:
    visit(page, game, player)
    game.report(player, "foe.beaten", foe="mireling", family="mireling", boss=False, damage=9, hits_taken=1)
    claim = page.get_by_role("button", name="Claim: Tin lantern")
    claim.dblclick()
    expect(claim).to_have_count(0)
    expect(page.locator(".toast", has_text="Claimed: Tin lantern")).to_have_count(1)
    expect(page.locator("#rewards")).to_contain_text("Nothing waits for you just now.")
    held = [(row["item_id"], row["quantity"]) for row in game.of(player, "inventory")]
    assert held == [("tin-lantern", 1)]


def test_a_quest_is_started_a_step_done_and_the_rest_given_up(page: Page, game: Game, player: str) -> None:
    visit(page, game, player)
    page.get_by_role("button", name="Start: The Procession").click()
    procession = quest(page, "The Procession")
    expect(procession).to_have_attribute("data-status", "IN_PROGRESS")
    procession.get_by_role("button", name="Done: Light your lantern").click()
    expect(procession.locator(".step.done")).to_contain_text("Light your lantern")
    expect(procession.get_by_role("progressbar", name="The Procession")).to_have_attribute(
        "aria-label", "The Procession: 33%"
    )
    game.report(player, "party.joined", leader="mara", size=5)
    expect(procession.locator(".step.active")).to_contain_text("Walk to the water's edge")

    procession.get_by_role("button", name="Give up").click()
    assert game.http.get("/quests/century-procession/progress", params={"player_id": player}).json()["run"] == 1
    procession.get_by_role("button", name="Really give up?").click()
    expect(page.get_by_role("button", name="Start: The Procession")).to_be_visible()
    run = game.http.get("/quests/century-procession/progress", params={"player_id": player}).json()
    assert (run["run"], run["status"]) == (1, "NOT_STARTED")


def test_a_quest_with_a_deadline_counts_down(page: Page, game: Game, player: str) -> None:
    visit(page, game, player)
    page.get_by_role("button", name="Start: Before It Boils").click()
    clock = quest(page, "Before It Boils").locator("time")
    expect(clock).to_have_text(re.compile(r"^1?\d s left$"))
    seconds = int(clock.inner_text().split()[0])
    expect(clock).to_have_text(re.compile(rf"^({seconds - 1}|{seconds - 2}) s left$"))


def test_a_secret_is_three_question_marks_until_it_is_unlocked(page: Page, game: Game, player: str) -> None:
    seen: list[str] = []
    page.on("response", lambda answer: seen.append(answer.text()) if "/api/" in answer.url else None)
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: seen.append(str(frame))))
    visit(page, game, player)
    page.locator("summary", has_text="Secrets").click()
    expect(page.locator(".secret")).to_have_count(5)
    expect(page.locator(".secret").first).to_contain_text("???")
    assert "Gravity, Confirmed" not in page.locator(".panel").inner_text() + "".join(seen)
    game.report(player, "player.fell", height=41.5)
    expect(page.locator(".toast")).to_contain_text("Unlocked: Gravity, Confirmed")
    expect(achievement(page, "Gravity, Confirmed")).to_be_visible()
    expect(page.locator(".secret")).to_have_count(4)


def test_after_the_server_was_killed_the_page_comes_back_and_catches_up(
    page: Page, tmp_path: Path, player: str
) -> None:
    with ExitStack() as running, ExitStack() as first:
        game = make_game(tmp_path, first)
        visit(page, game, player)
        game.report(player, "session.started", platform="desktop")
        expect(page.locator(".toast", has_text="Down the Salt Stairs")).to_be_visible()
        first.close()
        expect(page.locator(".connection")).not_to_have_text("Live")
        missed = tmp_path / "missed.jsonl"
        found = event(player, "salvage.found", item="cork", rarity="common", region="keel-market")
        missed.write_text(json.dumps(found))
        manage("import_events", str(missed), env=game.env)  # the game goes on meanwhile
        running.enter_context(serving(game.env, game.port))
        expect(page.locator(".connection")).to_have_text("Live", timeout=40_000)
        expect(page.locator(".toast", has_text="Finders, Keepers")).to_have_count(1)
        expect(achievement(page, "Finders, Keepers")).to_have_attribute("data-state", "COMPLETED")
        page.wait_for_timeout(500)
        told = [line for line in page.locator("#lately p:first-child").all_inner_texts() if "Unlocked" in line]
        assert told == ["Unlocked: Finders, Keepers", "Unlocked: Down the Salt Stairs"]


# -- embedding ---------------------------------------------------------------------------------------------------------


def test_a_site_that_the_service_does_not_know_sees_nothing(page: Page, game: Game, player: str) -> None:
    assert page.context.browser is not None
    elsewhere = page.context.browser.new_page()
    elsewhere.goto(f"{game.studio.replace('127.0.0.1', 'localhost')}/{player}/")
    expect(elsewhere.locator(".connection")).to_have_text("No answer. Is there a connection?", timeout=20_000)
    expect(elsewhere.locator(".who")).to_have_count(0)


def test_when_its_token_is_not_taken_it_gets_another(page: Page, game: Game, player: str) -> None:
    Studio.worn.append("not.a.token")
    visit(page, game, player)
    expect(page.locator(".name h2")).to_have_text(player)
    assert Studio.worn == []


def test_the_example_in_the_docs_does_what_it_says(page: Page, game: Game, player: str) -> None:
    game.report(player, "foe.beaten", foe="mireling", family="mireling", boss=False, damage=9, hits_taken=1)
    page.goto(f"{game.studio}/{player}/example")
    expect(page.locator("body")).to_contain_text("Level 1")
    expect(page.locator("body")).to_contain_text("live")
    until(lambda: [row["item_id"] for row in game.of(player, "inventory")] == ["tin-lantern"])
    game.report(player, "session.started", platform="desktop")
    expect(page.locator("body")).to_contain_text("Unlocked: Down the Salt Stairs")


# -- everybody ---------------------------------------------------------------------------------------------------------


def test_the_demo_player_plays_from_the_page_that_serve_names(page: Page, game: Game) -> None:
    assert f"The player's page, with a demo player: {game.url}/play/\n" in game.said
    page.goto(f"{game.url}/play/")
    expect(page.locator(".connection")).to_have_text("Live")
    page.get_by_role("button", name="Go down the stairs").click()
    expect(page.locator("#said")).to_contain_text('session.started {"platform":"browser"}')
    expect(achievement(page, "Down the Salt Stairs")).to_have_attribute("data-state", "COMPLETED")
    page.get_by_role("button", name="Do as a quest asks").click()
    expect(page.locator("#said")).to_have_text("No quest waits for the game just now.")


def test_it_can_be_played_from_the_keyboard(page: Page, game: Game, player: str) -> None:
    for type_ in ("session.started", "foe.beaten"):
        game.report(player, type_, damage=1, family="bailiff")
    visit(page, game, player)
    expect(page.get_by_role("button", name="Claim: Tin lantern")).to_be_visible()
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name = focused(page)
        if name == "Claim: Tin lantern":
            outline = "getComputedStyle(document.activeElement.shadowRoot.activeElement).outlineStyle"
            assert page.evaluate(outline) == "solid"  # where one is can be seen
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name="Claim: Tin lantern")).to_have_count(0)
            assert focused(page) == "Rewards to claim0"  # the button is gone; whoever pressed it is still there
        reached.append(name)
    assert reached.index("Rewards1") < reached.index("Claim: Tin lantern") < reached.index("Start: The Procession")
    assert "Unlocked2" in reached  # a fold opens by the keyboard, too


def focused(page: Page) -> str:
    script = "(e => e?.ariaLabel ?? e?.textContent ?? '')(document.activeElement?.shadowRoot?.activeElement)"
    return str(page.evaluate(script))


@pytest.mark.once
@pytest.mark.parametrize(("name", "width", "scheme"), VIEWS)
def test_it_is_fit_for_everybody(page: Page, game: Game, name: str, width: int, scheme: Any) -> None:
    """axe's rules, WCAG 2.2 AA and its best practices, with everything opened; nothing to scroll sideways for."""
    assert page.context.browser is not None  # axe puts a style of its own into the page, which its policy forbids
    page = page.context.browser.new_page(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True
    )
    page.goto(f"{game.url}/play/")
    expect(page.locator(".connection")).to_have_text("Live")
    for move in ("Go down the stairs", "Beat ten foes", "Pick something up", "Lean over the edge"):
        page.get_by_role("button", name=move).click()
        page.wait_for_timeout(300)
    game.report("demo", "trade.completed", salt=1_000, side="sold", **{"with": "old-pike"})
    expect(page.locator(".toast").first).to_be_visible()
    page.screenshot(path=SHOTS / f"{name}-{scheme}.png")
    while (folds := page.locator("details:not([open]) > summary")).count():
        folds.first.click()
    page.screenshot(path=SHOTS / f"{name}-{scheme}-opened.png", full_page=True)
    page.evaluate(AXE)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    shown = [
        (rule["id"], node["target"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]
    ]
    assert shown == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_tokens_of_others_show_nothing_of_this_player(game: Game, player: str) -> None:
    """What the page reads is the token's player, whoever is named."""
    game.report(player, "session.started", platform="desktop")
    with httpx.Client(base_url=f"{game.url}/api/v1") as http:
        other = {"Authorization": f"Bearer {game.token('somebody-else')}"}
        for what in ("", "/achievements", "/quests", "/distributions", "/wallet", "/messages"):
            assert http.get(f"/players/{player}{what}", headers=other).status_code == 404
