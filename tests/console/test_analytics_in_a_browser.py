"""The pages of analytics in a real browser: nothing for axe to find, and nothing wider than a phone."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from gamification.console.analytics_pages import QUESTIONS
from gamification.console.management.commands.setup_sample import load_content
from gamification.console.sample import playing_past
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

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

LOOKS: list[tuple[int, Scheme]] = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]


def test_each_page_is_clean_dark_and_light_on_a_phone_and_at_a_desk(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    load_content()
    playing_past.play(12, 21, timezone.now() + timedelta(seconds=1))
    ada = User.objects.create_user("ada", password=PASSWORD, is_staff=True)
    ada.groups.add(Group.objects.get(name="analysts"))
    for width, scheme in LOOKS:
        with browsing(browser_type_launch_args, width, scheme) as page:
            log_in(page, live_server.url, "ada")
            for name, question in QUESTIONS.items():
                page.goto(f"{live_server.url}/admin/figures/{name}/")
                expect(page.get_by_role("heading", level=1, name=question.title)).to_be_visible()
                assert not is_wider_than_the_screen(page), (name, width)
                shoot(page, f"analytics-{name}-{width}-{scheme}")
                assert found_by_axe(page) == [], (name, width, scheme)
                if (width, scheme) == LOOKS[0]:
                    assert_downloads_are_the_tables(page)
                    assert_it_fits_on_paper(page)
            page.goto(f"{live_server.url}/admin/figures/exports/")
            assert not is_wider_than_the_screen(page)
            shoot(page, f"analytics-exports-{width}-{scheme}")
            assert found_by_axe(page) == [], ("exports", width, scheme)


def assert_it_fits_on_paper(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="light")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert [each for each in page.locator("nav, form, button").all() if each.is_visible()] == []
    page.emulate_media(media="screen", color_scheme="light")


def assert_downloads_are_the_tables(page: Page) -> None:
    for link in page.get_by_role("link", name="As CSV").all():
        with page.expect_download() as downloading:
            link.click()
        lines = list(csv.reader(Path(downloading.value.path()).read_text().splitlines()))
        section = link.locator("xpath=ancestor::section")
        cells = (
            "section => [...section.querySelectorAll('tr')].map(row => [...row.cells].map(cell => cell.textContent))"
        )
        assert [[cell or "\u2013" for cell in line] for line in lines] == section.evaluate(cells)
        assert len(lines) > 1
