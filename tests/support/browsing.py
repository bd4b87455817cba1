"""A real browser at the console: pages that nothing complains about, and what axe finds on them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import ConsoleMessage, Page, ViewportSize, sync_playwright

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
SHOTS = Path(os.environ.get("SCREENSHOTS", "test-results")) / "console"
PASSWORD = "a long way to the sea"
Scheme = Literal["light", "dark"]
PHONE, DESK = 390, 1280


examined: list[str] = []
"""Axe and pictures put styles into a page that its policy refuses, and it is said of them some time after: pages that
were examined are not the ones to test the policy on."""


@contextmanager
def browsing(
    launch: dict[str, Any], width: int = DESK, scheme: Scheme = "light", *, meant: str = "nothing"
) -> Iterator[Page]:
    """Not pytest-playwright's page: its event loop stays for the whole session, and Django's database refuses to be
    called beside one. What its scripts, or the policy of content, complain about fails the test, unless it has in it
    what is `meant` to happen."""
    complaints: list[str] = []
    examined.clear()

    def note(message: ConsoleMessage) -> None:
        is_of_axe = bool(examined) and "inline style" in message.text
        if message.type == "error" and not is_of_axe and meant not in message.text:
            complaints.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch)
        viewport: ViewportSize = {"width": width, "height": 844 if width == PHONE else 800}
        page = browser.new_page(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
        page.set_default_timeout(10_000)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert not complaints, complaints


def log_in(page: Page, at: str, name: str) -> None:
    page.goto(f"{at}/admin/login/?next=/admin/")
    page.fill("#id_username", name)
    page.fill("#id_password", PASSWORD)
    page.click("text=Log in")
    page.wait_for_url(f"{at}/admin/")


def found_by_axe(page: Page) -> list[str]:
    """What axe finds, a line each."""
    examined.append(page.url)
    page.evaluate(AXE)  # not as a script of the page, which the policy of content would refuse
    found = page.evaluate("() => axe.run(document)")
    return [
        f"{each['id']}: {node['target']} {node['html'][:120]}" for each in found["violations"] for node in each["nodes"]
    ]


def is_wider_than_the_screen(page: Page) -> bool:
    return bool(page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"))


def shoot(page: Page, name: str) -> None:
    """A picture for whoever wants to look."""
    if "SCREENSHOTS" in os.environ:
        SHOTS.mkdir(parents=True, exist_ok=True)
        examined.append(page.url)
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
