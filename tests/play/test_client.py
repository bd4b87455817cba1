"""gamification.js in a real browser, with a feed that says what a test wants: what no server does on demand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, Route, WebSocketRoute, sync_playwright

pytestmark = [pytest.mark.once, pytest.mark.browser]

FILES = settings.BASE_DIR / "clients" / "typescript" / "src"
SITE = "http://game.test"
BEGIN = """
async (options) => {
    const { Gamification } = await import("/static/play/gamification.js");
    window.tokens = 0;
    window.heard = [];
    window.states = [];
    window.me = new Gamification({ getToken: () => `token-${++window.tokens}`, ...options });
    me.addEventListener("message", (event) => heard.push(event.detail.seq));
    me.addEventListener("achievement.progressed", (event) => heard.push(event.detail.data.progress));
    me.addEventListener("resync", () => heard.push("resync"));
    me.addEventListener("state", (event) => states.push(event.detail));
    me.connect();
}
"""


class Feed:
    """The server's end of each socket that the page opened, and what was said on it."""

    def __init__(self) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.said: list[dict[str, Any]] = []
        self.greets_with: int | None = 0

    def open(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self.said.append(json.loads(text)))
        if self.greets_with is not None:
            self.say("hello", {"last_seq": self.greets_with})

    def say(self, type_: str, data: object = None) -> None:
        self.sockets[-1].send(json.dumps({"type": type_, "data": data}))

    def tell(self, *numbers: int) -> None:
        for seq in numbers:
            message = {"seq": seq, "type": "level.reached", "player_id": "ann", "data": {}, "timestamp": "…"}
            self.sockets[-1].send(json.dumps(message))

    def close(self, code: int, reason: str = "") -> None:
        self.sockets[-1].close(code=code, reason=reason)


@pytest.fixture
def page(browser_type_launch_args: dict[str, Any]) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**browser_type_launch_args)
        page = browser.new_page()
        page.set_default_timeout(10_000)
        page.route(f"{SITE}/**", from_disk)
        yield page
        browser.close()


def from_disk(route: Route) -> None:
    name = route.request.url.rsplit("/", 1)[-1]
    if name.endswith(".js"):
        route.fulfill(path=FILES / name, content_type="text/javascript")
    else:
        route.fulfill(body="<!doctype html><title>A game</title>", content_type="text/html")


@pytest.fixture
def feed(page: Page) -> Feed:
    found = Feed()
    page.route_web_socket(f"{SITE.replace('http', 'ws')}/game-events", found.open)
    page.goto(f"{SITE}/")
    return found


def heard(page: Page, *expected: object) -> None:
    """All of it, in order; and a moment later still no more."""
    page.wait_for_function("count => heard.length >= count", arg=len(expected))
    page.wait_for_timeout(50)
    assert page.evaluate("heard") == list(expected)


def becomes(page: Page, state: str) -> None:
    page.wait_for_function("state => me.state === state", arg=state)


def until(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        page.wait_for_timeout(25)
    raise AssertionError("it did not come to pass")


def test_at_first_it_goes_on_from_the_newest_message(page: Page, feed: Feed) -> None:
    feed.greets_with = 41
    page.evaluate(BEGIN, {})
    becomes(page, "live")
    feed.tell(42, 43)
    heard(page, 42, 43)
    assert feed.said == []
    assert page.evaluate("me.after") == 43


def test_it_asks_for_what_it_missed_and_hears_each_once_and_in_order(page: Page, feed: Feed) -> None:
    feed.greets_with = 5
    page.evaluate(BEGIN, {"after": 2})
    until(page, lambda: feed.said == [{"type": "resume", "after": 2}])
    feed.tell(6)  # the feed was faster than the wish
    feed.tell(3, 4, 5, 6)
    feed.say("resumed", {"last_seq": 6})
    feed.tell(6, 7)
    heard(page, 3, 4, 5, 6, 7)
    assert page.evaluate("me.state") == "live"


def test_a_gap_makes_it_ask_again(page: Page, feed: Feed) -> None:
    page.evaluate(BEGIN, {})
    becomes(page, "live")
    feed.tell(1, 3)
    until(page, lambda: feed.said == [{"type": "resume", "after": 1}])
    feed.tell(2, 3, 4)
    feed.say("resumed", {"last_seq": 4})
    heard(page, 1, 2, 3, 4)


def test_when_what_was_missed_is_no_longer_kept_it_says_so_and_goes_on(page: Page, feed: Feed) -> None:
    feed.greets_with = 9000
    page.evaluate(BEGIN, {"after": 3})
    until(page, lambda: len(feed.said) == 1)
    feed.say("resync", {"last_seq": 9000})
    feed.tell(9001, 9002)
    heard(page, "resync", 9001, 9002)


def test_progress_has_no_number_and_is_passed_on(page: Page, feed: Feed) -> None:
    page.evaluate(BEGIN, {})
    becomes(page, "live")
    feed.say("achievement.progressed", {"id": "ten", "progress": 0.4})
    heard(page, 0.4)
    assert page.evaluate("me.after") == 0


def test_it_comes_back_by_itself_and_goes_on_where_it_was(page: Page, feed: Feed) -> None:
    page.evaluate(BEGIN, {})
    becomes(page, "live")
    feed.tell(1)
    heard(page, 1)
    feed.greets_with = 3
    feed.close(1011)
    until(page, lambda: feed.said == [{"type": "resume", "after": 1}])
    feed.tell(2, 3)
    feed.say("resumed", {"last_seq": 3})
    heard(page, 1, 2, 3)
    assert page.evaluate("tokens") == 1


def test_a_restarting_or_full_server_says_when_to_come_back(page: Page, feed: Feed) -> None:
    page.evaluate(BEGIN, {})
    for code in (1012, 4429, 1013):
        becomes(page, "live")
        feed.close(code, "retry-after=0.4")
        becomes(page, "waiting")
        assert page.evaluate("states.at(-1).retryIn") == 400
    becomes(page, "live")


def test_with_every_failure_it_waits_longer_but_never_for_a_fixed_time(page: Page, feed: Feed) -> None:
    feed.greets_with = None
    page.evaluate("() => { Math.random = () => 0.5 }")
    page.evaluate(BEGIN, {})
    for number in range(1, 4):
        until(page, lambda number=number: len(feed.sockets) == number)  # type: ignore[misc]
        feed.close(4408, "slow_client")
        becomes(page, "waiting")
    waits = page.evaluate("states.filter(({ state }) => state === 'waiting').map(({ retryIn }) => retryIn)")
    assert waits == [350, 600, 1100]


def test_a_token_that_ended_is_replaced(page: Page, feed: Feed) -> None:
    page.evaluate(BEGIN, {})
    becomes(page, "live")
    feed.close(4401, "expired_token")
    until(page, lambda: len(feed.sockets) == 2)
    becomes(page, "live")
    assert page.evaluate("tokens") == 2


def test_one_who_may_not_come_in_does_not_try_again(page: Page, feed: Feed) -> None:
    page.evaluate(BEGIN, {})
    becomes(page, "live")
    feed.close(4403, "banned")
    becomes(page, "stopped")
    page.wait_for_timeout(1_500)
    assert len(feed.sockets) == 1
    assert page.evaluate("states.at(-1)") == {"state": "stopped", "code": 4403, "reason": "banned"}


def test_a_connection_that_died_silently_is_noticed(page: Page, feed: Feed) -> None:
    page.clock.install()
    page.evaluate(BEGIN, {})
    becomes(page, "live")
    page.clock.run_for(26_000)
    until(page, lambda: feed.said == [{"type": "ping"}])
    feed.say("pong")
    page.wait_for_timeout(100)
    page.clock.run_for(20_000)
    assert page.evaluate("me.state") == "live"
    page.clock.run_for(6_000)
    until(page, lambda: len(feed.said) == 2)
    page.clock.run_for(16_000)
    until(page, lambda: len(feed.sockets) == 2)


# -- REST --------------------------------------------------------------------------------------------------------------


class Service:
    """Answers one after the other, and remembers what it was asked."""

    def __init__(self, page: Page, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, str | None, str | None]] = []
        page.route(f"{SITE}/api/v1/**", self.answer)

    def answer(self, route: Route) -> None:
        request = route.request
        headers = request.headers
        self.asked.append((request.method, request.url, headers["authorization"], headers.get("idempotency-key")))
        status, body = self.answers.pop(0)
        if status == 0:
            route.abort()
        else:
            route.fulfill(status=status, json=body)


def test_a_post_is_tried_again_with_the_same_key_until_it_is_answered(page: Page, feed: Feed) -> None:
    service = Service(page, (0, None), (503, {"code": "unavailable"}), (200, {"status": "CLAIMED"}))
    page.evaluate("() => { Math.random = () => 0 }")
    page.evaluate(BEGIN, {})
    assert page.evaluate("me.claim('0197-a')") == {"status": "CLAIMED"}
    methods, urls, tokens, keys = zip(*service.asked, strict=True)
    assert methods == ("POST",) * 3
    assert set(urls) == {f"{SITE}/api/v1/rewards/0197-a/claim"}
    assert set(tokens) == {"Bearer token-1"}
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32


def test_cases_are_read_and_a_verdict_is_appealed(page: Page, feed: Feed) -> None:
    case = {"id": 7, "state": "CONFIRMED", "may_appeal": True}
    service = Service(page, (200, {"next": None, "results": [case]}), (200, case | {"state": "APPEALED"}))
    page.evaluate(BEGIN, {})
    assert page.evaluate("me.cases()") == [case]
    said: list[str | None] = []
    page.on("request", lambda request: said.append(request.post_data))
    assert page.evaluate("me.appeal(7, 'It was me.')")["state"] == "APPEALED"
    assert said == ['{"text":"It was me."}']
    assert [url.removeprefix(SITE) for _, url, _, _ in service.asked] == [
        "/api/v1/players/me/cases?page_size=200", "/api/v1/players/me/cases/7/appeal",
    ]  # fmt: skip


def test_a_refusal_is_a_problem_with_its_code_and_is_not_tried_again(page: Page, feed: Feed) -> None:
    service = Service(page, (409, {"code": "cooldown", "detail": "Not before noon."}))
    page.evaluate(BEGIN, {})
    caught = "me.startQuest('tea').catch(({ name, status, code, message }) => [name, status, code, message])"
    assert page.evaluate(caught) == ["Problem", 409, "cooldown", "Not before noon."]
    assert len(service.asked) == 1


def test_a_token_that_was_refused_is_replaced_once(page: Page, feed: Feed) -> None:
    service = Service(page, (401, {"code": "expired_token"}), (200, {"player_id": "ann"}))
    page.evaluate(BEGIN, {})
    becomes(page, "live")
    assert page.evaluate("me.profile()") == {"player_id": "ann"}
    assert [token for _, _, token, _ in service.asked] == ["Bearer token-1", "Bearer token-2"]


def test_a_list_is_read_to_its_end(page: Page, feed: Feed) -> None:
    more = f"{SITE}/api/v1/players/me/quests?cursor=abc%3Ad&page_size=200"
    service = Service(page, (200, {"next": more, "results": [{"id": "a"}]}), (200, {"next": None, "results": [1]}))
    page.evaluate(BEGIN, {})
    assert page.evaluate("me.quests('COMPLETED')") == [{"id": "a"}, 1]
    first = f"{SITE}/api/v1/players/me/quests?page_size=200&state=COMPLETED"
    assert [url for _, url, _, _ in service.asked] == [first, f"{first}&cursor=abc%3Ad"]


KEEPING = """
async () => {
    const { Gamification } = await import("/static/play/gamification.js");
    const { browserStore } = await import("/static/play/browser-store.js");
    window.store = browserStore("reports");
    window.me = new Gamification({ getToken: () => "token", store });
}
"""


def test_a_report_outlives_the_page_and_is_sent_again_under_the_same_id(page: Page, feed: Feed) -> None:
    service = Service(page, (0, None), (200, {"progress": 0.5}))
    page.evaluate(KEEPING)
    page.evaluate("me.report('walker', { steps: 5 })")
    until(page, lambda: len(service.asked) == 1)
    page.reload()
    page.evaluate(KEEPING)
    until(page, lambda: len(service.asked) == 2)
    first, second = service.asked
    assert first == second
    assert first[1] == f"{SITE}/api/v1/achievements/walker/progress"
    page.wait_for_function("async () => (await store.first(1)).length === 0")
