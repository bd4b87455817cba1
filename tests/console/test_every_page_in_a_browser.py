"""Every page that the console answers a GET with, in a real browser: nothing for axe to find, nothing too wide."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from gamification.analytics import following
from gamification.console.models import UploadedPack
from tests.support import console_pages, game
from tests.support.authoring import achievement
from tests.support.browsing import (
    DESK,
    PASSWORD,
    PHONE,
    Scheme,
    browsing,
    found_by_axe,
    is_wider_than_the_screen,
    log_in,
)

pytestmark = [pytest.mark.browser, pytest.mark.once]

ALSO = {
    "password_change": "password_change/", "own_second_factor": "second-factor/own/", "review_case": "review/{case}/",
    "pack": "packs/{pack}/", "auth_user_password_change": "auth/user/{user}/password/",
}  # fmt: skip
"""Pages that are not in the list of those that look at players' tables."""
ELSEWHERE = {"login", "second_factor"}
"""Whoever is logged in is sent on from them; another test looks at them."""
NO_PAGES = {"logout", "jsi18n", "autocomplete", "view_on_site", "app_list", "pack_export", "password_change_done"}
"""Answers that are no pages of our own: they are data, or lead elsewhere."""
PARTS = ("changelist", "add", "change", "delete", "history", "compare", "table", "clone", "take", "preview", "release",
         "settle", "revert")  # fmt: skip
"""The last part of the names of a screen's routes. What answers a GET with no page is left out when it is asked."""
PIECES = {"samples"}
"""Routes of a screen that answer with a piece of a page."""


def addresses(rows: dict[str, Any]) -> dict[str, str]:
    """The name of each page → where it is."""
    found = {f"{name} {n}": f"/admin/{path.format(player='ann')}"
             for name, paths in console_pages.ROWS.items() if name not in NO_PAGES
             for n, path in enumerate(paths) if "part=1" not in path}  # fmt: skip
    found |= {name: f"/admin/{path.format(**rows)}" for name, path in ALSO.items()}
    for model in list(admin.site._registry):
        for part in PARTS:
            address = _of_a_screen(model, part)
            if address:
                found[f"{model._meta.label_lower} {part}"] = address
    return found


def _of_a_screen(model: type[models.Model], part: str) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{part}"
    row = model._default_manager.order_by("pk").first()
    for arguments in ([], [] if row is None else [quote(row.pk)]):
        try:
            return reverse(name, args=arguments)
        except NoReverseMatch:
            continue
    return ""


@pytest.fixture
def pages() -> dict[str, str]:
    """Those of the addresses that answer with a page, in a game with something of everything in it."""
    game.make()
    following.follow(timezone.now())
    root = User.objects.create_superuser("root", password=PASSWORD)
    pack = UploadedPack.objects.create(
        name="autumn.yaml", pack={"achievements": [achievement("hunter")]}, uploaded_by="user:root"
    )
    client, found = Client(), {}
    client.force_login(root)
    for name, address in addresses({"case": game.OPEN_CASE, "pack": pack.pk, "user": root.pk}).items():
        answer = client.get(address)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            found[name] = address
    assert found.keys() >= ALSO.keys()
    return found


def test_no_route_of_the_console_is_forgotten() -> None:
    screens = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    known = {*console_pages.ROWS, *ALSO, *ELSEWHERE, *NO_PAGES}
    for name in console_pages.names(admin.site.get_urls()):
        screen, _, part = name.rpartition("_")
        assert name in known or (screen in screens and part in {*PARTS, *PIECES}), f"{name}: does axe look at it?"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_axe_finds_nothing_on_any_page(
    live_server: LiveServer, browser_type_launch_args: dict[str, Any], width: int, scheme: Scheme, pages: dict[str, str]
) -> None:
    found = []
    with browsing(browser_type_launch_args, width, scheme) as page:
        log_in(page, live_server.url, "root")
        for name, address in pages.items():
            answer = page.goto(f"{live_server.url}{address}")
            assert answer is not None
            assert answer.status == 200, name
            found += [f"{name}: {each}" for each in found_by_axe(page)]
            if is_wider_than_the_screen(page):
                found.append(f"{name}: is wider than the screen")
    assert not found, "\n".join(found)
