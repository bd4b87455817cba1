"""A quest's steps as cards, in a real browser: what is about a step goes where the step goes."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.support.authoring import count, designer, metric, quest, send
from tests.support.browsing import PASSWORD, browsing, log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_requirement_that_goes_with_a_new_step_is_sent_as_deleted(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    send(designer(), "metrics", metric())
    send(designer(), "quests", quest(requirements=[count("kills", threshold=3)]))
    User.objects.create_superuser("root", password=PASSWORD)
    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "root")
        page.goto(f"{live_server.url}/admin/quests/quest/trail/change/#id_steps-0-step_id")
        ends = "(name) => document.querySelector(name).getBoundingClientRect().right"
        assert page.evaluate(ends, ".of-step") <= page.evaluate(ends, "#steps-0")  # nothing stands over the card's edge
        row = page.evaluate(
            "() => [...document.querySelectorAll('[name$=-role]')].find((each) => each.value === 'START').name"
        ).removesuffix("-role")
        page.locator("#steps-group .add-row a").first.click()
        page.fill("#id_steps-1-step_id", "two")
        page.evaluate("(id) => { location.hash = id; }", f"id_{row}-role")
        page.select_option(f"#id_{row}-role", "STEP")
        page.fill(f"#id_{row}-step", "two")
        page.locator(f"#id_{row}-step").blur()
        expect(page.locator(f"#steps-1 #{row}")).to_be_attached()
        page.locator("#steps-1 .inline-deletelink").first.click()
        page.get_by_role("button", name="Ask for something").first.click()
        expect(page.locator(f"#requirements-group #id_{row}-DELETE")).to_be_checked()
