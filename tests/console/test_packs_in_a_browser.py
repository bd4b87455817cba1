"""A designer uploads a pack in a real browser, sees what it would change, and confirms it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from gamification.kernel.models import Release
from tests.support.authoring import achievement, coins, count, designer, metric, quest, send, step
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

PACK = {
    "rewards": [coins(), coins("a-purse", 0)],
    "achievements": [
        achievement("hunter", count(threshold=25), title="Huntress", tags=["autumn"], rewards=["ten-coins"]),
        achievement("walker", count(threshold=3), description="Three of them"),
    ],
    "quests": [quest("trail", step("hunt", count(threshold=4)), step("report", order=2))],
}


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_a_pack_is_uploaded_seen_and_confirmed(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any], tmp_path: Path, width: int, scheme: Scheme
) -> None:
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins())
    send(designer(), "achievements", achievement("hunter", rewards=["ten-coins"]))
    send(designer(), "quests", quest())
    mia = User.objects.create_user("mia", password=PASSWORD, is_staff=True)
    mia.groups.add(Group.objects.get(name="designers"))
    file = tmp_path / "autumn.yaml"
    file.write_text(yaml.safe_dump(PACK))
    found = []
    with browsing(browser_type_launch_args, width, scheme) as page:
        log_in(page, live_server.url, "mia")
        page.goto(f"{live_server.url}/admin/packs/")
        shoot(page, f"packs-{width}-{scheme}")
        found += found_by_axe(page)
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("autumn.yaml")
        expect(page.get_by_text("Kills: at least 25 times")).to_be_visible()
        shoot(page, f"pack-{width}-{scheme}")
        found += found_by_axe(page)
        assert not is_wider_than_the_screen(page)
        page.get_by_label("Title of the release").fill("Autumn")
        page.get_by_role("button", name="Make a release of it").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Autumn")
        shoot(page, f"release-of-pack-{width}-{scheme}")
    assert not found, "\n".join(found)
    assert len(Release.objects.get(title="Autumn").items) == 4
