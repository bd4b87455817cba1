"""The page of one act: its form, what it would come to, and the button that does it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from gamification.console.player import acts, effect, words
from gamification.console.player.acts import Act, ActForm
from gamification.console.player.head import Head, head
from gamification.console.player.pages import Context, address
from gamification.console.player.sources import SEES_PLAYERS
from gamification.kernel.console.readonly_admin import acting, handled
from gamification.kernel.content import publishing
from gamification.kernel.core.messages import PLAYER_ID, PlayerId, Refused
from gamification.kernel.storage import shares


def act(request: HttpRequest, context: Context, player_id: PlayerId, name: str) -> HttpResponse:
    """Ask, show what it would come to, do it: the last only by a button that stands beside the preview."""
    wanted = acts.find(name)
    if wanted is None or not PLAYER_ID.fullmatch(player_id):
        raise Http404
    if not (request.user.has_perm(SEES_PLAYERS) and acts.may(request, wanted)):
        raise PermissionDenied
    with shares.within_share_of(player_id), words.by(publishing.current()):
        found = head(player_id)
        if found is None:
            raise Http404
        back = address(player_id, wanted.tab if wanted.tab else "timeline")
        if not wanted.applies(found):
            messages.warning(request, f"{wanted.label}: there is nothing to do about {player_id}.")
            return HttpResponseRedirect(back)
        if request.method != "POST":
            form = wanted.form(initial=request.GET.dict(), of=found)
            return _page(request, context, found, wanted, {"form": form, "back": back})
        form = wanted.form(request.POST, of=found)
        if not form.is_valid():
            return _page(request, context, found, wanted, {"form": form, "back": back})
        if "_do" in request.POST:
            return _do(request, found, wanted, form, back)
        return _page(request, context, found, wanted, {"form": form, "back": back, **_preview(request, wanted, form)})


def _preview(request: HttpRequest, wanted: Act, form: ActForm) -> Context:
    command = wanted.command(form.of.id, form.cleaned_data)
    try:
        return {"effect": effect.of(command, form.of.id, acting(request), timezone.now())}
    except Refused as refused:
        return {"refused": [each["detail"] for each in refused.errors] or [refused.detail]}


def _do(request: HttpRequest, found: Head, wanted: Act, form: ActForm, back: str) -> HttpResponse:
    if wanted.hands_out is not None:
        return wanted.hands_out(request, found, form.cleaned_data)
    command = wanted.command(found.id, form.cleaned_data)
    answer = handled(request, command, wanted.label)
    if answer is None:
        return HttpResponseRedirect(back)
    messages.success(request, wanted.done(form.cleaned_data, answer))
    return HttpResponseRedirect(reverse("admin:progress_player_changelist") if wanted.ends_at_the_list else back)


def _page(request: HttpRequest, context: Context, found: Head, wanted: Act, shown: Context) -> HttpResponse:
    page = {"title": f"{wanted.label}: {found.id}", "head": found, "act": wanted, "asked": "", **shown}
    return TemplateResponse(request, "console/player/act.html", {**context, **page}).render()
