"""The console's front page: screens by what people come to do, not by the app that holds the tables."""

from __future__ import annotations

import logging
import math
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from gamification.console import addresses, logins
from gamification.kernel.console.readonly_admin import acting
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.storage import audit_log
from gamification.kernel.web import keys

log = logging.getLogger(__name__)

DESKS = {
    "Design": (
        "achievements.achievement", "quests.quest", "quests.pool", "progress.metric", "rewards.reward",
        "rewards.currency", "progress.level", "kernel.version", "progress.backfill",
    ),
    "Players": (
        "progress.player", "achievements.standing", "quests.run", "rewards.distribution", "rewards.wallet",
        "rewards.transfer", "rewards.inventoryitem", "progress.tally", "feed.message",
    ),
    "Fair play": ("anticheat.rule", "anticheat.finding"),
    "Game servers": ("kernel.event", "kernel.rejectedevent", "kernel.apikey"),
    "People of the console": ("auth.user", "auth.group", "kernel.auditentry"),
}  # fmt: skip
"""Desk → its screens, in order. Screens that are on no desk are on the last one."""
LAST_DESK = "Behind the scenes"


class LoginForm(AdminAuthenticationForm):
    """Checks no password while a pause lasts, and does not reveal whether the name is known."""

    def clean(self) -> Any:
        wait = self.request.login.wait  # type: ignore[union-attr] # Console.login has put it there
        if wait is not None:
            raise ValidationError(f"Too many wrong passwords by this name from here. Try again in {_spoken(wait)}.")
        return super().clean()


def _spoken(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 100 else f"{math.ceil(seconds / 60)} minutes"


class Console(admin.AdminSite):
    login_form = LoginForm
    site_header = site_title = "Gamification"
    index_title = "Content, players and what came of them"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        if request.user.has_perm("kernel.view_apikey"):
            for key in keys.ending(timezone.now()):
                messages.warning(request, f"{keys.said(key)}: rotate it, and move its servers over.")
        return super().index(request, extra_context)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "POST":
            return super().login(request, extra_context)
        name, address = request.POST.get("username", "")[:150], request.META.get("REMOTE_ADDR", "")
        verdict = logins.begin(name, address)
        request.login = verdict  # type: ignore[attr-defined]
        request.rate_limits = [verdict] if verdict.limit.quota else []  # type: ignore[attr-defined] # said by the answer
        response = super().login(request, extra_context)
        is_in = response.status_code == HTTPStatus.FOUND
        if verdict.wait is None:  # else no password was looked at, and whoever guesses cannot fill the log
            actor, action = (acting(request), "log_in") if is_in else (SYSTEM, "log_in_failed")
            tried = Change(Subject("user", name), after={"address": address})
            audit_log.put(actor, action, [tried], at=timezone.now())
        if is_in:
            logins.was_right(name, address)
        elif verdict.wait is None:
            log.warning("a log-in to the console failed: %s from %s", name, address)
        else:
            log.warning("a log-in to the console has to wait %d s: %s from %s", verdict.wait, name, address)
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(verdict.wait)
        return response

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        of = getattr(view, "__self__", None)  # the screen whose view it is

        @wraps(view)
        def checked(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
            addresses.check(request)
            if isinstance(of, admin.ModelAdmin):
                addresses.check_list(request, of)
            try:
                return view(request, *arguments, **named)
            except OverflowError:  # SQLite raises it for a key that is too large for its column
                raise BadRequest("There is no such row.") from None

        return super().admin_view(checked, cacheable)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        found = super().get_app_list(request, app_label)
        if app_label is not None:
            return found
        screens = {
            f"{app['app_label']}.{screen['object_name'].lower()}": screen for app in found for screen in app["models"]
        }
        desks = {name: [screens.pop(key) for key in keys if key in screens] for name, keys in DESKS.items()}
        desks[LAST_DESK] = list(screens.values())
        return [self._desk(name, models) for name, models in desks.items() if models]

    def _desk(self, name: str, models: list[Any]) -> dict[str, Any]:
        label = name.lower().replace(" ", "-")
        first = f"{label}-{models[0]['object_name'].lower()}"  # the id that the template gives its first row
        address = f"{reverse(f'{self.name}:index')}#{first}"
        return {"name": name, "app_label": label, "app_url": address, "has_module_perms": True, "models": models}
