"""A designer's whole way in a real browser: authored, tried, put together, approved, scheduled, live, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from achievements.models import Achievement
from gamification.kernel.content.releasing import publish_due
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import Release
from tests.support.browsing import PASSWORD, browsing, found_by_axe, log_in, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Launch = dict[str, Any]


@pytest.fixture
def people() -> None:
    for name in ("mia", "tom"):
        User.objects.create_user(name, password=PASSWORD, is_staff=True).groups.add(Group.objects.get(name="designers"))


@contextmanager
def console(live_server: LiveServer, launch: Launch, name: str) -> Iterator[Page]:
    with browsing(launch) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        log_in(page, live_server.url, name)
        yield page


def open_(page: Page, server: LiveServer, path: str) -> None:
    page.goto(f"{server.url}/admin/{path}")


def section(page: Page, name: str) -> None:
    page.locator(".sections").get_by_text(name).click()


def choose(page: Page, field: str, text: str) -> None:
    """Pick from a choice that searches."""
    page.locator(f"#id_{field}").locator("xpath=..").locator(".select2-selection").click()
    page.locator(".select2-search__field").fill(text)
    page.locator(".select2-results__option", has_text=text).first.click()


def publish(page: Page, why: str) -> None:
    page.get_by_label("Why").first.fill(why)
    page.get_by_role("button", name="Save and publish").click()
    expect(page.locator(".messagelist")).to_contain_text("Published")


def note(page: Page, field: str) -> Any:
    """What is said beside a field."""
    return page.locator(f"#id_{field}_note")


def say(server: LiveServer, found: list[str], page: Page, name: str) -> None:
    shoot(page, f"journey-{name}")
    found += [f"{name}: {each}" for each in found_by_axe(page)]


@pytest.mark.usefixtures("people")
def test_from_a_first_metric_to_a_release_that_is_taken_back(
    live_server: LiveServer, browser_type_launch_args: Launch, settings: LazySettings
) -> None:
    found: list[str] = []
    with console(live_server, browser_type_launch_args, "mia") as page:
        # A metric
        open_(page, live_server, "progress/metric/add/")
        page.fill("#id_id", "bells")
        page.fill("#id_name", "Bells rung")
        page.fill("#id_event_type", "bell.rung")
        publish(page, "what the tower counts")

        # A reward, with two mistakes
        open_(page, live_server, "rewards/reward/add/")
        page.fill("#id_id", "ten-salt")
        page.locator("#id_type").select_option("CURRENCY")
        page.fill("#id_value", "0")
        page.fill("#id_currency", "salt")
        expect(note(page, "value")).to_contain_text("gives nothing")
        page.fill("#id_value", "10")
        page.fill("#id_claim_within", "-5")
        expect(note(page, "claim_within")).to_be_visible()
        page.fill("#id_claim_within", "")
        publish(page, "for bell ringers")

        # An achievement, with three more
        open_(page, live_server, "achievements/achievement/add/")
        page.fill("#id_id", "night watch")
        expect(note(page, "id")).to_contain_text("Letters, digits")
        page.fill("#id_id", "night-watch")
        page.fill("#id_title", "Night Watch")
        page.fill("#id_description", "Ring two bells before the tide turns")
        page.locator("#id_type").select_option("CHALLENGE")
        page.locator("#id_category").select_option("EXPLORATION")
        page.fill("#id_points", "25")
        section(page, "What it asks")
        page.locator("#id_requirements-0-type").select_option("COUNT")
        choose(page, "requirements-0-metric", "bells")
        page.locator("#id_requirements-0-operator").select_option("eq")
        page.fill("#id_requirements-0-threshold", "2.5")
        expect(note(page, "requirements-0-threshold")).to_contain_text("never be met")
        page.locator("#id_requirements-0-operator").select_option("gte")
        page.fill("#id_requirements-0-threshold", "2")
        expect(page.locator("#sentence")).to_contain_text("Bells rung: at least 2 times")
        section(page, "When")
        page.fill("#id_ends_at", "2020-01-01T00:00:00")
        expect(note(page, "ends_at")).to_be_visible()
        say(live_server, found, page, "mistake")
        page.fill("#id_ends_at", "")
        section(page, "What it gives")
        page.get_by_text("Add another Reward").click()
        choose(page, "rewards-0-reward", "ten-salt")
        page.get_by_role("button", name="Save draft").click()
        expect(page.locator(".messagelist")).to_contain_text("Saved the draft")

        # It is tried, and what came of it is kept
        page.locator("aside").get_by_role("link", name="Try it").click()
        page.get_by_label("Type").fill("bell.rung")
        page.get_by_label("Times").fill("2")
        page.get_by_label("Once a").select_option("hour")
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_text("unlocks Night Watch")).to_be_visible()
        say(live_server, found, page, "tried")
        page.get_by_label("Called").fill("two bells are enough")
        page.get_by_role("button", name="Save as an example").click()
        expect(page.locator(".messagelist")).to_contain_text("Kept as an example")

        # A quest with a branch
        open_(page, live_server, "quests/quest/add/")
        page.fill("#id_id", "lanterns")
        page.fill("#id_title", "Lanterns Out")
        page.locator("#id_type").select_option("SIDE")
        page.locator("#id_difficulty").select_option("NORMAL")
        section(page, "Steps")
        for row, (step, order, branch) in enumerate((("light", 1, ""), ("ring", 2, "loud"), ("tiptoe", 2, "quiet"))):
            if row:
                page.get_by_text("Add another Step").click()
            page.fill(f"#id_steps-{row}-step_id", step)
            page.fill(f"#id_steps-{row}-title", step.title())
            page.fill(f"#id_steps-{row}-order", str(order))
            page.fill(f"#id_steps-{row}-branch", branch)
        say(live_server, found, page, "steps")
        page.get_by_role("button", name="Ask for something in the step ring").click()
        expect(page.locator("#steps-1 #id_requirements-0-type")).to_be_focused()
        page.locator("#id_requirements-0-type").select_option("COUNT")
        choose(page, "requirements-0-metric", "bells")
        page.locator("#id_requirements-0-operator").select_option("eq")
        page.fill("#id_requirements-0-threshold", "2.5")
        expect(page.locator("#steps-1 #id_requirements-0-threshold_note")).to_contain_text("never be met")
        page.locator("#id_requirements-0-operator").select_option("gte")
        page.fill("#id_requirements-0-threshold", "1")
        expect(page.locator("ol.outline > li")).to_have_count(2)
        expect(page.locator("ol.outline")).to_contain_text("Bells rung: at least once")
        page.get_by_role("button", name="Ask for something in the step tiptoe").click()
        expect(page.locator("#id_requirements-1-step")).to_have_value("tiptoe")
        expect(page.locator("#steps-2 #id_requirements-1-type")).to_be_focused()
        page.locator("#id_requirements-1-type").select_option("QUEST")
        page.locator("#requirements-1 .inline-deletelink").click()
        expect(page.locator("ol.outline")).not_to_contain_text("complete the quest")
        say(live_server, found, page, "outline")
        page.get_by_role("button", name="Save draft").click()
        expect(page.locator(".messagelist")).to_contain_text("Saved the draft")

        # Both go into one release
        settings.REVIEWS_REQUIRED = 1
        for path in ("achievements/achievement/night-watch/change/", "quests/quest/lanterns/change/"):
            open_(page, live_server, path)
            page.get_by_label("Release").fill("Winter tide")
            page.get_by_role("button", name="Put into it").click()
            expect(page.locator(".messagelist")).to_contain_text("Winter tide")
        page.locator(".messagelist").get_by_role("link", name="Winter tide").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Winter tide")
        say(live_server, found, page, "release")
        page.get_by_role("button", name="Send to review").click()
        expect(page.locator(".messagelist")).to_contain_text("in review")
        page.locator(".messagelist").get_by_role("link", name="Winter tide").click()
        page.get_by_role("button", name="Approve").click()
        expect(page.locator(".messagelist")).to_contain_text("Somebody else has to approve")

    with console(live_server, browser_type_launch_args, "tom") as page:
        page.get_by_role("link", name="Review Winter tide").click()
        open_(page, live_server, "")
        page.locator("#navigation").get_by_role("link", name="Releases").click()
        page.get_by_role("link", name="Winter tide").click()
        page.get_by_role("button", name="Approve").click()
        expect(page.locator(".messagelist")).to_contain_text("approved")
        page.locator(".messagelist").get_by_role("link", name="Winter tide").click()
        hour = timezone.now() + timedelta(hours=2)
        page.get_by_label("When, in UTC").fill(f"{hour:%Y-%m-%dT%H:%M}")
        page.get_by_role("button", name="Schedule").first.click()
        expect(page.locator(".messagelist")).to_contain_text("scheduled")
        open_(page, live_server, "achievements/achievement/")
        expect(page.locator("#changelist")).to_contain_text("scheduled")
        say(live_server, found, page, "scheduled")

    later = hour + timedelta(minutes=1)
    assert publish_due(later, lambda command: bus.handle(command, actor=SYSTEM, now=later)) == 1
    assert Achievement.objects.get(pk="night-watch").published == 1
    release = Release.objects.get(title="Winter tide")

    with console(live_server, browser_type_launch_args, "mia") as page:
        open_(page, live_server, f"kernel/release/{release.pk}/change/")
        expect(page.get_by_text("Went live as version 1.").first).to_be_visible()
        page.get_by_role("button", name="Revert").click()
        page.locator(".messagelist").get_by_role("link", name="Revert: Winter tide").click()
        expect(page.get_by_text("It is taken out of play.").first).to_be_visible()
        say(live_server, found, page, "reverting")
        page.get_by_role("button", name="Send to review").click()
    with console(live_server, browser_type_launch_args, "tom") as page:
        open_(page, live_server, "kernel/release/")
        page.get_by_role("link", name="Revert: Winter tide").click()
        page.get_by_role("button", name="Approve").click()
        page.locator(".messagelist").get_by_role("link", name="Revert: Winter tide").click()
        page.get_by_role("button", name="Publish").click()
        expect(page.locator(".messagelist")).to_contain_text("published")
    assert Achievement.objects.get(pk="night-watch").retired_at is not None
    assert not found, "\n".join(found)
