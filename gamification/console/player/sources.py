"""The logs of which a player's timeline is made, each row of them in words."""

from __future__ import annotations

from django.db.models import Case as Either
from django.db.models import QuerySet, When
from django.urls import reverse

from anticheat.models import Finding
from gamification.console.models import Note
from gamification.console.player import words
from gamification.console.player.timeline import Entry, Source
from gamification.feed.models import Message
from gamification.kernel.console.readonly_admin import page_of
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.models import AuditEntry, Event, OutboxFact, RejectedEvent
from gamification.review.models import Case
from gamification.review.rules import State
from rewards.models import Transfer

SEES_PLAYERS = "progress.view_player"
SEES_CASES = "review.view_case"
_HELD = {Event.State.HELD: "held", Event.State.DISMISSED: "dismissed"}


def _events(player_id: PlayerId) -> QuerySet[Event]:
    return Event.objects.filter(player_id=player_id).exclude(type__in=OWN_TYPES)  # each of these is a fact too


def _event(row: Event) -> Entry:
    state = _HELD.get(Event.State(row.state), "")
    return Entry(
        at=row.timestamp,
        said=row.type,
        more=" · ".join(filter(None, (words.data(row.data), row.event_id, state))),
        tone="look" if state else "",
        address=page_of(row),
    )


def _fact(row: OutboxFact) -> Entry:
    said, tone = words.fact(row.type, row.data)
    return Entry(at=row.timestamp, said=said, more=row.type, tone=tone)


def _money(row: Transfer) -> Entry:
    comes_in = row.credit_account == f"player:{row.player_id}"
    goes_out = row.debit_account == f"player:{row.player_id}"
    verb = "+" if comes_in else "-" if goes_out else ""
    aside = "" if comes_in or goes_out else f", {row.debit_account} to {row.credit_account}"
    by = f" · by {said_to_people(row.made_by)}" if row.made_by else ""
    said = f"{verb}{words.amount(row.amount)} {row.currency}{aside}"
    return Entry(at=row.created_at, said=said, more=f"{row.cause}{by}")


def _message(row: Message) -> Entry:
    said, _ = words.fact(row.type, row.data)
    return Entry(at=row.timestamp, said=f"Told: {said}", more=f"message {row.seq}")


def _finding(row: Finding) -> Entry:
    values = ", ".join(f"{name} {words.short(value)}" for name, value in row.values.items())
    decided = f"by {said_to_people(row.decided_by)}" if row.decided_by else ""
    more = " · ".join(filter(None, (row.type, values, row.event_id, decided, row.decision_reason)))
    state = row.get_status_display().lower()
    tone = "bad" if row.status == Finding.Status.HELD else "look" if row.status == Finding.Status.FLAGGED else ""
    return Entry(at=row.found_at, said=f"{row.rule}: {state}", more=more, tone=tone, address=page_of(row))


def _refused(row: RejectedEvent) -> Entry:
    more = f"{row.detail} · {row.event_id}"
    return Entry(at=row.rejected_at, said=f"{row.type} was refused: {row.code}", more=more, tone="bad")


def act(row: AuditEntry) -> Entry:
    """What somebody did about a player. Whoever sees the player sees it, since it is part of what happened to them;
    the log as a whole is another thing."""
    verb = row.action.replace("_", " ")
    about = "" if row.kind == "player" else f" {row.kind} {row.subject_id}"
    because = f"“{row.reason}”" if row.reason else ""
    changed = ", ".join(_changes(row))
    said = f"{said_to_people(row.actor)}: {verb}{about}"
    return Entry(at=row.at, said=said, more=" · ".join(filter(None, (because, changed))), tone="look")


def _changes(row: AuditEntry) -> list[str]:
    before, after = row.before or {}, row.after or {}
    return [
        f"{name} {words.short(before[name])} → {words.short(value)}"
        if name in before
        else f"{name} {words.short(value)}"
        for name, value in after.items()
    ]


# -- cases: what happens to one is told once, so neither as a fact nor as an act ---------------------------------------

CASES = ("case.opened", "case.decided")


def _facts(player_id: PlayerId) -> QuerySet[OutboxFact]:
    return OutboxFact.objects.filter(player_id=player_id).exclude(type__in=CASES)


def _acts(player_id: PlayerId) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(player_id=player_id).exclude(kind="case")


def _cases(player_id: PlayerId) -> QuerySet[Case]:
    """They are few: each was decided by a person before another was opened."""
    closed = When(appealed_at__isnull=False, then="closed_at")
    found = Case.objects.filter(player_id=player_id).annotate(closed_on_appeal=Either(closed))
    return found.defer("evidence", "revoked").prefetch_related("votes")


def _opened(row: Case) -> Entry:
    found = sorted({reason["rule"] for reason in row.reasons})
    withheld = "rewards wait" if row.withheld_at else ""
    more = " · ".join(filter(None, (f"found by {', '.join(found)}" if found else "", withheld)))
    return Entry(at=row.opened_at, said=f"Case {row.pk} was opened", more=more, tone="look", address=case_page(row))


def _decided(row: Case) -> Entry:
    cleared = row.state == State.CLEARED
    said = "cleared" if cleared else f"confirmed: {row.standing.lower() or 'unranked'}"
    return Entry(
        at=row.decided_at or row.opened_at, said=f"Case {row.pk} was {said}", more=_said_by(row, of_appeal=False),
        tone="good" if cleared else "bad", address=case_page(row),
    )  # fmt: skip


def _appealed(row: Case) -> Entry:
    said = f"The player appealed the verdict of case {row.pk}"
    return Entry(
        at=row.appealed_at or row.opened_at, said=said, more=f"“{words.short(row.appeal)}”", tone="look",
        address=case_page(row),
    )  # fmt: skip


def _closed(row: Case) -> Entry:
    upheld = row.state == State.UPHELD
    said = f"The verdict of case {row.pk} {'stays' if upheld else 'was overturned'}"
    return Entry(
        at=row.closed_at or row.opened_at, said=said, more=_said_by(row, of_appeal=True),
        tone="bad" if upheld else "good", address=case_page(row),
    )  # fmt: skip


def _said_by(row: Case, *, of_appeal: bool) -> str:
    """Who voted, and why, of those whose votes it was decided by."""
    return " · ".join(
        f"{vote.get_verdict_display().lower()} by {said_to_people(vote.who)}"
        + (f": “{vote.note}”" if vote.note else "")
        for vote in row.votes.all()
        if vote.is_of_appeal == of_appeal
    )


def case_page(row: Case) -> str:
    return reverse("admin:review_case", args=[row.pk])


def _note(row: Note) -> Entry:
    return Entry(at=row.written_at, said=row.text, more=f"written by {said_to_people(row.written_by)}", tone="look")


SOURCES = (
    Source(
        name="staff",
        label="Staff",
        needs=SEES_PLAYERS,
        rows=_acts,
        at="at",
        say=act,
    ),
    Source(
        name="notes",
        label="Notes",
        needs="console.view_note",
        rows=lambda player_id: Note.objects.filter(player_id=player_id),
        at="written_at",
        say=_note,
    ),
    Source(
        name="cases",
        label="Cases",
        needs=SEES_CASES,
        rows=_cases,
        at="opened_at",
        say=_opened,
        moments={"decided_at": _decided, "appealed_at": _appealed, "closed_on_appeal": _closed},
    ),
    Source(
        name="findings",
        label="Findings",
        needs="anticheat.view_finding",
        rows=lambda player_id: Finding.objects.filter(player_id=player_id),
        at="found_at",
        say=_finding,
    ),
    Source(
        name="refused",
        label="Refused events",
        needs="kernel.view_rejectedevent",
        rows=lambda player_id: RejectedEvent.objects.filter(player_id=player_id),
        at="rejected_at",
        say=_refused,
    ),
    Source(
        name="facts",
        label="Facts",
        needs="kernel.view_outboxfact",
        rows=_facts,
        at="timestamp",
        say=_fact,
    ),
    Source(
        name="money",
        label="Money",
        needs="rewards.view_transfer",
        rows=lambda player_id: Transfer.objects.filter(player_id=player_id),
        at="created_at",
        say=_money,
    ),
    Source(
        name="messages",
        label="Messages",
        needs="feed.view_message",
        rows=lambda player_id: Message.objects.filter(player_id=player_id),
        at="timestamp",
        say=_message,
        is_asked_for=True,
    ),
    Source(
        name="events", label="Events", needs="kernel.view_event", rows=_events, at="timestamp", say=_event
    ),
)  # fmt: skip
"""In the order in which things are told that happened at one instant, the last cause at the end."""
