"""The pages of the second factor: giving a code, setting it up, and what one may do with it."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from gamification.console import second_factor
from gamification.kernel.console.readonly_admin import acting
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.storage import audit_log

log = logging.getLogger(__name__)

WRONG = "That is not a code of yours, or it was used already."


def is_half_in(request: HttpRequest) -> bool:
    """Whether somebody has given the password of a person of the console, and lacks the second factor."""
    user: Any = request.user
    return bool(user.is_active and getattr(user, "is_staff", False) and second_factor.is_missing(request))


def next_page(request: HttpRequest) -> str:
    """Where the person was going."""
    asked = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    is_safe = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if is_safe else reverse("admin:index")


def ask(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The second half of a log-in."""
    if not is_half_in(request):
        return HttpResponseRedirect(next_page(request))
    if "_leave" in request.POST:
        logout(request)
        return HttpResponseRedirect(reverse("admin:login"))
    if second_factor.device_of(request.user) is None:
        return _set_up(request, context)
    said, status = "", HTTPStatus.OK
    if request.method == "POST":
        waits = second_factor.wait(request.user, timezone.now())
        if not waits and second_factor.give(request, request.POST.get("code", "")):
            return HttpResponseRedirect(next_page(request))
        said, status = _refused(request, waits)
    shown = {"title": "A second factor", "next": next_page(request), "said": said}
    return TemplateResponse(request, "console/second_factor.html", {**context, **shown}, status=status)


def _refused(request: HttpRequest, waits: int) -> tuple[str, HTTPStatus]:
    if waits:
        return f"Too many wrong codes. Try again in {waits} seconds.", HTTPStatus.TOO_MANY_REQUESTS
    name = request.user.get_username()
    log.warning("a wrong second factor: %s from %s", name, request.META.get("REMOTE_ADDR", ""))
    tried = Change(Subject("user", name), after={"address": request.META.get("REMOTE_ADDR", "")})
    audit_log.put(acting(request), "second_factor_failed", [tried], at=timezone.now())
    return WRONG, HTTPStatus.OK


def own(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """One's own second factor: set it up, renew the recovery codes, or do without it."""
    user: Any = request.user
    if second_factor.device_of(user) is None:
        return _set_up(request, context)
    if request.method == "POST":
        waits = second_factor.wait(user, timezone.now())
        if waits or not second_factor.is_right(request, request.POST.get("code", "")):
            messages.error(request, _refused(request, waits)[0])
        elif "_renew" in request.POST:
            return _codes(request, context, second_factor.renew_codes(request))
        elif "_remove" in request.POST:
            second_factor.remove(User.objects.get(pk=user.pk), acting(request), timezone.now())
            messages.success(request, "You log in without a second factor from now on.")
        return HttpResponseRedirect(request.path)
    shown = {"title": "Your second factor", "codes_left": second_factor.codes_left(user)}
    return TemplateResponse(request, "console/second_factor_own.html", {**context, **shown})


def _set_up(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    said = ""
    if request.method == "POST":
        codes = second_factor.confirm(request, request.POST.get("code", ""))
        if codes is not None:
            return _codes(request, context, codes)
        said = "That is not what your app shows now. Is its clock right?"
    device = second_factor.begin(request.user)
    shown = {
        "title": "Set up a second factor",
        "picture": second_factor.as_picture(device),
        "secret": second_factor.as_text(device),
        "said": said,
        "next": next_page(request),
        "is_half_in": is_half_in(request),
    }
    return _private(TemplateResponse(request, "console/second_factor_set_up.html", {**context, **shown}))


def _codes(request: HttpRequest, context: dict[str, Any], codes: list[str]) -> HttpResponse:
    shown = {"title": "Your recovery codes", "codes": codes, "next": next_page(request)}
    # The frame of whoever was half in when the page was asked for knows now that the person is in.
    context = {**context, "has_permission": True}
    return _private(TemplateResponse(request, "console/recovery_codes.html", {**context, **shown}))


def _private(response: TemplateResponse) -> TemplateResponse:
    response["Cache-Control"] = "no-store"
    return response
