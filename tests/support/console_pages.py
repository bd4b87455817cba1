"""Every page of the console: of each screen its list, its filters, a search and a row, and each page of its own."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db import models
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, reverse

OF_A_SCREEN = {"changelist", "add", "change", "delete", "history", "password_change", "clone", "take", "samples",
               "preview", "compare", "revert", "release", "settle"}  # fmt: skip
"""The last part of the names of a screen's routes."""
ROWS: dict[str, list[str]] = {
    "index": [""],
    "find": ["find/?q={player}", "find/?q={player}+v1", "find/?part=1&q=reward"],
    "internals": ["internals/"],
    "try_it": ["try-it/", "try-it/?player={player}"],
    "packs": ["packs/"],
    "player": ["players/{player}/", "players/{player}/?kind=events", "players/{player}/?kind=messages&kind=facts"],
    "player_tab": [
        "players/{player}/achievements/", "players/{player}/achievements/?why=achievement-1",
        "players/{player}/quests/", "players/{player}/quests/?why=quest-1", "players/{player}/rewards/",
        "players/{player}/rewards/?state=PENDING", "players/{player}/ledger/", "players/{player}/counters/",
        "players/{player}/sessions/", "players/{player}/notes/",
    ],
    "player_act": ["players/{player}/act/grant/", "players/{player}/act/release/", "players/{player}/act/erase/"],
    "all_analytics": ["figures/"],
    "analytics": ["figures/retention/"],
    "review": ["review/", "review/?tab=decided"],
    "progress_level_table": ["progress/level/table/"],
    "autocomplete": ["autocomplete/?app_label=achievements&model_name=achievementreward&field_name=reward&term=r"],
}  # fmt: skip
"""A page of the console's own → how it is asked. A page that is added gets a row here."""
NO_PAGES = {
    "app_list", "password_change", "password_change_done", "jsi18n", "login", "logout", "view_on_site", "pack",
    "pack_export", "review_case", "own_second_factor", "second_factor", "auth_user_password_change",
}  # fmt: skip
"""Routes that are no pages over players' tables."""
MOST_FILTERS = 30


def unknown() -> set[str]:
    """The routes of the console that have no row."""
    screens = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    return {
        name
        for name in names(admin.site.get_urls())
        if name not in ROWS
        and name not in NO_PAGES
        and not (name.rpartition("_")[0] in screens and name.rpartition("_")[2] in OF_A_SCREEN)
    }


def names(routes: list[URLPattern | URLResolver]) -> Iterator[str]:
    for route in routes:
        if isinstance(route, URLResolver):
            yield from names(route.url_patterns)
        elif route.name:
            yield route.name


def own_pages(player: str) -> Iterator[str]:
    for paths in ROWS.values():
        for path in paths:
            yield f"/admin/{path.format(player=player)}"


def of_screens(client: Client, player: str) -> Iterator[str]:
    """Of each screen the list, the second page, what it is filtered by, a search for a player, and a row."""
    for model in list(admin.site._registry):
        yield from of_screen(client, model, player)


def of_screen(client: Client, model: type[models.Model], player: str) -> Iterator[str]:
    opts = model._meta
    try:
        address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    except NoReverseMatch:
        return
    yield address
    yield f"{address}?q={player}"
    text = client.get(address).content.decode()
    filters = re.search(r'id="changelist-filter".*?</nav>', text, re.DOTALL)
    links = dict.fromkeys(re.findall(r'href="(\?[^"]+)"', filters[0])) if filters else {}
    for link in list(links)[:MOST_FILTERS]:
        yield f"{address}{html.unescape(link)}"
    for link in dict.fromkeys(re.findall(r'href="(\?o=[^"]+)"', text)):
        yield f"{address}{html.unescape(link)}"
    row = model._default_manager.order_by("pk").first()
    if row is not None:
        yield reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[quote(row.pk)])
