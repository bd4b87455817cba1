"""The form of a rule against cheats in a real browser: it is read aloud while it is filled in, as the server does."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from anticheat.models import Rule
from anticheat.sentences import PATTERNS, sentence
from tests.support.authoring import designer, metric, send
from tests.support.browsing import PASSWORD, browsing, log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_rule_is_read_aloud_while_it_is_filled_in(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any]
) -> None:
    send(designer(), "metrics", metric())
    rae = User.objects.create_user("rae", password=PASSWORD, is_staff=True)
    rae.groups.add(Group.objects.get(name="reviewers"))
    with browsing(browser_type_launch_args) as page:
        log_in(page, live_server.url, "rae")
        page.goto(f"{live_server.url}/admin/anticheat/rule/add/")
        said = page.locator("#spoken")
        page.locator("#id_kind").select_option("COOLDOWN")
        page.locator("#id_event_type").fill("foe.beaten")
        page.locator("#id_seconds").fill("90")
        expect(said).to_have_text(
            "Two events foe.beaten less than 90 seconds apart: it has no effect until somebody releases it."
        )
        filled = {"event_type": "foe.beaten", "minimum": 1.0, "maximum": 2.5, "seconds": 7200}
        for name, value in filled.items():  # out of sight for some kinds, and still there
            typed = str(value).removesuffix(".0")
            page.evaluate(f"() => {{ document.getElementById('id_{name}').value = '{typed}' }}")
        for is_enabled in (True, False):
            page.locator("#id_is_enabled").set_checked(is_enabled)
            for action in Rule.Action.values:
                page.locator("#id_action").select_option(action)
                for kind in PATTERNS:
                    page.locator("#id_kind").select_option(kind)
                    rule = {"kind": kind, "action": action, "is_enabled": is_enabled, **filled}
                    assert said.text_content() == sentence(rule)
        page.locator("#id_is_enabled").check()
        page.locator("#id_action").select_option("FLAG")
        page.locator("#id_kind").select_option("COOLDOWN")
        page.locator("#id_name").fill("too-fast")
        for name in ("minimum", "maximum"):
            page.locator(f"#id_{name}").fill("")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#result_list")).to_contain_text("Two events foe.beaten less than 2 hours apart: it counts")
