"""Who may do what at the console: docs/console-access.md says it of every screen and role, and each cell is tried.

`WRITE_ACCESS=1 pytest tests/console/test_who_may.py` writes the page anew. Read what changed before you commit it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, URLPattern, URLResolver, reverse

from gamification.console import groups
from gamification.console.player import acts

pytestmark = pytest.mark.django_db

PAGE = settings.BASE_DIR / "docs" / "console-access.md"
ROLES = ("nobody", *groups.GROUPS, "superusers")
"""`nobody`: may log in, and is in no group."""
OF_A_SCREEN = {
    "changelist",
    "add",
    "change",
    "delete",
    "history",
    "password_change",
    "clone",
    "take",
    "compare",
    "release",
    "preview",
    "samples",
    "table",
    "settle",
}
"""The last part of the names of a screen's routes."""
PAGES = {
    "index": "GET /admin/", "find": "GET /admin/find/", "internals": "GET /admin/internals/",
    "app_list": "GET /admin/progress/", "password_change": "GET /admin/password_change/",
    "password_change_done": "GET /admin/password_change/done/", "jsi18n": "GET /admin/jsi18n/",
    "autocomplete": "GET /admin/autocomplete/", "login": "GET /admin/login/", "logout": "POST /admin/logout/",
    "view_on_site": "GET /admin/r/1/1/", "try_it": "GET /admin/try-it/",
    "player": "GET /admin/players/ann/", "player_tab": "GET /admin/players/ann/quests/",
    "second_factor": "GET /admin/second-factor/", "own_second_factor": "GET /admin/second-factor/own/",
    "analytics": "GET /admin/figures/retention/", "all_analytics": "GET /admin/figures/",
    "review": "GET /admin/review/", "review_case": "GET /admin/review/1/",
    "packs": "GET /admin/packs/", "pack": "GET /admin/packs/1/", "pack_export": "GET /admin/packs/export/",
    "player_act": "GET /admin/players/ann/act/grant/",
}  # fmt: skip
"""The console's other routes by name, each with how it is asked. A view that is added gets a line here."""
OF_A_ROW = {
    "compare": "GET", "history": "GET", "samples": "GET", "table": "GET", "clone": "POST", "take": "POST",
    "release": "POST", "preview": "POST", "settle": "POST", "revert": "POST",
}  # fmt: skip
"""Routes of a screen that are neither its list nor a form: how each is asked."""
FOR_EVERYBODY = {"index", "find", "password_change", "password_change_done", "jsi18n", "login", "logout",
                 "autocomplete", "view_on_site", "app_list", "second_factor", "own_second_factor"}  # fmt: skip
"""Pages that say, of each thing on them, who may see it, or that are about whoever asks."""
DOWNLOADS = {
    "figures as CSV": "GET /admin/figures/retention/?csv=0",
    "a player as JSON": "POST /admin/players/nobody/act/export/",
    "rows of some days": "GET /admin/figures/exports/",
}
"""What is downloaded from pages that have a row already."""
ONLY_READ = {"export_selected", "download_all", "download_selected"}
"""Actions that change nothing."""


def names(routes: list[URLPattern | URLResolver]) -> Iterator[str]:
    for route in routes:
        if isinstance(route, URLResolver):
            yield from names(route.url_patterns)
        elif route.name:
            yield route.name


def screens() -> dict[str, str]:
    """`app.model` → the beginning of its addresses."""
    return {
        f"{model._meta.app_label}.{model._meta.model_name}": f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for model in admin.site._registry
    }


def as_(role: str) -> Client:
    user = User.objects.create_user(f"a-{role}", is_staff=True, is_superuser=role == "superusers")
    if role in groups.GROUPS:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def may(client: Client, name: str, screen: str) -> str:
    """What somebody may do at a screen. No row is there: who may gets to hear that, who may not is refused before."""
    request = RequestFactory().get(screen)
    request.user = User.objects.get(pk=client.session["_auth_user_id"])
    offered = admin.site.get_model_admin(apps.get_model(name)).get_actions(request)
    tried = {
        "see": client.get(f"{screen}0/change/").status_code == 302 and client.get(screen).status_code == 200,
        "add": client.get(f"{screen}add/").status_code == 200,
        "change": client.post(f"{screen}0/change/").status_code != 403,
        "delete": client.post(f"{screen}0/delete/").status_code != 403,
        "act": bool(offered.keys() - ONLY_READ),
    }
    return ", ".join(verb for verb, is_allowed in tried.items() if is_allowed) or "-"


def actual() -> dict[str, list[str]]:
    clients = {role: as_(role) for role in ROLES}
    found = {
        name: [may(client, name, address) for client in clients.values()] for name, address in sorted(screens().items())
    }
    for act in acts.known():
        found[f"player: {act.name}"] = [may_act(client, act.name) for client in clients.values()]
    for name, (method, address) in sorted({**of_rows(), **pages()}.items()):
        found[name] = [may_open(client, method, address) for client in clients.values()]
    return found


def of_rows() -> dict[str, tuple[str, str]]:
    """`achievements.achievement: compare` → (method, address), of each route of a screen that is no screen."""
    found = {}
    for name in names(admin.site.get_urls()):
        screen, _, what = name.rpartition("_")
        if what in OF_A_ROW and screen.replace("_", ".", 1) in screens():
            found[f"{screen.replace('_', '.', 1)}: {what}"] = OF_A_ROW[what], _address(name)
    return found


def _address(name: str) -> str:
    try:
        return reverse(f"admin:{name}", args=["0"])
    except NoReverseMatch:
        return reverse(f"admin:{name}")


def pages() -> dict[str, tuple[str, str]]:
    """`page: packs` → (method, address)."""
    asked = {name: how for name, how in PAGES.items() if name not in FOR_EVERYBODY} | DOWNLOADS
    return {f"page: {name}": (how.split()[0], how.split()[1]) for name, how in asked.items()}


def may_open(client: Client, method: str, address: str) -> str:
    """Whether somebody may. Nothing of what is asked for is there, which who may not open it is not told."""
    return "may" if client.generic(method, address).status_code != 403 else "-"


def may_act(client: Client, name: str) -> str:
    """Whether somebody may do that about a player. Nobody is called so: who may gets to hear that."""
    return "act" if client.post(f"/admin/players/nobody/act/{name}/").status_code == 404 else "-"


def documented() -> dict[str, list[str]]:
    rows = re.findall(r"^\| `([A-Za-z_.: -]+)` \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_every_cell_is_as_the_page_says() -> None:
    found = actual()
    if "WRITE_ACCESS" in os.environ:
        head, _ = PAGE.read_text().split("| screen |")
        table = [f"| screen | {' | '.join(ROLES)} |", "|---" * (len(ROLES) + 1) + "|"]
        table += [f"| `{name}` | {' | '.join(cells)} |" for name, cells in found.items()]
        PAGE.write_text(head + "\n".join(table) + "\n")
    assert documented() == found


def test_a_view_without_a_row_is_missed() -> None:
    registered = {name.replace(".", "_") for name in screens()}
    for name in names(admin.site.get_urls()):
        screen, _, what = name.rpartition("_")
        is_of_a_screen = (screen in registered and what in OF_A_SCREEN) or name == "auth_user_password_change"
        assert name in PAGES or is_of_a_screen, f"{name} has no row: who may see it?"


@pytest.mark.parametrize("name", ["index", "find", "internals", "password_change", "autocomplete"])
def test_a_stranger_is_sent_to_the_log_in(client: Client, name: str) -> None:
    _, path = PAGES[name].split()
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_a_stranger_can_neither_see_nor_do_anything_at_a_screen(client: Client) -> None:
    for address in screens().values():
        for path in ("", "add/", "0/change/", "0/delete/", "0/history/"):
            for response in (client.get(address + path), client.post(address + path)):
                assert response.status_code == 302
                assert response["Location"].startswith("/admin/login/"), address + path


@pytest.mark.parametrize("role", groups.GROUPS)
def test_only_superusers_see_the_internals_or_a_key(role: str) -> None:
    client = as_(role)
    assert client.get("/admin/internals/").status_code == 403
    assert client.get("/admin/kernel/apikey/").status_code == 403


@pytest.mark.parametrize("what", ["clone", "take", "preview", "release"])
def test_a_draft_is_copied_and_taken_back_by_whoever_may_author_it(what: str) -> None:
    for role in ROLES:
        answer = as_(role).post(f"/admin/achievements/achievement/none/{what}/", {"id": "other"})
        assert answer.status_code == (404 if role in ("designers", "superusers") else 403), role


def test_versions_are_compared_by_whoever_may_see_them() -> None:
    for role in ROLES:
        answer = as_(role).get("/admin/achievements/achievement/none/compare/")
        assert answer.status_code == (403 if role in ("nobody", "auditors") else 404), role


def test_approving_is_a_permission_of_its_own_that_designers_have() -> None:
    approving = Permission.objects.get(codename="approve_release")
    assert [group.name for group in Group.objects.filter(permissions=approving)] == ["designers"]
