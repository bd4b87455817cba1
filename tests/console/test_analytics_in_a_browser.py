"""The pages of analytics in a real browser: nothing for axe to find, and nothing wider than a phone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import expect
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

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

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
