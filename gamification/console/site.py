"""The console's site: Django's admin with a frame of our own, its front page, and what is not a screen of a table."""

from __future__ import annotations

import logging
import math
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from gamification.analytics import lately
from gamification.console import (
    addresses,
    analytics_pages,
    figures,
    groups,
    logins,
    navigation,
    pack_pages,
    search,
    second_factor,
    second_factor_pages,
    try_page,
    waiting,
)
from gamification.console.player import acting as acting_page
from gamification.console.player import pages
from gamification.console.review import pages as review_pages
from gamification.kernel.console.readonly_admin import acting, called
from gamification.kernel.content import publishing
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.storage import audit_log

log = logging.getLogger(__name__)


class LoginForm(AdminAuthenticationForm):
    """Checks no password while a pause lasts, and does not reveal whether the name is known."""

    def clean(self) -> Any:
        wait = self.request.login.wait  # type: ignore[union-attr] # Console.login has put it there
        if wait is not None:
            raise ValidationError(f"Too many wrong passwords by this name from here. Try again in {_spoken(wait)}.")
        return super().clean()


def _spoken(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 100 else f"{math.ceil(seconds / 60)} minutes"


def greeting(now: datetime, name: str) -> str:
    hour = now.astimezone(lately.zone()).hour
    part = "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"
    return f"Good {part}, {name}"


def may_see_figures(request: HttpRequest) -> bool:
    """Whoever may look at content or at players may know how much is played."""
    seen = request.user.has_perm("achievements.view_achievement") or request.user.has_perm("progress.view_player")
    return bool(settings.ENABLE_ANALYTICS) and seen


class ByName(AutocompleteJsonView):
    """Choices are told apart by what people call them too: "kills: Kills of the bow"."""

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        return {**super().serialize_result(obj, to_field_name), "text": called(obj)}


class Console(admin.AdminSite):
    login_form = LoginForm
    enable_nav_sidebar = False  # the frame has a navigation of its own

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        shown: Any = SimpleLazyObject(lambda: navigation.shown_to(request, self))
        return {
            **super().each_context(request),
            "site_title": settings.GAME_NAME,
            "game": settings.GAME_NAME,
            "environment": settings.ENVIRONMENT_NAME,
            "navigation": shown,
            "here": SimpleLazyObject(lambda: navigation.here(shown)),
            "role": SimpleLazyObject(lambda: groups.role_of(request.user)),
        }

    def get_urls(self) -> list[Any]:
        own = [
            path("find/", self.admin_view(self.find), name="find"),
            path("internals/", self.admin_view(self.internals), name="internals"),
            path("packs/", self.admin_view(self.packs), name="packs"),
            path("packs/export/", self.admin_view(self.pack_export), name="pack_export"),
            path("packs/<int:id>/", self.admin_view(self.pack), name="pack"),
            path("second-factor/", self.second_factor, name="second_factor"),
            path("second-factor/own/", self.admin_view(self.own_second_factor), name="own_second_factor"),
            path("review/", self.admin_view(self.review), name="review"),
            path("review/<int:case_id>/", self.admin_view(self.review_case), name="review_case"),
            path("try-it/", self.admin_view(self.try_it), name="try_it"),
            path("players/<str:player_id>/", self.admin_view(self.player), name="player"),
            path("players/<str:player_id>/act/<slug:name>/", self.admin_view(self.player_act), name="player_act"),
            path("players/<str:player_id>/<slug:tab>/", self.admin_view(self.player), name="player_tab"),
        ]
        if settings.ENABLE_ANALYTICS:
            own += [
                path("figures/<slug:name>/", self.admin_view(self.analytics), name="analytics"),
                path("figures/", self.admin_view(self.analytics), {"name": "players"}, name="all_analytics"),
            ]
        return [*own, *super().get_urls()]

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not second_factor.is_missing(request)

    @method_decorator((never_cache, csrf_protect, sensitive_post_parameters("code")))
    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Asked of whoever has given a password, and may see nothing else yet."""
        return second_factor_pages.ask(request, self.each_context(request))

    def own_second_factor(self, request: HttpRequest) -> HttpResponse:
        return second_factor_pages.own(request, self.each_context(request))

    def autocomplete_view(self, request: HttpRequest) -> Any:
        return ByName.as_view(admin_site=self)(request)

    def find(self, request: HttpRequest) -> TemplateResponse:
        """What the search box names: a page, or for the box itself a part of one."""
        asked = request.GET.get("q", "")[:130]
        found = {"asked": asked, "found": search.search(request, self, asked)}
        if "part" in request.GET:
            return TemplateResponse(request, "console/_found.html", found)
        return TemplateResponse(request, "console/find.html", {**self.each_context(request), **found, "title": "Found"})

    def try_it(self, request: HttpRequest) -> HttpResponse:
        """What events would come to; nothing of it happens."""
        return try_page.try_it(request, self.each_context(request))

    def analytics(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """One question about what content does to players."""
        return analytics_pages.page(request, self.each_context(request), name)

    def player(self, request: HttpRequest, player_id: str, tab: str = "timeline") -> HttpResponse:
        """One part of what is known of a player."""
        return pages.show(request, self.each_context(request), player_id, tab)

    def packs(self, request: HttpRequest) -> HttpResponse:
        return pack_pages.packs_page(request, self.each_context(request))

    def pack(self, request: HttpRequest, id: int) -> HttpResponse:
        return pack_pages.pack_page(request, self.each_context(request), id)

    def pack_export(self, request: HttpRequest) -> HttpResponse:
        return pack_pages.export(request)

    def player_act(self, request: HttpRequest, player_id: str, name: str) -> HttpResponse:
        """Something is done about a player, once it was seen what it would come to."""
        return acting_page.act(request, self.each_context(request), player_id, name)

    def review(self, request: HttpRequest) -> HttpResponse:
        """The cases about how somebody plays, in the order of the queue."""
        return review_pages.queue(request, self.each_context(request))

    def review_case(self, request: HttpRequest, case_id: int) -> HttpResponse:
        """One of them: why, what is known, and the verdict."""
        return review_pages.one(request, self.each_context(request), case_id)

    def internals(self, request: HttpRequest) -> TemplateResponse:
        """Every table that can be looked at, for superusers."""
        if not request.user.is_superuser:
            raise PermissionDenied
        shown = {**self.each_context(request), "title": "Internals", "apps": self.get_app_list(request)}
        return TemplateResponse(request, "console/internals.html", shown)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Home: what waits for this person, what somebody should see to, and what happens in the game."""
        now = timezone.now()
        shown = {
            **self.each_context(request),
            "title": "Home",
            "is_home": True,
            "greeting": greeting(now, getattr(request.user, "first_name", "") or request.user.get_username()),
            "today": now.astimezone(lately.zone()),
            "publication": publishing.current().number,
            "for_you": waiting.found(waiting.FOR_ONE, request, now),
            "for_somebody": waiting.found(waiting.FOR_SOMEBODY, request, now),
            "lately": figures.figures(now) if may_see_figures(request) else None,
        }
        return TemplateResponse(request, "admin/index.html", shown)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if second_factor_pages.is_half_in(request) and request.method != "POST":
            going = urlencode({REDIRECT_FIELD_NAME: second_factor_pages.next_page(request)})
            return HttpResponseRedirect(f"{reverse('admin:second_factor')}?{going}")
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
