"""The review queue and the page of a case: each parses, asks and answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from gamification.console.review import pictures
from gamification.kernel.console.forms import Instant
from gamification.kernel.console.readonly_admin import acting, handled
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.core.messages import NotFound, Refused
from gamification.kernel.storage import shares
from gamification.review import queries
from gamification.review.models import Case, Vote
from gamification.review.rules import State, Verdict
from gamification.review.verdicts import CastVote
from gamification.review.views import preview
from progress.player_standing import PlayerStanding

SEES = "review.view_case"
DECIDES = "review.change_case"
PAGE = 50
TONES = {State.OPEN: "look", State.APPEALED: "look", State.CONFIRMED: "bad", State.UPHELD: "bad"}
KEYS = {Verdict.CLEARED: "c", Verdict.CONFIRMED: "x", Verdict.OVERTURNED: "o", Verdict.UPHELD: "u"}
"""What a reviewer presses to say so."""
SAYS = {
    Verdict.CLEARED: "Nothing is wrong: the player gets what waited.",
    Verdict.CONFIRMED: "It was a cheat: what waited is revoked.",
    Verdict.OVERTURNED: "The verdict was wrong: everything is given back.",
    Verdict.UPHELD: "The verdict stays.",
}
TABS = (("waiting", "Waiting"), ("decided", "Decided"))
WAITING = (State.OPEN, State.APPEALED)


class VoteForm(forms.Form):
    verdict = forms.ChoiceField(choices=Verdict.choices())
    note = forms.CharField(label="Why", required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    standing = forms.ChoiceField(
        label="Then the player is",
        required=False,
        choices=[("UNRANKED", "unranked: plays on, counts in nothing"), ("BANNED", "banned: may not come in")],
    )
    since = forms.DateTimeField(
        label="Revoke all that was earned since (UTC)",
        required=False,
        widget=Instant,
        help_text="Empty: only what waits. See first what it would take.",
    )


@dataclass(frozen=True, slots=True)
class Row:
    case: Case
    address: str
    rules: list[str]
    tone: str
    is_late: bool
    votes: int


def queue(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """What waits to be decided, the surest and dearest first; or what was."""
    if not request.user.has_perm(SEES):
        raise PermissionDenied
    now, tab = timezone.now(), request.GET.get("tab", "waiting")
    found = queries.cases()
    if tab == "decided":
        found = found.exclude(state__in=WAITING).order_by("-decided_at", "-id")
    else:
        tab, found = "waiting", found.filter(state__in=WAITING).order_by("-weight", "-id")
    rows = [_row(case, now) for case in found[:PAGE]]
    page = {
        "title": "Review",
        "rows": sorted(rows, key=lambda row: not row.is_late) if tab == "waiting" else rows,
        "tabs": [(name, label, name == tab) for name, label in TABS],
        "tab": tab,
        "quorum": settings.REVIEW_QUORUM,
    }
    return TemplateResponse(request, "console/review/queue.html", {**context, **page})


def _row(case: Case, now: datetime) -> Row:
    return Row(
        case=case,
        address=reverse("admin:review_case", args=[case.pk]),
        rules=sorted({reason["rule"] for reason in case.reasons}),
        tone=TONES.get(State(case.state), "good"),
        is_late=State(case.state) in WAITING and case.due_at < now,
        votes=sum(vote.is_of_appeal == (case.state == State.APPEALED) for vote in case.votes.all()),
    )


def one(request: HttpRequest, context: dict[str, Any], case_id: int) -> HttpResponse:
    """A case: why, what is known, what a verdict would take, and the verdict."""
    if not request.user.has_perm(SEES):
        raise PermissionDenied
    try:
        case = queries.case(case_id)
    except NotFound:
        raise Http404 from None
    with shares.within_share_of(case.player_id):
        if request.method == "POST":
            return _vote(request, context, case)
        return _page(request, context, case, VoteForm(label_suffix="", initial=_initial(case)))


def _initial(case: Case) -> dict[str, Any]:
    first = min((reason["from"] for reason in case.reasons if reason["from"]), default=None)
    return {"since": None, "standing": "UNRANKED", "first": first}


def _vote(request: HttpRequest, context: dict[str, Any], case: Case) -> HttpResponse:
    if not request.user.has_perm(DECIDES):
        raise PermissionDenied
    form = VoteForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _page(request, context, case, form)
    said = form.cleaned_data
    if "_preview" in request.POST:
        return _page(request, context, case, form, _effect(request, case, said["since"]))
    verdict = Verdict(said["verdict"])
    confirms = verdict == Verdict.CONFIRMED
    command = CastVote(
        case_id=case.pk,
        verdict=verdict,
        note=said["note"],
        standing=PlayerStanding(said["standing"]) if confirms and said["standing"] else None,
        since=said["since"] if confirms else None,
    )
    decided = handled(request, command, str(case))
    if decided is None:
        return HttpResponseRedirect(request.path)
    if decided.state == case.state:
        messages.success(request, f"Noted. {str(case).capitalize()} waits for what others make of it.")
    else:
        messages.success(request, f"{str(case).capitalize()} about {case.player_id}: {decided.state.lower()}.")
    return HttpResponseRedirect(_next(case) or reverse("admin:review"))


def _next(case: Case) -> str | None:
    """The page of the next case that waits, so that one goes through the queue without going back to it."""
    waiting = Case.objects.filter(state__in=WAITING).exclude(pk=case.pk).order_by("-weight", "-id")
    following = waiting.values_list("pk", flat=True).first()
    return None if following is None else reverse("admin:review_case", args=[following])


def _effect(request: HttpRequest, case: Case, since: datetime | None) -> dict[str, Any]:
    try:
        return {"effect": preview(case.pk, since)}
    except Refused as refused:
        messages.error(request, refused.detail)
        return {}


@dataclass(frozen=True, slots=True)
class Said:
    vote: Vote
    who: str


def _page(
    request: HttpRequest, context: dict[str, Any], case: Case, form: VoteForm, more: dict[str, Any] | None = None
) -> HttpResponse:
    who, evidence = str(acting(request)), case.evidence
    votes = list(case.votes.all())
    is_appeal = case.state == State.APPEALED
    is_own = is_appeal and any(vote.who == who and vote.verdict == Verdict.CONFIRMED for vote in votes)
    has_voted = any(vote.who == who and vote.is_of_appeal == is_appeal for vote in votes)
    awaits = State(case.state).awaits
    page = {
        "title": f"Case {case.pk}",
        "subtitle": case.player_id,
        "case": case,
        "tone": TONES.get(State(case.state), "good"),
        "is_late": bool(awaits) and case.due_at < timezone.now(),
        "reasons": [(reason, _tail(reason["log10_tail"])) for reason in reversed(case.reasons)],
        "gaps": pictures.gaps(evidence.get("gaps", ())),
        "hours": pictures.hours(evidence.get("hours", ())),
        "cohorts": [each for each in map(pictures.cohort, evidence.get("findings", ())) if each],
        "sessions": pictures.sessions(evidence.get("sessions", ())),
        "votes": [Said(vote, said_to_people(vote.who)) for vote in votes],
        "form": form,
        "may_vote": bool(awaits) and request.user.has_perm(DECIDES) and not is_own and not has_voted,
        "is_own": is_own,
        "has_voted": has_voted,
        "verdicts": [(verdict, KEYS[verdict], SAYS[verdict]) for verdict in awaits],
        "confirms": Verdict.CONFIRMED in awaits,
        "quorum": settings.REVIEW_QUORUM,
        "standing": queries.standing(case.player_id),
        "sees_player": request.user.has_perm("progress.view_player"),
        "effect": None,
        **(more or {}),
    }
    return TemplateResponse(request, "console/review/case.html", {**context, **page}).render()


def _tail(log10_tail: float | None) -> str:
    """How likely somebody honest comes this far, in words."""
    if log10_tail is None:
        return "not known"
    return f"1 in 10^{-log10_tail:.0f}" if log10_tail <= -6 else f"1 in {round(10**-log10_tail):,}"


def open_cases(limit: int) -> int:
    return Case.objects.filter(state__in=WAITING)[:limit].count()


def oldest() -> Case | None:
    return Case.objects.filter(state__in=WAITING).order_by("due_at").first()
