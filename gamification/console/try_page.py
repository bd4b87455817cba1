"""The console's page *Try it*: parse, one call, answer."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from gamification.console import trying
from gamification.kernel.console.readonly_admin import handled
from gamification.kernel.content import drafts, editing
from gamification.kernel.content.example_shapes import MAX_EVENTS
from gamification.kernel.content.kinds import kind
from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.core.messages import Refused
from gamification.simulation.requests import read_events
from gamification.simulation.simulating import NOBODY, Simulation, simulate


def try_it(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Nothing is changed by it, but where an example is kept."""
    if not request.user.has_perm(trying.SEES_CONTENT):
        raise PermissionDenied
    if request.method == "POST" and "_keep" in request.POST:
        return _keep(request)
    draft, sees_players = trying.draft_named(request), request.user.has_perm(trying.SEES_PLAYERS)
    about: dict[str, Any] = {"draft": draft, "sees_players": sees_players}
    if request.method != "POST":
        form = trying.TryForm(initial={"player_id": request.GET.get("player", "")}, **about)
        return _page(request, context, form, trying.EventForms(initial=[{}]), about)
    form, rows = trying.TryForm(request.POST, **about), trying.EventForms(request.POST)
    if "_run" not in request.POST:
        return _page(request, context, form, _more(request, form), about)
    if not (form.is_valid() and rows.is_valid()):
        return _page(request, context, form, rows, about)
    return _page(request, context, form, rows, {**about, **_run(request, form, rows, draft)})


def _run(request: HttpRequest, form: Any, rows: Any, draft: str) -> dict[str, Any]:
    """What the events come to, or what stands in the way."""
    now = timezone.now()
    sent = trying.events(list(rows), now)
    player_id = form.cleaned_data.get("player_id") or None
    last = parse_instant(sent[-1]["timestamp"]) if sent else now
    try:
        read = read_events(sent, player_id, last)
        asked = Simulation(player_id=player_id or NOBODY, events=read, now=last, drafts=form.wanted())
        answer = simulate(asked)
    except Refused as refused:
        return {"refused": [f"{error['path']}: {error['detail']}" for error in refused.errors] or [refused.detail]}
    [result] = answer["results"].values()
    found: dict[str, Any] = {
        "answer": trying.said(answer, sent),
        "request_body": json.dumps({"events": sent}, indent=1),
    }
    if not player_id:  # an example is of a player nobody has seen
        bearers = [each for each in trying.bearers(draft, result["facts"]) if _may_change(request, each[0])]
        found |= {"bearers": bearers, "example": json.dumps(trying.example("", sent, result["facts"]))}
    return found


def _more(request: HttpRequest, form: Any) -> Any:
    """The rows of the form with what a button adds: an empty one, one of a recorded shape, the player's last day."""
    total = request.POST.get("form-TOTAL_FORMS", "0")
    names = ("type", "with_data", "after", "times", "every")
    kept = [
        {name: request.POST.get(f"form-{n}-{name}", "") for name in names}
        for n in range(min(int(total) if total.isdecimal() and len(total) < 9 else 0, MAX_EVENTS))
    ]
    kept = [row for row in kept if row["type"] or row["with_data"]]
    if "_shape" in request.POST:
        type_, _, data = request.POST.get("shape", "").partition(" ")
        return trying.EventForms(initial=[*kept, {"type": type_, "with_data": data}])
    if "_last_day" in request.POST and form.is_valid() and form.cleaned_data.get("player_id"):
        return trying.EventForms(initial=trying.last_day(form.cleaned_data["player_id"]) or [{}])
    return trying.EventForms(initial=[*kept, {}])


def _page(request: HttpRequest, context: dict[str, Any], form: Any, rows: Any, shown: dict[str, Any]) -> HttpResponse:
    shapes = trying.shapes()
    more: dict[str, Any] = {
        "title": "Try it",
        "form": form,
        "rows": rows,
        "shapes": shapes,
        "types": sorted({type_ for type_, _ in shapes}),
    }
    return TemplateResponse(request, "console/try_it.html", {**context, **more, **shown})


def _may_change(request: HttpRequest, of: str) -> bool:
    model = kind(of.partition(":")[0]).model._meta
    return bool(request.user.has_perm(f"{model.app_label}.change_{model.model_name}"))


def _keep(request: HttpRequest) -> HttpResponse:
    """Add an example to a draft; it is published when the draft is."""
    of, name = request.POST.get("of", ""), request.POST.get("name", "").strip()[:120] or "as it was tried"
    kind_name, _, id_ = of.partition(":")
    if kind_name not in ("achievement", "quest") or not _may_change(request, of):
        raise PermissionDenied
    try:
        example = {**json.loads(request.POST.get("example", "")), "name": name}
        draft = drafts.find(kind(kind_name), id_)
        before = kind(kind_name).read(draft)["examples"]
    except (ValueError, TypeError, RecursionError, Refused) as wrong:
        messages.error(request, f"It was not kept: {wrong}")
        return HttpResponseRedirect(request.path)
    command = editing.UpdateContent(
        kind=kind_name, id=id_, changes={"examples": [*before, example]}, draft=True, seen=instant(draft.updated_at)
    )
    if handled(request, command, f"The example of {id_} was not kept"):
        messages.success(request, f"Kept as an example of the draft of {id_}. Publishing it runs it from now on.")
    return HttpResponseRedirect(trying.page_of_draft(of))
